"""What comes, as it comes: over a real socket, resumed, filtered, to a reader that falls behind."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import text

from desk.web import stream
from desk.web.app import make_app
from desk.web.stream import Filter, Happening, Hub, Marks, marks
from storage.database import Database
from tests.desk.site import site
from tests.helpers import Clock, Server, item, rss
from tests.live.desk import served
from tests.world import World


@pytest.fixture
def database(one_database: Database) -> Database:
    """What comes out of order is tested by itself; the rows are asked for as lists are, which both databases see."""
    return one_database


@pytest.fixture
def address(world: World, clock: Clock) -> Iterator[str]:
    with served(make_app(site(world.database, clock))) as found:
        yield found


@contextmanager
def listening(
    address: str, asked: str = "", headers: dict[str, str] | None = None
) -> Iterator[Iterator[dict[str, Any]]]:
    """Events as they come; the connection stands when this begins."""
    with httpx.stream("GET", f"{address}/api/v1/stream?{asked}", headers=headers, timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        first = next(lines)
        assert first.startswith("retry:")
        yield events(lines)


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    told: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            told[name] = value
        elif "data" in told:
            yield {"mark": told["id"], "event": told["event"], **json.loads(told["data"])}
            told = {}


def test_stories_and_alerts_come_with_all_their_lists_have(world: World, address: str) -> None:
    world.rule("Fastiv")
    world.feed("/a.xml", item(1110448134, "Drones over Fastiv"))
    with listening(address) as told:
        world.run()
        story, alert = next(told), next(told)
    assert (story["event"], story["title"], story["rules"]) == ("item", "Drones over Fastiv", ["rule"])
    assert (alert["event"], alert["matched"], alert["item"]) == ("alert", ["Fastiv"], story["id"])


def test_who_comes_back_gets_what_came_since(world: World, server: Server, address: str) -> None:
    world.feed("/a.xml", item(1110448134, "First"))
    with listening(address) as told:
        world.run()
        mark = next(told)["mark"]
    server.pages["/a.xml"] = rss(item(1110448135, "Second"), item(1110448134, "First"))
    world.run(4000)
    with listening(address, headers={"Last-Event-ID": mark}) as told:
        found = {next(told)["title"]}
        while "Second" not in found:
            found.add(next(told)["title"])
    with listening(address, asked=f"since={mark}") as told:
        assert next(told)["event"] == "item"


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("q=wheat", "Wheat"),
        ("only=alert", "Drones"),
        ("rule=rule&only=item", "Drones"),
        ("feed=2", "Wheat"),
        ("q=wheat&only=item", "Wheat"),
    ],
)
def test_a_reader_hears_of_what_it_asked_for_alone(world: World, address: str, asked: str, title: str) -> None:
    world.rule("drones")
    world.feed("/a.xml", item(1110448134, "Drones"))
    world.feed("/b.xml", item(1110448135, "Wheat"))
    with listening(address, asked=asked) as told:
        world.run()
        assert next(told)["title"] == title


def test_a_filter_that_cannot_be_read_is_a_problem(address: str) -> None:
    answer = httpx.get(f"{address}/api/v1/stream?q=(")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize("written", ["", "x", "1", "1.x", "-1.2", "²." + "1", "1." + "9" * 30])
def test_an_event_id_that_is_none_of_ours_is_not_believed(written: str) -> None:
    assert marks(written) is None
    assert marks(str(Marks(12, 34))) == Marks(12, 34)


def test_a_number_that_comes_late_is_told_all_the_same(clock: Clock) -> None:
    """A transaction can take its number first and end last."""
    seen = stream._Seen(0)
    assert seen.new([2, 3], clock(), 9) == [2, 3]
    clock.tick(2)
    assert seen.new([1, 2, 3], clock(), 9) == [1]
    clock.tick(11)
    assert seen.new([1, 2, 3], clock(), 9) == []
    assert (seen.mark, seen.at) == (3, {})


def test_an_alert_that_comes_late_is_told_beside_a_newer_one(world: World, database: Database) -> None:
    world.rule("Fastiv")
    world.feed("/a.xml", *(item(1110448134 + n, f"Fastiv {n}") for n in range(6)))
    world.run()
    with database.reading() as session:
        assert [one.number for one in stream._alerts(session, [1, 6])] == [1, 6]


def test_what_was_being_written_when_nobody_looked_is_told(world: World, database: Database, clock: Clock) -> None:
    """A number below the newest that is there only once the first reader has come."""
    world.feed("/a.xml", *(item(1110448134 + n, f"Story {n}") for n in range(3)))
    world.run()
    hidden = text("UPDATE item SET private = :hidden WHERE id = 2")
    with database.writing() as session:
        session.execute(hidden, {"hidden": True})
    hub = Hub(database, clock)
    hub._begin()
    with database.writing() as session:
        session.execute(hidden, {"hidden": False})
    assert [one.number for one, _, _ in hub._look([])] == [2]
    hub.close()


def test_who_comes_back_at_once_is_told_nothing_from_before_it_came(world: World, server: Server, address: str) -> None:
    """Where the first look begins below the newest, no mark does."""
    world.feed("/a.xml", *(item(1110448134 + n, f"Story {n}") for n in range(3)))
    world.run()
    server.pages["/a.xml"] = rss(item(1110448150, "New"))
    with listening(address) as told:
        world.run(4000)
        first = next(told)
    assert first["title"] == "New"
    assert first["mark"] == "3.0"


def test_a_story_whose_page_is_read_later_is_told_to_those_whom_its_words_concern(
    world: World, database: Database, clock: Clock
) -> None:
    world.server.pages["/page"] = f"<html><h1>Story</h1><p>{'Drones over Fastiv. ' * 10}</p></html>"
    world.feed("/a.xml", item(1110448134, "Story", link=world.server.url("/gone")), full_text=True)
    hub = Hub(database, clock)
    hub._begin()
    with database.reading() as session:
        some, every = (stream._Reader(stream.asked(session, query)) for query in ("drones", ""))
    world.run()

    def told() -> list[tuple[int, list[stream._Reader]]]:
        return [(one.number, wanted) for one, _, wanted in hub._look([some, every]) if one.kind == stream.STORY]

    assert told() == [(1, [every])]
    with database.writing() as session:
        session.execute(text("UPDATE reading SET url = :url"), {"url": world.server.url("/page")})
    world.run(31)
    assert told() == [(1, [some])]
    assert told() == []
    hub.close()


def test_a_reader_that_never_reads_is_let_go_and_costs_no_more(database: Database, clock: Clock) -> None:
    hub = Hub(database, clock)

    async def fall_behind() -> list[str]:
        events = hub.listen(Filter(), None)
        first = await anext(events)
        (reader,) = hub._readers
        told = [reader.tell(Happening(stream.STORY, 1, "{}", {}), Marks(0, 0)) for _ in range(stream._MOST_WAITING + 1)]
        assert told[-2:] == [True, False]
        rest = [one async for one in events]
        hub.close()
        return [first, *rest]

    assert len(asyncio.run(fall_behind())) == 1
    assert hub.readers == 0
