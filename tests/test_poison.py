"""A feed that kills its process: alone after one loss, paused after three, and its neighbours are stored."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from scheduler.loop import Scheduler
from storage import feeds, items
from storage.database import Database
from tests.helpers import LOOPBACK, Clock, Server, item, rss
from wire import article
from wire.cadence import Bounds
from wire.entries import parse
from worker.config import Config
from worker.guard import Guard
from worker.process import Process

LEASE = Config("sqlite://").lease
# Processes that were forked from none of ours with its threads, and still need not load everything each.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload([__name__])


def deadly(read: Callable[..., Any]) -> Callable[..., Any]:
    """What ends the process as a fault in a C parser would."""

    def killed(body: bytes, **named: Any) -> Any:
        if b"poison" in body:
            os.kill(os.getpid(), signal.SIGSEGV)
        return read(body, **named)

    return killed


def work(address: str, now: datetime, task: str, claim: str, ids: list[int]) -> None:
    """A worker in which reading one feed or page ends the process; what it asks others to do gets lost."""
    patch = pytest.MonkeyPatch()
    patch.setattr("worker.polling.parse", deadly(parse))
    patch.setattr("worker.reading.article.read", deadly(article.read))
    patch.setattr("worker.app.send", lambda *_, **__: True)
    getattr(Process(Config(address, guard=Guard(LOOPBACK)), clock=lambda: now), task)(claim, ids)


def do(database: Database, clock: Clock, task: str, claim: str, ids: list[int]) -> int | None:
    """Polls or reads in a process of its own; how that ended."""
    process = SERVER.Process(target=work, args=(database.url, clock(), task, claim, ids))
    process.start()
    process.join(60)
    return process.exitcode


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_poisoned_feed_hurts_only_itself(database: Database, server: Server, clock: Clock, sent: list[Any]) -> None:
    with database.writing() as session:
        for number, title in enumerate(("well", "poison", "well too")):
            server.pages[f"/{number}.xml"] = rss(item(1_110_000_000 + number, title))
            feeds.add(session, server.url(f"/{number}.xml"), now=clock(), bounds=Bounds(60, 3600))
    scheduler = Scheduler(database, clock, LEASE, stopwatch=lambda: 0.0)
    batches: list[tuple[list[int], int | None]] = []
    for _ in range(4):
        scheduler.round()
        messages = [arguments for task, _, arguments in sent if task == "poll"]
        sent.clear()
        batches += [(ids, do(database, clock, "poll", claim, ids)) for claim, ids in messages]
        clock.tick(LEASE.total_seconds() + 1)
    died = -signal.SIGSEGV
    assert batches[0] == ([1, 2, 3], died)
    assert sorted(batches[1:4]) == [([1], 0), ([2], died), ([3], 0)]
    assert [ids for ids, status in batches[4:] if status == died] == [[2]]
    with database.reading() as session:
        assert {one.title for one in items.newest(session, limit=9)} == {"well", "well too"}
        poisoned = feeds.find(session, "2")
        assert not poisoned.enabled
        assert "kills or stalls its worker" in poisoned.paused_because
        assert all(feeds.find(session, which).enabled for which in ("1", "3"))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_poisoned_page_hurts_only_itself(database: Database, server: Server, clock: Clock, sent: list[Any]) -> None:
    """Its neighbours are read, and its story is matched as its feed gave it."""
    titles = ("well", "poison", "well too")
    for number, title in enumerate(titles):
        server.pages[f"/{number}"] = f"<html><h1>{title}</h1><p>{'What the whole page says. ' * 20}</p></html>"
    stories = [item(1_110_000_000 + n, f"Story {n}", link=server.url(f"/{n}")) for n in range(3)]
    server.pages["/feed.xml"] = rss(*stories)
    with database.writing() as session:
        feeds.add(session, server.url("/feed.xml"), now=clock(), bounds=Bounds(3600, 3600), full_text=True)
    scheduler = Scheduler(database, clock, LEASE, stopwatch=lambda: 0.0)
    scheduler.round()
    for task, _, (claim, ids) in [one for one in sent if one[0] == "poll"]:
        do(database, clock, task, claim, ids)
    batches: list[tuple[list[int], int | None]] = []
    for _ in range(5):
        sent.clear()
        clock.tick(LEASE.total_seconds() + 1)
        scheduler.round()
        messages = [arguments for task, _, arguments in sent if task == "read"]
        batches += [(ids, do(database, clock, "read", claim, ids)) for claim, ids in messages]
    died = -signal.SIGSEGV
    assert batches[0] == ([1, 2, 3], died)
    assert sorted(batches[1:4]) == [([1], 0), ([2], died), ([3], 0)]
    assert batches[4:] == [([2], died), ([2], 0)]
    with database.reading() as session:
        found = {one.title: (one.state, "whole page" in one.text) for one in items.newest(session, limit=9)}
    assert sorted(found.values()) == [("current", False), ("current", True), ("current", True)]
