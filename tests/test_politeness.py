"""Thirty days of virtual time against servers that keep score: nobody is asked sooner, or otherwise, than he allows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import func, select

from storage import feeds, polls
from storage.database import Database
from tests.helpers import NOON, Clock, Server, item, rss, serving
from tests.world import World
from wire.cadence import Bounds
from worker.process import Process

DAYS = 30
WINDOW = 8
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BOUNDS = Bounds(1_800, 10 * 3_600)
HOSTS = tuple(f"127.0.0.{number}" for number in range(1, 6))
ETAG, MODIFIED = 'W/"a,b ;x"', "yesterday, about noon"

Page = Callable[["Score", web.Request], web.Response]


@dataclass
class Score:
    """What one address was asked, and when it may be asked again."""

    clock: Clock
    page: Page
    asked: list[tuple[datetime, dict[str, str]]] = field(default_factory=list)
    closed_until: datetime = NOON
    faults: list[str] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        now = self.clock()
        if now < self.closed_until:
            self.faults.append(f"asked at {now}, allowed from {self.closed_until}")
        self.asked.append((now, dict(request.headers)))
        return self.page(self, request)

    @property
    def day(self) -> int:
        return (self.clock() - NOON).days

    def close(self, for_: timedelta) -> None:
        self.closed_until = self.clock() + for_

    def feed(self, before: str = "", **headers: str) -> web.Response:
        """A wire with a story in three hours, eight of them at a time."""
        newest = 1_110_000_000 + int((self.clock() - NOON) / (3 * HOUR))
        return web.Response(body=rss(*map(item, range(newest, newest - WINDOW, -1)), before=before), headers=headers)


def echoes(score: Score, request: web.Request) -> web.Response:
    """Odd validators must come back as they were; all but the first request of a day carry them."""
    given = (request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since"))
    if given not in ((None, None), (ETAG, MODIFIED)):
        score.faults.append(f"validators came back as {given}")
    if given != (None, None):
        return web.Response(status=304)
    score.memory.setdefault("full", []).append(score.clock())
    return score.feed(ETag=ETAG, **{"Last-Modified": MODIFIED})


def lies(score: Score, request: web.Request) -> web.Response:
    """Says "not modified" for ever to whoever lets it."""
    if "If-None-Match" in request.headers:
        return web.Response(status=304)
    score.memory.setdefault("full", []).append(score.clock())
    return score.feed(ETag='"2041"')


def asks_for_rest(score: Score, request: web.Request) -> web.Response:
    """Overloaded at every fifth request, and says for how long in one of the ways there are."""
    turn = len(score.asked)
    if turn % 5:
        return score.feed()
    ways: list[tuple[str, timedelta]] = [
        ("7200", 2 * HOUR),
        (format_datetime(score.clock() + 5 * HOUR, usegmt=True), 5 * HOUR),
        ("1" + "0" * 12, DAY),
        ("in a while", timedelta(0)),
        (format_datetime(score.clock() - DAY, usegmt=True), timedelta(0)),
    ]
    header, rest = ways[turn // 5 % len(ways)]
    score.close(rest)
    score.memory["rests"] = score.memory.get("rests", 0) + 1
    return web.Response(status=503 if turn % 2 else 429, headers={"Retry-After": header})


def stays_fresh(score: Score, request: web.Request) -> web.Response:
    score.close(timedelta(hours=2))
    return score.feed(**{"Cache-Control": "public, max-age=7200"})


def has_a_pace(score: Score, request: web.Request) -> web.Response:
    score.close(timedelta(hours=3))
    return score.feed("<ttl>180</ttl>")


def sleeps_at_night(score: Score, request: web.Request) -> web.Response:
    if score.clock().hour < 5:
        score.faults.append(f"asked at {score.clock()}, when it sleeps")
    return score.feed("<skipHours>" + "".join(f"<hour>{hour}</hour>" for hour in range(5)) + "</skipHours>")


def goes_for_good(score: Score, request: web.Request) -> web.Response:
    if score.day < 10:
        return score.feed()
    if "gone" in score.memory:
        score.faults.append("asked after it said 410")
    score.memory["gone"] = True
    return web.Response(status=410)


def is_away_for_two_days(score: Score, request: web.Request) -> web.Response:
    return web.Response(status=404) if 5 <= score.day < 7 else score.feed()


def moved(status: int) -> Page:
    def page(score: Score, request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": f"/new-{status}"})

    return page


def plain(score: Score, request: web.Request) -> web.Response:
    return score.feed()


PAGES: dict[str, Page] = {
    "/echoes": echoes, "/lies": lies, "/rests": asks_for_rest, "/fresh": stays_fresh, "/pace": has_a_pace,
    "/sleeps": sleeps_at_night, "/gone": goes_for_good, "/away": is_away_for_two_days,
    "/old-301": moved(301), "/old-302": moved(302), "/new-301": plain, "/new-302": plain, "/neighbour": plain,
}  # fmt: skip
# Each host that asks for rest, and its neighbour, stand apart from the others.
HOST_OF = {"/rests": "127.0.0.2", "/neighbour": "127.0.0.2", "/gone": "127.0.0.3", "/away": "127.0.0.4"}


@pytest.fixture
def many_hosts(clock: Clock) -> Iterator[tuple[Server, dict[str, Score]]]:
    server = Server()
    scores = {path: Score(clock, page) for path, page in PAGES.items()}
    server.pages |= {path: score.answer for path, score in scores.items()}
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    with serving(application, HOSTS) as port:
        server.port = port
        yield server, scores


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_thirty_days_are_polite(
    many_hosts: tuple[Server, dict[str, Score]], database: Database, process: Process, clock: Clock, sent: list[Any]
) -> None:
    server, scores = many_hosts
    world = World(database, server, process, clock, sent)
    with database.writing() as session:
        for path in PAGES:
            if not path.startswith("/new"):
                address = f"http://{HOST_OF.get(path, '127.0.0.1')}:{server.port}{path}"
                feeds.add(session, address, now=clock(), bounds=BOUNDS)
    while clock() < NOON + DAYS * DAY:
        world.run()
        with database.reading() as session:
            due = session.execute(select(func.min(feeds.FEED.c.due_at)).where(feeds.FEED.c.enabled)).scalar_one()
        # A scheduler that is late is no less polite, and feeds that are due at nearly the same time go in one round.
        clock.now = max(due, clock() + timedelta(minutes=30))

    assert {path: score.faults for path, score in scores.items() if score.faults} == {}
    assert min(len(score.asked) for path, score in scores.items() if path != "/old-301") > 30
    for path in ("/echoes", "/lies"):
        full = scores[path].memory["full"]
        assert DAYS * 2 / 3 <= len(full) <= DAYS + 1
        assert max(later - earlier for earlier, later in pairwise(full)) < DAY + 12 * HOUR
    assert len(scores["/old-301"].asked) == 3
    assert len(scores["/old-302"].asked) > 50
    assert scores["/rests"].memory["rests"] > 8
    rests = _pauses(scores["/rests"])
    assert all(not start < at < end for start, end in rests for at, _ in scores["/neighbour"].asked)
    away = [at for at, _ in scores["/away"].asked if 5 <= (at - NOON).days < 7]
    assert 5 <= len(away) <= 15
    with database.reading() as session:
        gone = feeds.find(session, "/gone")
        assert (gone.enabled, gone.last_status) == (False, 410)
        assert "gone for good" in gone.paused_because
        assert feeds.find(session, "/new-301").url.endswith("/new-301")
        assert "moved for good" in " ".join(one.note for one in polls.polls_of(session, 9, 2_000))


def _pauses(score: Score) -> list[tuple[datetime, datetime]]:
    """When the host had asked for rest: between each request and the next the server wanted none."""
    times = [at for at, _ in score.asked]
    return [(at, at + 2 * HOUR) for turn, at in enumerate(times, 1) if turn % 25 == 0]
