"""The way of a story, from a poll to a delivery, on both databases: one worker process, real HTTP, our own clock."""

import asyncio
import itertools
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import text

from scheduler.loop import Scheduler
from storage import alerts, channels, feeds, held, polls, pulse, rules
from tests.helpers import item, rss, wait_until
from tests.world import World
from wire.cadence import Bounds
from wire.entries import to_story
from worker.fetch import Limits
from worker.guard import Guard
from worker.process import Process, _Lease

PAGE = """<html><body><p>Tuesday, 02 January 2024 12:17 GMT</p><h1>{title}</h1><p>(MENAFN- Gulf Ledger) {text}</p>
<p>MENAFN22112026000045017640ID{id}</p><p>Legal Disclaimer:</p><p>MENAFN provides the information</p></body></html>"""


def test_a_story_that_meets_a_rule_arrives_once_with_its_words(world: World) -> None:
    world.feed("/a.xml", item(1110448134, "Fastiv struck", "(MENAFN - Gulf Ledger)Drones over Fastiv ..."))
    world.rule("Fastiv AND drones")
    world.run()
    (told,) = world.hooks()
    assert told["matched"] == ["Fastiv", "Drones"]
    assert told["story"]["story_id"] == "1110448134"
    assert told["story"]["provider"] == "Gulf Ledger"
    for _ in range(3):
        world.run(4000)
    assert len(world.hooks()) == 1
    assert world.count("delivery") == 1


def test_a_story_in_two_feeds_is_one_item_with_two_sightings(world: World) -> None:
    world.rule("calm")
    world.feed("/a.xml", item(1110448134, text="All calm"))
    world.feed("/b.xml", item(1110448134, title="Another headline", text="All calm here too"))
    world.run()
    assert len(world.items()) == 1
    assert world.count("sighting") == 2
    assert len(world.hooks()) == 1


def test_two_feeds_with_their_own_words_revise_nothing(world: World) -> None:
    world.feed("/a.xml", item(1110448134, title="A", text="one"))
    world.run()
    world.feed("/b.xml", item(1110448134, title="B", text="two"))
    for _ in range(3):
        world.run(4000)
    (found,) = world.items()
    assert (found.title, found.version) == ("A", 1)


def test_an_edit_is_a_version_and_the_same_rule_is_not_told_twice(world: World) -> None:
    world.feed("/a.xml", item(1110448134, "Fastiv struck"))
    world.rule("Fastiv")
    world.run()
    world.server.pages["/a.xml"] = rss(item(1110448134, "Fastiv struck again"))
    world.run(4000)
    (found,) = world.items()
    assert (found.title, found.version) == ("Fastiv struck again", 2)
    assert len(world.hooks()) == 1
    with world.database.reading() as session:
        held = alerts.deliveries(session, limit=5, state="held")
    assert [row.note for row in held] == ["held: this story was told already, in another version (alert 1)"]


@pytest.mark.parametrize("link", ["https://example.org/story", ""])
def test_a_site_that_makes_its_guids_anew_tells_nothing_twice(world: World, link: str) -> None:
    stories = [{"title": f"Storm {n}", "link": link and f"{link}/{n}", "description": "Rain."} for n in range(5)]
    world.feed("/a.xml", *({**story, "guid": f"first-{n}"} for n, story in enumerate(stories)))
    world.rule("storm")
    world.run()
    world.server.pages["/a.xml"] = rss(*({**story, "guid": f"second-{n}"} for n, story in enumerate(stories)))
    world.run(4000)
    expected = 5 if link else 10  # without an address nothing but the title speaks for their being the same
    assert len(world.items()) == expected
    assert len(world.hooks()) == expected


def test_an_edit_that_meets_a_rule_for_the_first_time_is_told(world: World) -> None:
    world.feed("/a.xml", item(1110448134, "Town struck"))
    world.rule("Fastiv")
    world.run()
    world.server.pages["/a.xml"] = rss(item(1110448134, "Fastiv struck"))
    world.run(4000)
    assert [told["story"]["version"] for told in world.hooks()] == [2]


def test_only_a_storys_own_site_or_first_feed_may_revise_it(world: World) -> None:
    story = item(1110448134, "True words")
    world.feed("/first.xml", story)
    world.run()
    world.feed("/other.xml", item(1110448134, "Other words"))
    world.run(4000)
    world.server.pages["/other.xml"] = rss(item(1110448134, "False words"))
    world.run(4000)
    (found,) = world.items()
    assert found.title == "True words"


def test_what_did_not_change_is_not_parsed_and_validators_are_echoed(world: World) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"v1"':
            return web.Response(status=304)
        return web.Response(body=rss(item(1110448134)), headers={"ETag": '"v1"', "Last-Modified": "yesterday"})

    world.feed("/a.xml")
    world.server.pages["/a.xml"] = answer
    for _ in range(3):
        world.run(4000)
    assert [headers.get("If-Modified-Since") for _, _, headers in world.server.asked] == [
        None,
        "yesterday",
        "yesterday",
    ]
    with world.database.reading() as session:
        assert [poll.outcome for poll in polls.polls_of(session, 1, 5)] == ["not modified", "not modified", "read"]


def test_the_same_bytes_are_not_parsed_again(world: World) -> None:
    world.feed("/a.xml", item(1110448134))
    for _ in range(2):
        world.run(4000)
    with world.database.reading() as session:
        assert [poll.outcome for poll in polls.polls_of(session, 1, 5)] == ["same bytes", "read"]


@pytest.mark.parametrize(
    ("page", "status", "says"),
    [
        ("<!doctype html><html>Sorry</html>", 200, "a web page, not a feed"),
        ("", 200, "empty"),
        (None, 404, "answered 404 Not Found"),
        ("x" * 5000, 200, "larger than 4,000 bytes"),
    ],
)
def test_a_failed_poll_leaves_its_reason_on_the_row_and_ends_when_the_feed_is_back(
    world: World, make_process: Callable[..., Process], page: str | None, status: int, says: str
) -> None:
    world.process = make_process(limits=Limits(size=4000))
    world.feed("/a.xml")
    world.server.pages.pop("/a.xml")
    if page is not None:
        world.server.pages["/a.xml"] = page
    world.run()
    feed = world.the_feed()
    assert (feed.failures, feed.last_status) == (1, status)
    assert says in feed.last_error
    assert feed.due_at > world.clock()
    world.server.pages["/a.xml"] = rss(item(1110448134))
    world.run(4000)
    assert (world.the_feed().failures, world.the_feed().last_error) == (0, "")
    assert len(world.items()) == 1


def test_an_unreachable_host_and_a_forbidden_one_are_told_apart(
    world: World, make_process: Callable[..., Process]
) -> None:
    world.feed("/a.xml", item(1))
    with world.database.writing() as session:
        feeds.add(session, "http://127.0.0.1:1/feed", now=world.clock(), bounds=Bounds(60, 3600))
    world.run()
    assert "does not answer at port 1" in world.the_feed("2").last_error
    world.process = make_process(guard=Guard())
    world.run(4000)
    assert "127.0.0.1 is not a public address" in world.the_feed("1").last_error
    assert len(world.server.asked) == 1


def test_a_poll_that_shares_nothing_with_the_last_is_a_gap(world: World) -> None:
    world.feed("/a.xml", item(1110448134), item(1110448135))
    world.run()
    world.server.pages["/a.xml"] = rss(item(1110448200))
    world.run(4000)
    with world.database.reading() as session:
        assert [poll.gap for poll in polls.polls_of(session, 1, 5)] == [True, False]


def test_a_full_text_feed_matches_once_on_the_whole_page(world: World) -> None:
    link = world.server.url("/1110448134/Story")
    world.server.pages["/1110448134/Story"] = PAGE.format(id=1110448134, title="Story", text="Fastiv is far below." * 3)
    world.feed("/a.xml", item(1110448134, link=link), full_text=True)
    world.rule("Fastiv", name="in text")
    world.rule("disclaimer OR January", name="furniture")
    world.run()
    (told,) = world.hooks()
    assert told["rule"]["name"] == "in text"
    (found,) = world.items()
    assert (found.state, found.provider, found.provider_code) == ("current", "Gulf Ledger", "000045017640")
    assert world.count("reading") == 0


@pytest.mark.parametrize(("seconds", "asked"), [(300, [0, 300]), (3600, [0])])
def test_a_server_that_wants_to_rest_is_left_alone_and_a_story_does_not_wait_long_for_it(
    world: World, seconds: int, asked: list[int]
) -> None:
    came: list[int] = []
    begun = world.clock()

    async def busy(_: web.Request) -> web.StreamResponse:
        came.append(int((world.clock() - begun).total_seconds()))
        return web.Response(status=429, headers={"Retry-After": f"{seconds}"})

    world.server.pages["/page"] = busy
    world.feed("/a.xml", item(1110448134, text="Fastiv", link=world.server.url("/page")), full_text=True)
    world.rule("Fastiv")
    world.run()
    for _ in range(10):
        world.run(30)
    assert came == asked
    assert len(world.hooks()) == (1 if len(asked) == 1 else 0)


def test_a_page_in_the_charset_that_its_server_names_alone(world: World) -> None:
    text = "Нефть дорожает третий день подряд. " * 5

    async def page(_: web.Request) -> web.StreamResponse:
        body = f"<html><h1>Нефть</h1><p>{text}</p></html>".encode("cp1251")
        return web.Response(body=body, headers={"Content-Type": "text/html; charset=windows-1251"})

    world.server.pages["/page"] = page
    world.feed("/a.xml", item(1110448134, link=world.server.url("/page")), full_text=True)
    world.rule("дорожает")
    world.run()
    assert len(world.hooks()) == 1


def test_how_long_a_feed_waits_is_known_though_it_is_rung_for_again_and_again(world: World) -> None:
    world.feed("/a.xml", item(1110448134))
    for _ in range(10):
        world.scheduler.round()
        world.sent.clear()  # no worker hears it
        world.clock.tick(65)
    with world.database.reading() as session:
        assert pulse.lag(session, world.clock()) == 650
        assert pulse.figures(session, world.clock()).feeds_overdue == 1
    world.run()
    with world.database.writing() as session:
        assert pulse.lag(session, world.clock()) == 0
        later = world.clock() + timedelta(hours=2)
        feeds.rest_host(session, world.the_feed().host, later + timedelta(seconds=1))
        assert pulse.lag(session, later) == pulse.figures(session, later).feeds_overdue == 0


def test_whoever_works_long_keeps_what_it_took(world: World) -> None:
    world.feed("/a.xml", item(1110448134))
    lease, claim = world.process.config.lease, "mine"
    with world.database.writing() as session:
        feeds.claim_due_feeds(session, now=world.clock(), lease=lease, limit=9, claim=claim)
    held = _Lease(feeds.FEED, [1], claim, world.clock() + lease)
    for _ in range(5):
        world.clock.tick(lease.total_seconds() / 2)
        world.process._renew(held)
        world.scheduler.round()
        assert [task for task, _, _ in world.sent if task == "poll"] == []
    world.clock.tick(lease.total_seconds() + 1)
    world.scheduler.round()
    assert [task for task, _, _ in world.sent if task == "poll"] == ["poll"]


def test_a_page_that_cannot_be_had_in_three_tries_gives_way_to_the_feeds_text(world: World) -> None:
    world.feed("/a.xml", item(1110448134, text="Fastiv", link=world.server.url("/gone")), full_text=True)
    world.rule("Fastiv")
    world.run()
    assert world.hooks() == []
    world.run(31)
    assert world.hooks() == []
    world.run(121)
    assert len(world.hooks()) == 1
    assert sum(path == "/gone" for _, path, _ in world.server.asked) == 3
    with world.database.reading() as session:
        error, due_at = session.execute(text("SELECT error, due_at FROM reading")).one()
    assert "404" in error
    assert due_at is None


def test_a_delivery_is_tried_again_with_the_same_key_until_it_arrives(world: World) -> None:
    status = [503, 500, 200]

    async def receive(request: web.Request) -> web.Response:
        return web.Response(status=status.pop(0), text="busy")

    world.server.pages["/hook"] = receive
    world.feed("/a.xml", item(1110448134, "Fastiv"))
    world.rule("Fastiv")
    world.run()
    world.run(11)
    world.run(61)
    keys = [headers["Idempotency-Key"] for method, _, headers in world.server.asked if method == "POST"]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    with world.database.reading() as session:
        (row,) = alerts.deliveries(session, limit=5)
    assert (row.state, row.attempts, row.note) == ("sent", 3, "")


def test_a_refused_delivery_is_a_dead_letter_that_can_be_sent_again(world: World) -> None:
    del world.server.pages["/hook"]
    world.feed("/a.xml", item(1110448134, "Fastiv"))
    world.rule("Fastiv")
    world.run()
    with world.database.writing() as session:
        (row,) = alerts.deliveries(session, limit=5, state="failed")
        assert "404" in row.note
        world.server.pages["/hook"] = "back"
        assert held.resend_failed(session, world.clock()) == 1
    world.run()
    with world.database.reading() as session:
        assert [row.state for row in alerts.deliveries(session, limit=5)] == ["sent"]


def test_messages_that_get_lost_are_made_up_for_when_their_lease_ends(world: World) -> None:
    world.feed("/a.xml", item(1110448134, "Fastiv"))
    world.rule("Fastiv")
    world.scheduler.round()
    world.sent.clear()
    world.run(61)
    assert len(world.items()) == 1
    assert len(world.hooks()) == 1


def test_a_message_that_comes_twice_does_nothing_the_second_time(world: World) -> None:
    world.feed("/a.xml", item(1110448134, "Fastiv"))
    world.rule("Fastiv")
    world.scheduler.round()
    messages = [message for message in world.sent if message[0] != "beat"]
    for task, _, arguments in (*messages, *messages):
        getattr(world.process, task)(*arguments)
    assert sum(path == "/a.xml" for _, path, _ in world.server.asked) == 1


def test_one_feed_that_breaks_the_batch_hurts_only_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.feed("/a.xml", item(1110448134))
    world.feed("/b.xml", item(1110448135, title="poison"))
    world.feed("/c.xml", item(1110448136))
    honest = to_story

    def poisoned(entry: Any, *more: Any, **named: Any) -> Any:
        if entry.title == "poison":
            raise ValueError("this one cannot be kept")
        return honest(entry, *more, **named)

    monkeypatch.setattr("worker.outcome.to_story", poisoned)
    world.run()
    assert sorted(found.story_id for found in world.items()) == ["1110448134", "1110448136"]
    assert "could not be kept: ValueError" in world.the_feed("2").last_error


def test_a_changed_rule_is_seen_by_the_next_batch(world: World) -> None:
    world.feed("/a.xml", item(1110448134, "Town struck"))
    world.run()
    world.rule("Fastiv")
    world.server.pages["/a.xml"] = rss(item(1110448135, "Fastiv struck"), item(1110448134, "Town struck"))
    world.run(4000)
    assert len(world.hooks()) == 1
    with world.database.writing() as session:
        rules.remove(session, rules.find(session, "rule"), world.clock())
    world.server.pages["/a.xml"] = rss(item(1110448136, "Fastiv again"), item(1110448135, "Fastiv struck"))
    world.run(4000)
    assert len(world.hooks()) == 1


def test_a_stolen_claim_writes_nothing(world: World) -> None:
    world.feed("/a.xml", item(1110448134))
    world.scheduler.round()
    (poll,) = [message for message in world.sent if message[0] == "poll"]
    world.clock.tick(61)
    world.scheduler.round()
    world.process.poll(*poll[2])
    assert world.items() == []


def test_two_warnings_at_one_address_are_two_stories(world: World) -> None:
    """Same link, same title, another guid and other words: weather feeds do so, and a story lost is the worst."""
    one = {"guid": "a1", "link": "https://example.org/now", "title": "Gale warning", "description": "in the north"}
    two = one | {"guid": "a2", "description": "in the south, ten dead"}
    world.rule("gale")
    world.feed("/a.xml", one)
    world.run()
    world.server.pages["/a.xml"] = rss(two, one)
    world.run(4000)
    world.server.pages["/a.xml"] = rss(one | {"guid": "a3", "description": "in the east"})
    world.run(4000)
    assert len(world.items()) == len(world.hooks()) == 3


def test_a_story_that_stands_twice_in_a_feed_is_not_revised_by_its_double(world: World) -> None:
    double = (item(1110448134, "First"), item(1110448134, "Second"))
    world.feed("/a.xml", *double)
    world.run()
    world.server.pages["/a.xml"] = rss(*double, item(1110448135))
    world.run(4000)
    assert [(found.title, found.version) for found in world.items() if found.story_id == "1110448134"] == [("First", 1)]


def test_a_feed_whose_pages_are_read_completes_a_story_another_feed_began(world: World) -> None:
    link = world.server.url("/1110448134/Story")
    world.server.pages["/1110448134/Story"] = PAGE.format(
        id=1110448134, title="Story", text="Fastiv is far below. " * 3
    )
    world.rule("Fastiv")
    world.feed("/short.xml", item(1110448134, "Story", link=link))
    world.run()
    assert world.hooks() == []
    world.feed("/long.xml", item(1110448134, "Story", link=link), full_text=True)
    world.run(4000)
    assert [told["story"]["version"] for told in world.hooks()] == [2]
    world.server.pages["/long.xml"] = rss(item(1110448134, "Story", link=link), item(1110448135))
    world.run(4000)
    assert len(world.hooks()) == 1


def test_one_bad_page_does_not_hold_up_its_neighbours(world: World) -> None:
    bad = b'<html><head><meta charset="undefined"></head><body><h1>x</h1><p>\xff</p></body></html>'
    good = PAGE.format(id=1110448135, title="Good", text="Fastiv stands here as before. " * 3)
    world.server.pages |= {"/bad": bad, "/good": good}
    world.rule("Fastiv")
    pages = (item(1110448134, link=world.server.url("/bad")), item(1110448135, link=world.server.url("/good")))
    world.feed("/a.xml", *pages, full_text=True)
    world.run()
    assert [told["story"]["story_id"] for told in world.hooks()] == ["1110448135"]
    for _ in range(3):
        world.run(130)
    assert {found.state for found in world.items()} == {"current"}


@pytest.mark.parametrize(
    "oddity",
    [
        "<published_parsed>2024</published_parsed>",
        "<title_detail>x</title_detail>",
        "<summary_detail>x</summary_detail>",
    ],
)
def test_a_feed_with_odd_elements_hurts_no_neighbour(world: World, oddity: str) -> None:
    world.feed("/odd.xml")
    world.server.pages["/odd.xml"] = (
        f"<rss version='2.0'><channel><title>t</title>{oddity}<item>{oddity}<title>x</title></item></channel></rss>"
    )
    world.feed("/good.xml", item(1110448134))
    world.run()
    assert "1110448134" in {found.story_id for found in world.items()}
    assert world.the_feed("1").last_polled_at is not None


def test_a_story_is_told_to_a_channel_that_was_not_told_before(world: World) -> None:
    """Its first version went to nobody: the rule had no channel yet."""
    world.feed("/a.xml", item(1110448134, "Fastiv struck"))
    with world.database.writing() as session:
        rules.add(session, "rule", "Fastiv", [], now=world.clock())
    world.run()
    with world.database.writing() as session:
        hook = channels.add(session, "hook", "webhook", world.server.url("/hook"), now=world.clock())
        rules.change(session, rules.find(session, "rule"), now=world.clock(), channels=[hook])
    world.server.pages["/a.xml"] = rss(item(1110448134, "Fastiv struck again"))
    world.run(4000)
    assert len(world.hooks()) == 1


def test_a_shadow_records_and_tells_nobody(world: World) -> None:
    world.feed("/a.xml", item(1110448134, "Fastiv struck"))
    world.rule("Fastiv")
    with world.database.writing() as session:
        rules.change(session, rules.find(session, "rule"), now=world.clock(), shadow=True)
    world.run()
    assert (world.count("alert"), world.count("delivery"), world.hooks()) == (1, 0, [])


def test_facts_about_a_story_can_be_asked_for(world: World) -> None:
    world.feed("/a.xml", item(1110448134, "Oil", category="Energy", author="Jane Doe"))
    for query in (
        "tag:energy",
        'author:"jane doe"',
        'feed:"a wire"',
        "source:menafn",
        'source:"gulf ledger"',
        "url:story",
    ):
        world.rule(query, name=query.replace(":", " "), to="/hook")
    world.rule("energy OR menafn", name="not in the text")
    world.run()
    assert sorted(told["rule"]["name"].split()[0] for told in world.hooks()) == [
        "author",
        "feed",
        "source",
        "source",
        "tag",
        "url",
    ]


@pytest.mark.parametrize("later", [0, 4_000])
def test_a_rule_for_a_feed_is_met_whichever_feed_carried_the_story_first(world: World, later: int) -> None:
    story = item(1110448134, "Oil rose")
    world.feed("/all.xml", story)
    world.rule('feed:"uae news" oil', name="of a feed", to="/hook")
    world.rule("oil", name="of words", to="/hook")
    if later:
        world.run()
        assert [told["rule"]["name"] for told in world.hooks()] == ["of words"]
    world.feed("/uae.xml")
    world.server.pages["/uae.xml"] = rss(story, title="UAE News")
    world.run(later)
    world.server.pages["/uae.xml"] = rss(story, item(1110448135, "Gas"), title="UAE News")
    world.run(later + 4_000)
    assert sorted(told["rule"]["name"] for told in world.hooks()) == ["of a feed", "of words"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_story_that_a_feed_lists_again_months_later_is_no_news(world: World) -> None:
    story = item(1110448134, "Oil rose", pubDate=f"{world.clock():%a, %d %b %Y %H:%M:%S} GMT")
    world.feed("/all.xml", story)
    world.feed("/read.xml")
    world.server.pages["/read.xml"] = rss(item(1110448135, "Gas"), title="Most read")
    world.rule('feed:"most read"', to="/hook")
    world.run()
    told = len(world.hooks())
    world.server.pages["/read.xml"] = rss(item(1110448135, "Gas"), story, title="Most read")
    world.run(90 * 86_400)
    assert (world.count("alert"), len(world.hooks())) == (2, told)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_story_revised_while_another_feed_takes_it_up_is_told_once(world: World) -> None:
    world.feed("/all.xml", item(1110448134, "Oil rose", "The minister spoke at length on Monday."))
    world.feed("/uae.xml")
    world.server.pages["/uae.xml"] = rss(item(1110448135, "Gas"), title="UAE News")
    world.rule('feed:"uae news" minister', to="/hook")
    world.run()
    revised = item(1110448134, "Oil rose twice", "On Monday, in the afternoon, the minister spoke at length again.")
    world.server.pages["/all.xml"] = rss(revised)
    world.server.pages["/uae.xml"] = rss(item(1110448135, "Gas"), revised, title="UAE News")
    world.run(4_000)
    assert (world.count("alert"), len(world.hooks())) == (1, 1)


def test_a_header_that_cannot_be_sent_back_is_forgotten(world: World) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=rss(item(1110448134)), headers={"Last-Modified": "f\u00e9vr. 2024", "ETag": '"1"'})

    world.feed("/a.xml")
    world.server.pages["/a.xml"] = answer
    world.run()
    world.run(4000)
    assert [poll.outcome for poll in _polls(world)] == ["same bytes", "read"]


def test_a_story_waits_for_no_other_feeds_server(world: World) -> None:
    """The slow server answers only once the other feed's story, of the same batch, was kept and may be told."""

    async def slow(request: web.Request) -> web.Response:
        await asyncio.to_thread(wait_until, world.items, 10)
        return web.Response(body=rss(item(1110448135)))

    world.feed("/quick.xml", item(1110448134))
    world.feed("/slow.xml")
    world.server.pages["/slow.xml"] = slow
    world.run()
    assert {found.story_id for found in world.items()} == {"1110448134", "1110448135"}
    assert world.the_feed("2").last_error == ""


def _polls(world: World) -> list[Any]:
    with world.database.reading() as session:
        found = list(polls.polls_of(session, 1, 9))
        session.expunge_all()
    return found


def test_made_up_guids_are_no_gap_and_an_empty_answer_hides_none(world: World) -> None:
    stories = [{"title": f"Storm {n}", "link": f"https://example.org/{n}", "description": "Rain."} for n in range(5)]
    world.feed("/a.xml", *({**story, "guid": f"first-{n}"} for n, story in enumerate(stories)))
    world.run()
    world.server.pages["/a.xml"] = rss(*({**story, "guid": f"second-{n}"} for n, story in enumerate(stories)))
    world.run(4000)
    world.server.pages["/a.xml"] = rss()
    world.run(4000)
    world.server.pages["/a.xml"] = rss({"title": "Sun", "guid": "other", "link": "https://example.org/sun"})
    world.run(4000)
    assert [poll.gap for poll in reversed(_polls(world))] == [False, False, False, True]


def test_after_the_clock_was_set_back_feeds_are_polled_all_the_same(world: World) -> None:
    world.feed("/a.xml", item(1110448134))
    world.run()
    world.run(-3600)
    assert len(_polls(world)) == 2


def test_a_scheduler_that_was_started_since_knows_that_the_clock_was_set_back(world: World) -> None:
    """What somebody was at when it was, and lost, comes back within a lease, and not in an hour."""
    world.rule("Fastiv")
    world.feed("/a.xml", item(1110448134))
    world.run()
    world.server.pages["/a.xml"] = rss(item(1110448134), item(1110448135, "Fastiv"))
    world.clock.tick(4000)
    world.scheduler.round()
    world.sent.clear()
    world.scheduler = Scheduler(world.database, world.clock, world.process.config.lease, stopwatch=lambda: 0.0)
    world.run(-3600)
    assert world.hooks() == []
    world.run(world.process.config.lease.total_seconds() + 1)
    assert [told["story"]["story_id"] for told in world.hooks()] == ["1110448135"]


def test_a_clock_that_is_set_back_in_the_midst_of_a_round_is_no_secret_to_the_next_scheduler(world: World) -> None:
    """The database hung while it was, and the scheduler was killed before its next round."""
    world.feed("/a.xml", item(1110448134))
    world.run()
    world.clock.tick(3600)
    world.scheduler.round()
    world.sent.clear()

    world.clock.tick(6)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Scheduler, "_watch", lambda _: world.clock.tick(-3600))
        world.scheduler.round()
    world.sent.clear()
    world.scheduler = Scheduler(world.database, world.clock, world.process.config.lease, stopwatch=lambda: 0.0)
    world.run(world.process.config.lease.total_seconds() + 1)
    assert len(_polls(world)) == 2


def test_a_clock_that_is_set_back_by_as_much_as_went_by_meanwhile_is_noticed(world: World) -> None:
    """A round that hung for long, in which the clock was set back: it shows the time of the round before."""
    world.feed("/a.xml", item(1110448134))
    world.run()
    world.measured += 60
    world.run(1)
    assert len(_polls(world)) == 2


def test_anothers_clock_that_is_ahead_of_ours_sets_nothing_back(world: World) -> None:
    world.feed("/a.xml", item(1110448134))
    world.run()
    with world.database.writing() as session:
        pulse.beat(session, "scheduler", world.clock() + timedelta(hours=1), "another machine")
    world.run(1)
    assert len(_polls(world)) == 1


def test_a_receiver_that_hangs_is_left_to_rest(world: World, make_process: Callable[..., Process]) -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    world.server.pages["/hook"] = hang
    world.process = make_process(lease=timedelta(seconds=1))
    world.feed("/a.xml", item(1110448099))
    world.rule("Fastiv")
    world.run()
    world.server.pages["/a.xml"] = rss(item(1110448099), *(item(1110448100 + n, "Fastiv") for n in range(20)))
    world.run(4000)
    with world.database.reading() as session:
        tries = [row.attempts for row in alerts.deliveries(session, limit=50)]
        states = {row.state for row in alerts.deliveries(session, limit=50)}
    assert sorted(tries) == [0] * 12 + [1] * 8
    assert states == {"pending"}


def test_a_rule_may_change_while_stories_flow(world: World) -> None:
    """Another thread swings a rule between two queries that both meet every story: one alert each, and its version."""
    world.rule("Fastiv")
    world.feed("/a.xml")
    swung, done = threading.Event(), threading.Event()

    def swing() -> None:
        for number in itertools.count():
            with world.database.writing() as session:
                query = "struck" if number % 2 == 0 else "Fastiv"
                rules.change(session, rules.find(session, "rule"), now=world.clock(), query=query)
            swung.set()
            if done.is_set():
                return

    thread = threading.Thread(target=swing)
    thread.start()
    for number in range(6):
        swung.clear()  # SQLite's one lock is not given in turn: the swinger may have to be waited for
        assert swung.wait(30)
        world.server.pages["/a.xml"] = rss(*(item(1110448100 + number * 4 + n, "Fastiv struck") for n in range(4)))
        world.run(4000)
    done.set()
    thread.join(30)
    with world.database.reading() as session:
        told = [(row.item_id, row.rule_version, row.query) for row in alerts.newest(session, limit=1000)]
    assert len(told) == len({item_id for item_id, _, _ in told}) == len(world.items()) == 24
    assert all(query == ("struck" if version % 2 == 0 else "Fastiv") for _, version, query in told)
    assert len({version for _, version, _ in told}) > 1
