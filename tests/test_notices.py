"""What the operator is told, and the canary that goes through the whole pipe. Notices need no worker and no broker."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from desk import health
from scheduler.watch import Watch
from storage import canaries, channels, feeds, items, notices, polls, pulse
from storage.channels import Terms
from storage.database import Database
from storage.polls import POLL
from tests.helpers import NOON, Clock, item, rss
from tests.world import World
from wire.cadence import Bounds
from worker import app as celery

FIVE_MINUTES = timedelta(minutes=5)
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def watched(world: World) -> World:
    """A world with an operator's channel and a scheduler that watches, with a canary every five minutes."""
    with world.database.writing() as session:
        target = world.server.url("/hook")
        channels.add(session, "ops", "webhook", target, now=world.clock(), terms=Terms(operator=True))
    world.scheduler.watch = Watch(world.clock(), FIVE_MINUTES)
    return world


def told(world: World) -> list[str]:
    return [one["about"] for one in world.posted() if one["type"] == "notice"]


def work(world: World, seconds: int, *, step: int = 10, workers: bool = True) -> list[tuple[int, str]]:
    """Lets time pass; when each notice came, in seconds. Without workers nobody takes what the scheduler sends."""
    came: list[tuple[int, str]] = []
    for second in range(step, seconds + 1, step):
        before = len(told(world))
        if workers:
            with world.database.writing() as session:
                for name in ("worker poll", "worker deliver"):
                    pulse.beat(session, name, world.clock() + timedelta(seconds=step))
            world.run(step)
        else:
            world.clock.tick(step)
            world.scheduler.round()
            world.scheduler.settle()
            world.sent.clear()
        came += [(second, about) for about in told(world)[before:]]
    return came


@ON_SQLITE
def test_a_canary_goes_through_the_whole_pipe_and_leaves_nothing_behind(watched: World) -> None:
    watched.rule("made OR story OR wirewatchcanary", name="meets everything")
    assert work(watched, 1800, step=30) == []
    with watched.database.reading() as session:
        birds = canaries.newest(session, limit=100)
        assert len(birds) == 6
        assert all(one.arrived_at for one in birds)
        assert health.canary_took(session) is not None
        assert items.newest(session, limit=9) == []
        assert feeds.watched(session) == []
        assert [one.name for one in channels.all_channels(session)] == ["ops", "to meets everything"]
        assert pulse.figures(session, watched.clock()).items == 0
    assert watched.posted() == []
    work(watched, 7 * 3600, step=300)
    assert watched.count("item") < 40  # of 90: what is older than an hour goes, four times a day


@ON_SQLITE
def test_a_scheduler_that_was_just_started_ends_no_alarm_that_still_stands(watched: World) -> None:
    work(watched, 600)
    work(watched, 1200, workers=False)
    standing = {"worker poll missing", "worker deliver missing", "canary"}
    with watched.database.reading() as session:
        assert {one.about for one in notices.standing(session)} == standing
    watched.scheduler.watch = Watch(watched.clock(), FIVE_MINUTES)
    before = len(told(watched))
    work(watched, 900, workers=False)
    assert told(watched)[before:] == []
    watched.scheduler.watch = Watch(watched.clock(), FIVE_MINUTES)
    work(watched, 900)
    assert set(told(watched)[before:]) == {f"over: {about}" for about in standing}


@ON_SQLITE
def test_with_the_worker_stopped_the_canarys_alarm_is_raised_within_two_periods(
    watched: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    work(watched, 600)
    monkeypatch.setattr(celery, "broker_answers", lambda: False)  # the scheduler asks nobody's help
    came = dict(reversed([(about, second) for second, about in work(watched, 1200, workers=False)]))
    assert came["canary"] <= 2 * FIVE_MINUTES.total_seconds()
    assert came["worker poll missing"] <= 80
    with watched.database.reading() as session:
        troubles = health.troubles(session, watched.clock())
    assert any("canaries did not come out" in one for one in troubles)

    monkeypatch.setattr(celery, "broker_answers", lambda: True)
    over = [about for _, about in work(watched, 900)]
    assert {"over: canary", "over: worker poll missing", "over: worker deliver missing"} <= set(over)
    with watched.database.reading() as session:
        assert not [one for one in health.troubles(session, watched.clock()) if "scheduler" not in one]


@ON_SQLITE
def test_each_cause_is_told_once_and_told_again_when_it_comes_back(watched: World) -> None:
    watched.scheduler.watch = Watch(watched.clock())
    feed = watched.feed("/a.xml", item(1110448100))
    watched.run()

    def set_gone(gone: bool) -> None:
        with watched.database.writing() as session:
            found = feeds.find(session, str(feed))
            if gone:
                feeds.pause(found, "The server says that this feed is gone for good (410).")
            else:
                feeds.resume(found, watched.clock())

    for gone in (True, False, True):
        set_gone(gone)
        work(watched, 60)
    cause = f"feed {feed} gone"
    assert told(watched) == [cause, f"over: {cause}", cause]
    with watched.database.reading() as session:
        assert [one.about for one in notices.standing(session)] == [cause]


@ON_SQLITE
def test_a_feed_paused_by_hand_is_nobodys_news(watched: World) -> None:
    watched.scheduler.watch = Watch(watched.clock())
    feed = watched.feed("/a.xml", item(1110448100))
    with watched.database.writing() as session:
        feeds.pause(feeds.find(session, str(feed)), feeds.PAUSED_BY_HAND)
    work(watched, 60)
    assert told(watched) == []


@ON_SQLITE
def test_a_gap_is_told(watched: World) -> None:
    watched.scheduler.watch = Watch(watched.clock())
    feed = watched.feed("/a.xml", item(1110448100))
    watched.run()
    watched.server.pages["/a.xml"] = rss(item(1110448200))
    work(watched, 200)
    assert told(watched) == [f"gap of feed {feed}"]


def test_a_channel_that_is_paused_for_its_failures_is_told_to_others(watched: World) -> None:
    watched.scheduler.watch = Watch(watched.clock())
    with watched.database.writing() as session:
        channel = channels.add(session, "broken", "webhook", "https://example.org/", now=watched.clock())
        channel.paused_because = "10 failures in a row, the last: it is not there."
    work(watched, 30)
    (notice,) = watched.posted()
    assert "“broken” is paused" in notice["text"]
    assert "wirewatch channels resume" in notice["text"]


class Usage(NamedTuple):
    free: int


@ON_SQLITE
def test_a_disk_that_fills_is_told(watched: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.scheduler.watch = Watch(watched.clock(), folder=tmp_path)
    free = {"now": 50_000_000_000}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free["now"]))
    work(watched, 30)
    free["now"] = 500_000_000
    work(watched, 30)
    free["now"] = 5_000_000_000
    work(watched, 30)
    assert told(watched) == ["disk", "over: disk"]
    assert "500 MB left" in watched.posted()[0]["text"]


@pytest.mark.parametrize(
    ("every", "silence", "quiet"),
    [
        (timedelta(hours=1), timedelta(hours=9), False),
        (timedelta(hours=1), timedelta(hours=11), True),
        (timedelta(minutes=5), timedelta(hours=5), False),  # shorter than any silence that is told of
        (timedelta(minutes=5), timedelta(hours=7), True),
        (timedelta(hours=30), timedelta(hours=300), False),  # too seldom to be a habit
    ],
)
def test_a_feed_that_is_quiet_beyond_its_habit_is_told(
    database: Database, clock: Clock, every: timedelta, silence: timedelta, quiet: bool
) -> None:
    line: dict[str, Any] = {
        "took": 0.0,
        "outcome": "read",
        "new": 1,
        "revised": 0,
        "gap": False,
        "note": "",
        "error": "",
    }
    with database.writing() as session:
        feed = feeds.add(session, "https://example.org/", now=NOON, bounds=Bounds(60, 3600))
        lines = [
            {**line, "feed_id": feed.id, "at": NOON - silence - every * n, "bytes": 1, "entries": 1} for n in range(11)
        ]
        polls.record_polls(session, lines)
        assert session.execute(POLL.select()).first()
        found = polls.quiet_beyond_habit(session, NOON)
    assert bool(found) == quiet
    assert not found or found[0][2] == every
