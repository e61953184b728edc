"""A feed that kills its process: alone after one loss, paused after three, and its neighbours are stored."""

import multiprocessing
import os
import signal
from datetime import datetime
from typing import Any

import pytest

from scheduler.loop import Scheduler
from storage import feeds, items
from storage.database import Database
from tests.helpers import LOOPBACK, Clock, Server, item, rss
from wire.cadence import Bounds
from wire.entries import parse
from wire.story import Document
from worker.config import Config
from worker.guard import Guard
from worker.process import Process

LEASE = Config("sqlite://").lease
# Processes that were forked from none of ours with its threads, and still need not load everything each.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload([__name__])


def work(address: str, now: datetime, claim: str, ids: list[int]) -> None:
    """A worker in which reading one feed ends the process as a fault in a C parser would."""

    def deadly(body: bytes, **named: Any) -> Document:
        if b"poison" in body:
            os.kill(os.getpid(), signal.SIGSEGV)
        return parse(body, **named)

    pytest.MonkeyPatch().setattr("worker.polling.parse", deadly)
    Process(Config(address, guard=Guard(LOOPBACK)), clock=lambda: now).poll(claim, ids)


def poll(database: Database, clock: Clock, claim: str, ids: list[int]) -> int | None:
    """Polls in a process of its own; how that ended."""
    process = SERVER.Process(target=work, args=(database.url, clock(), claim, ids))
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
        batches += [(ids, poll(database, clock, claim, ids)) for claim, ids in messages]
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
