"""What comes, as it comes: over a real socket, resumed, filtered, to a reader that falls behind."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2 as httpx
import pytest

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
