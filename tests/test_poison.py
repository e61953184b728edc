"""A feed that kills its process: alone after one loss, paused after three, and its neighbours are stored."""

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from scheduler.loop import Scheduler
from storage import feeds, items
from storage.database import Database
from tests.helpers import Clock, Server, item, rss
from wire.cadence import Bounds
from worker.config import Config

LEASE = Config("sqlite://").lease
# A worker process of its own, in which reading one feed ends the process as a fault in a C parser would.
WORKER = """
import ipaddress, json, os, signal, sys
from datetime import datetime
from worker import polling
from worker.guard import Guard
from worker.config import Config
from worker.process import Process

address, now, claim, ids = json.loads(sys.argv[1])
honest = polling.parse

def deadly(body, **named):
    if b"poison" in body:
        os.kill(os.getpid(), signal.SIGSEGV)
    return honest(body, **named)

polling.parse = deadly
guard = Guard((ipaddress.ip_network("127.0.0.0/8"),))
Process(Config(address, guard=guard), clock=lambda: datetime.fromisoformat(now)).poll(claim, ids)
"""


def poll(database: Database, clock: Clock, claim: str, ids: list[int]) -> int:
    """Polls in a process of its own; how that ended."""
    told = json.dumps([database.url, clock().isoformat(), claim, ids])
    return subprocess.run([sys.executable, "-c", WORKER, told], check=False).returncode


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_poisoned_feed_hurts_only_itself(database: Database, server: Server, clock: Clock, sent: list[Any]) -> None:
    with database.writing() as session:
        for number, title in enumerate(("well", "poison", "well too")):
            server.pages[f"/{number}.xml"] = rss(item(1_110_000_000 + number, title))
            feeds.add(session, server.url(f"/{number}.xml"), now=clock(), bounds=Bounds(60, 3600))
    scheduler = Scheduler(database, clock, LEASE, stopwatch=lambda: 0.0)
    batches: list[tuple[list[int], int]] = []
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
