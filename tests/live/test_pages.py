"""The pages in a real browser: the ways an analyst and an operator go, with script and without, light and dark."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect, sync_playwright

from desk.web.app import make_app
from service.processes.desk import site
from settings import read
from storage import channels, feeds, rules
from storage.database import Database
from tests.conftest import missing
from tests.helpers import LOOPBACK, Clock, Server, item, rss, wait_until
from tests.live.desk import served
from tests.world import World
from worker.config import Config
from worker.guard import Guard
from worker.process import Process

PAGES = ("/", "/items/1", "/items/1?why=drones", "/alerts?state=all", "/alerts/1", "/rules", "/rules/1", "/rules/new",
         "/feeds", "/feeds/1", "/feeds/new", "/channels", "/channels/1", "/channels/new", "/status", "/audit", "/signin",
         "/?q=(", "/nowhere")  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        missing("chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def database(one_database: Database) -> Database:
    """One kind is enough here: what the pages ask for is tested on both."""
    return one_database


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    """A thread of its own for what runs event loops: the browser's is running in ours."""
    with ThreadPoolExecutor(1) as thread:
        yield thread


@pytest.fixture
def process(aside: ThreadPoolExecutor, database: Database, clock: Clock, sent: list[Any]) -> Iterator[Process]:
    config = Config(database_url=database.url, guard=Guard(LOOPBACK))
    made = aside.submit(Process, config, clock=clock, dice=lambda: 0.5).result()
    yield made
    aside.submit(made.close).result()


class Aside(World):
    """A world whose work is done in another thread."""

    aside: ThreadPoolExecutor

    def run(self, seconds: float = 0) -> None:
        self.aside.submit(super().run, seconds).result()


@pytest.fixture
def world(
    aside: ThreadPoolExecutor, database: Database, server: Server, process: Process, clock: Clock, sent: list[Any]
) -> Iterator[World]:
    server.pages["/hook"] = "taken"
    found = Aside(database, server, process, clock, sent)
    found.aside = aside
    yield found
    aside.submit(found.scheduler.close).result()


@pytest.fixture
def application(world: World, tmp_path: Path) -> FastAPI:
    settings = read(data=tmp_path, database_url=world.database.url, allow_networks="127.0.0.0/8", min_interval="1m")
    return make_app(replace(site(settings, world.database), clock=world.clock))


@pytest.fixture
def desk(application: FastAPI) -> Iterator[str]:
    with served(application) as address:
        yield address


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def script(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def page(script: bool, browser: Browser, desk: str) -> Iterator[Page]:
    context = browser.new_context(base_url=desk, java_script_enabled=script, locale="en-GB")
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    said: list[str] = []
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    opened.on("dialog", lambda dialog: dialog.accept())
    yield opened
    context.close()
    assert [one for one in said if "404" not in one] == []


def test_from_an_empty_desk_to_an_alert_that_is_sent_again(
    page: Page, script: bool, world: World, server: Server
) -> None:
    """A feed is added, a rule written and tried, a story and its alert come, a delivery that failed goes out again."""
    server.pages["/wire.xml"] = rss(item(1110448134, "Drones over Fastiv", "Drones struck a plant."), title="The wire")
    server.pages["/home"] = (
        '<link rel="alternate" type="application/rss+xml" title="The wire" href="/wire.xml"><a href="/atom.xml">x</a>'
    )
    page.goto("/")
    expect(page.get_by_text("No feed is watched yet.")).to_be_visible()
    page.get_by_role("link", name="Add the first feed").click()
    page.get_by_label("Address of a feed").fill(server.url("/home"))
    page.get_by_role("button", name="Add it", exact=True).click()
    expect(page.get_by_text("It is watched.")).to_be_visible()
    world.run()
    page.goto("/")
    page.get_by_role("link", name="Drones over Fastiv").click()
    expect(page.get_by_text("No rule met it.")).to_be_visible()

    page.goto("/channels/new")
    page.get_by_label("Name").fill("desk")
    page.get_by_label("Target").fill(server.url("/refuses"))
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", name="desk")).to_be_visible()

    page.goto("/rules/new")
    page.get_by_label("Name").fill("fastiv")
    page.get_by_label("Look for").fill("Fastiv AND (drones")
    if not script:
        page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("never closed")).to_be_visible()
    page.get_by_label("Look for").fill("Fastiv AND drones")
    if not script:
        page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("1 story, ")).to_be_visible()
    expect(page.get_by_role("img", name="Stories a day over 30 days")).to_be_visible()
    page.get_by_label("desk").check()
    page.get_by_role("button", name="Add the rule").click()
    expect(page.get_by_text("stands at version").or_(page.get_by_text("The rule “fastiv” is on."))).to_be_visible()

    page.goto("/")
    if script:
        expect(page.get_by_text("live: what comes is put on top")).to_be_visible()
    server.pages["/wire.xml"] = rss(
        item(1110448135, "Fastiv again: drones over the depot", "More drones over Fastiv."),
        item(1110448134, "Drones over Fastiv", "Drones struck a plant."),
        title="The wire",
    )
    world.run(4000)
    if not script:
        page.reload()
    expect(page.get_by_role("link", name="Fastiv again: drones over the depot")).to_be_visible()
    if script:
        expect(page.locator("#new-alerts")).to_contain_text("1")

    page.get_by_role("navigation").get_by_role("link", name="Alerts").click()
    page.get_by_role("link", name="Fastiv again: drones over the depot").click()
    expect(page.get_by_text("Fastiv AND drones")).to_be_visible()
    expect(page.locator("mark").first).to_have_text("Fastiv")
    expect(page.get_by_role("region", name="Deliveries")).to_contain_text("failed")
    server.pages["/refuses"] = "taken after all"
    page.get_by_role("button", name="Send again to desk").click()
    expect(page.get_by_text("It is on its way again.")).to_be_visible()
    world.run()
    page.reload()
    expect(page.get_by_role("region", name="Deliveries")).to_contain_text("sent")
    expect(page.get_by_role("region", name="What happened")).to_contain_text("a person asked for it")
    page.get_by_label("Remark").fill("called the plant")
    page.get_by_role("button", name="Note it").click()
    page.get_by_role("button", name="Mark as seen").click()
    expect(page.get_by_text("somebody on this machine")).to_be_visible()
    expect(page.get_by_label("Remark")).to_have_value("called the plant")


HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.mark.parametrize("script", [True], indirect=True)
def test_what_came_while_nobody_looked_at_a_page_is_there(
    page: Page, world: World, server: Server, application: FastAPI
) -> None:
    world.rule("Fastiv")
    world.feed("/wire.xml", item(1110448134, "Before"))
    world.run()
    page.goto("/")
    expect(page.get_by_text("live: what comes is put on top")).to_be_visible()
    page.evaluate(HIDE, True)
    wait_until(application.state.hub._looking.done, what="nobody listens any more")
    server.pages["/wire.xml"] = rss(item(1110448135, "Fastiv meanwhile"), item(1110448134, "Before"))
    world.run(4000)
    expect(page.get_by_role("link", name="Fastiv meanwhile")).to_have_count(0)
    page.evaluate(HIDE, False)
    expect(page.get_by_role("link", name="Fastiv meanwhile")).to_have_count(1)
    expect(page.locator("#new-alerts")).to_contain_text("1")


def test_a_versions_difference_is_read_and_a_rule_is_asked_why_not(page: Page, world: World, server: Server) -> None:
    world.rule("Fastiv NOT depot", name="fastiv")
    world.feed("/a.xml", item(1110448134, "Drones over Fastiv", "Four people were hurt at the plant."))
    world.run()
    server.pages["/a.xml"] = rss(
        item(1110448134, "Drones over Fastiv", "Nine people were hurt at the depot, officials say.")
    )
    world.run(4000)
    page.goto("/items/1")
    change = page.locator("#versions")
    expect(change.locator("del").first).to_contain_text("Four")
    expect(change.locator("ins").first).to_contain_text("Nine")
    page.get_by_label("Why, or why not:").select_option("fastiv")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("“fastiv” does not:")).to_be_visible()
    expect(page.locator(".clauses .fails").first).to_be_visible()


@pytest.fixture
def furnished(world: World, server: Server) -> World:
    """A world with something on every page."""
    world.rule("drones", name="drones")
    world.rule("لبنان", name="لبنان", to="/refuses")
    world.feed(
        "/a.xml",
        item(1110448134, "Drones over Fastiv", "Four people were hurt."),
        item(1110448135, "لبنان: خطة جديدة", "مصرف لبنان"),
    )
    world.run()
    server.pages["/a.xml"] = rss(
        item(1110448134, "Update 1: Drones over Fastiv", "Nine people were hurt, officials say.")
    )
    world.run(4000)
    with world.database.writing() as session:
        rules.set_list(session, "names", ["Zelensky", "Selenskyj"], now=world.clock())
        feeds.pause(feeds.find(session, "1"), "It was tried and is broken.")
        channels.add(
            session, "mail", "email", "smtp://u@mail.example.org?from=w@example.org&to=a@example.org", now=world.clock()
        )
    return world


def test_axe_finds_nothing_on_any_page_and_none_is_wider_than_its_window(
    browser: Browser, desk: str, furnished: World
) -> None:
    """Light and dark, at the width of a phone and of a desk."""
    context = browser.new_context(base_url=desk, color_scheme="light")
    page = context.new_page()
    found: list[str] = []
    for path in PAGES:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(path)
        page.emulate_media(color_scheme="light")
        found += violations(page, path)
        page.emulate_media(color_scheme="dark")
        found += violations(page, f"{path} in the dark", ["color-contrast"])
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{path} is wider than {width}")
    assert found == []
    page.evaluate(
        "document.querySelector('main').innerHTML = '<img src=x><p style=\"color:#777;background:#666\">x</p>'"
    )
    assert {one.split(": ")[1] for one in violations(page, "planted")} >= {"image-alt"}
    context.close()


def violations(page: Page, where: str, only: list[str] | None = None) -> list[str]:
    """What axe-core finds, a line each: where, which of its rules, what."""
    options = {"runOnly": {"type": "rule", "values": only}} if only else {}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{where}: {one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in found]


def test_the_keys_go_through_the_list(browser: Browser, desk: str, furnished: World) -> None:
    context = browser.new_context(base_url=desk)
    page = context.new_page()
    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#list > li.here")).to_have_attribute("data-number", "1")
    page.keyboard.press("k")
    expect(page.locator("#list > li.here")).to_have_attribute("data-number", "2")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.press("Tab")
    page.locator("h1").click()
    page.keyboard.press("o")
    expect(page).to_have_url(f"{desk}/items/2")
    expect(page.locator("article h1")).to_have_attribute("dir", "auto")
    context.close()
