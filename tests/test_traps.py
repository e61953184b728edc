"""Traps that feeds set, mostly without meaning to: each once cost a story, an alert or a neighbour."""

import asyncio

import pytest
from aiohttp import web

from storage import feeds, items
from tests.helpers import LOOPBACK, Handler, Server, item, plain, rss
from tests.world import World
from wire.errors import PollFailed
from worker.fetch import Limits, fetch, open_session
from worker.guard import Guard


def test_one_guid_for_all_is_seen_through_though_old_entries_are_not_parsed_again(world: World) -> None:
    world.rule("Acme")
    titles = ["Acme wins contract", "Acme chief dies", "Acme bankrupt"]
    stories = [plain(number, title, guid="https://example.org/") for number, title in enumerate(titles)]
    world.feed("/a.xml", stories[0])
    world.run()
    for count in (2, 3):
        world.server.pages["/a.xml"] = rss(*reversed(stories[:count]))
        world.run(4000)
    assert [one.title for one in world.items()] == list(reversed(titles))
    assert len(world.hooks()) == 3


def test_a_warning_given_again_a_month_later_is_another_story(world: World) -> None:
    world.rule("tornado")
    words = {
        "link": "https://example.org/map",
        "description": "Take shelter now.",
        "title": "Tornado warning for Dallas",
    }
    world.feed("/a.xml", {**words, "guid": "1", "pubDate": "Sun, 22 Nov 2026 10:00:00 GMT"})
    world.run()
    world.server.pages["/a.xml"] = rss(plain(9, "Calm"))
    world.run(4000)
    world.server.pages["/a.xml"] = rss({**words, "guid": "2", "pubDate": "Tue, 22 Dec 2026 10:00:00 GMT"})
    world.run(30 * 86_400)
    assert len(world.items()) == 3
    assert len(world.hooks()) == 2


def test_what_a_source_says_often_but_not_always_is_news(world: World) -> None:
    world.rule("departure")
    said = "Item 5.02: Departure of Directors or Certain Officers."
    for number in range(40):
        text = (
            f"Company {'x' * (number + 1)} filed today. {said if number % 5 == 0 else 'Item 8.01: Other Events of it.'}"
        )
        world.feed(f"/{number}.xml", item(1110448100 + number, f"Filing {number}", f"(MENAFN - Filings) {text}"))
    world.run()
    assert len(world.hooks()) == 8


def test_a_story_told_anew_by_its_title_alone_is_matched_on_the_text_it_has(world: World) -> None:
    world.rule("dead AND Acme")
    world.feed("/a.xml", plain(1, "Chief ill", "The chief of Acme is in hospital."))
    world.run()
    world.server.pages["/a.xml"] = rss(plain(1, "Chief dead"))
    world.run(4000)
    assert len(world.hooks()) == 1


def test_a_story_whose_page_never_comes_is_matched_on_its_feeds_last_words(world: World) -> None:
    world.rule("bankrupt")
    url = world.server.url("/page")
    world.feed("/a.xml", plain(1, "Acme in trouble", link=url), full_text=True)
    world.run()
    world.server.pages["/a.xml"] = rss(plain(1, "Acme is bankrupt", link=url))
    for _ in range(4):
        world.run(200)
    (found,) = world.items()
    assert (found.title, found.state) == ("Acme is bankrupt", "current")
    assert len(world.hooks()) == 1


def test_a_page_that_got_shorter_takes_nothing_away(world: World) -> None:
    url = world.server.url("/page")
    sentences = [f"The {word} sentence of this story says something of its own." for word in "abcdefghij"]
    page = "<html><body><article><h1>Acme in trouble</h1><p>{}</p></article></body></html>"
    world.server.pages["/page"] = page.format("</p><p>".join(sentences))
    world.feed("/a.xml", plain(1, "Acme in trouble", "A start.", link=url), full_text=True)
    world.run()
    world.server.pages["/page"] = page.format("</p><p>".join(sentences[:5]))
    world.server.pages["/a.xml"] = rss(plain(1, "Acme in trouble", "Another start of it.", link=url))
    world.run(4000)
    (found,) = world.items()
    assert (found.version, "The j sentence" in found.text) == (1, True)


def answering(status: int, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    return answer


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_feed_cannot_silence_the_host_it_redirects_to(world: World) -> None:
    good = world.feed("/good.xml", item(1110448134))
    world.feed("/evil.xml")
    target = world.server.url("/busy").replace("127.0.0.1", "localhost")
    world.server.pages |= {
        "/evil.xml": answering(302, Location=target),
        "/busy": answering(503, **{"Retry-After": "9999"}),
    }
    with world.database.writing() as session:
        feeds.find(session, str(good)).host = target.split("/")[2]
    world.run()
    with world.database.reading() as session:
        assert feeds.resting(session, target.split("/")[2], world.clock()) is None


@pytest.mark.parametrize("location", ["http://u:pw@127.0.0.1:{port}/b.xml", "/b.xml#part", f"/{'x' * 6_000}"])
def test_an_odd_address_is_not_moved_to(world: World, location: str) -> None:
    world.feed("/a.xml")
    world.server.pages["/a.xml"] = answering(301, Location=location.format(port=world.server.port))
    world.server.pages |= {"/b.xml": rss(item(1110448134)), f"/{'x' * 6_000}": rss(item(1110448134))}
    for _ in range(4):
        world.run(4000)
    feed = world.the_feed()
    assert (feed.url, feed.moved_to, feed.losses) == (world.server.url("/a.xml"), "", 0)
    assert len(world.items()) == 1


def test_a_proxys_password_is_in_no_message(server: Server) -> None:
    server.pages["/"] = "no"

    async def go() -> None:
        proxy = server.base.replace("http://", "http://user:s3cret@")
        async with open_session("test", Guard(LOOPBACK), proxy=proxy) as session:
            await fetch(session, "https://wire.example/feed", Limits())

    with pytest.raises(PollFailed) as failed:
        asyncio.run(go())
    assert "s3cret" not in str(failed.value)


def test_furniture_stays_in_its_place_in_a_later_version(world: World) -> None:
    foot = "Subscribe to our newsletter for more news like this."
    for number in range(7):
        text = f"(MENAFN - Gulf Ledger)Story {'x' * (number + 1)} begins with this sentence. {foot}"
        world.feed(f"/{number}.xml", item(1110448100 + number, f"Title {number}", text))
        world.run(61)
    last = f"(MENAFN - Gulf Ledger)Story xxxxxxx begins quite anew with this long sentence of twelve. {foot}"
    world.server.pages["/6.xml"] = rss(item(1110448106, "Title 6", last))
    world.run(4000)
    with world.database.reading() as session:
        newest = items.find(session, "1110448106")
        offered = items.facts(session, [newest.id or 0])[newest.id or 0].text
        assert newest.version == 2
    assert (len(offered.rstrip()), "newsletter" in offered, "of twelve." in offered) == (
        len(last) - 23 - len(foot),
        False,
        True,
    )
