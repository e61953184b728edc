"""What each step of a story's way costs: one worker process polls a made-up wire for the first time, and once more.

    python -m bench.stages [--feeds 200]

CPU time, each step without those that run within it; SQLite, a thousand rules. What Celery, Redis and the sending of
alerts cost is not in it.
"""

import argparse
import importlib
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

from bench.contenders import furnish
from bench.polling import world
from scheduler.loop import batches
from storage import feeds
from storage.database import Database
from storage.work import new_claim
from tests.helpers import LOOPBACK
from wire import language
from worker import app
from worker.config import Config
from worker.guard import Guard
from worker.process import Process

# Where a step is called, and what it is.
STEPS = {
    "worker.polling.fetch": "fetch: what aiohttp does with what came",
    "worker.polling.digest_of_bytes": "a body's digest",
    "wire.entries.cut": "cut at the entries' borders",
    "wire.entries._feedparser": "feedparser",
    "wire.entries._document": "entries made of what it found, cleaned",
    "worker.outcome.identify_all": "identities",
    "worker.outcome.to_story": "stories: dateline, furniture, language",
    "worker.ingest.sentences": "sentences for furniture",
    "worker.ingest.sketch": "sketch",
    "storage.search.words": "words for the index",
    "storage.items.known": "what is known?",
    "storage.items.keep": "items written and indexed",
    "storage.items.see": "sightings written",
    "storage.furniture.learn": "furniture learnt",
    "storage.sketches.cluster": "sketches kept, copies found",
    "worker.matching.match": "rules matched",
    "worker.ingest.raise_alerts": "alerts and deliveries written",
    "worker.outcome._news": "what is new, for the cadence",
    "storage.feeds.finish": "feeds written",
    "storage.polls.record_polls": "polls written",
}


class Clock(threading.local):
    """The CPU time of this thread's steps that are under way, spent in steps within them."""

    def __init__(self) -> None:
        self.within: list[float] = []


def watch(spent: dict[str, float]) -> None:
    """Puts a clock around each step."""
    clock = Clock()

    def clocked(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(step)
        def run(*given: Any, **named: Any) -> Any:
            clock.within.append(0.0)
            begun = time.thread_time()
            try:
                return step(*given, **named)
            finally:
                took = time.thread_time() - begun
                spent[name] += took - clock.within.pop()
                if clock.within:
                    clock.within[-1] += took

        return run

    for path, name in STEPS.items():
        module, _, attribute = path.rpartition(".")
        there = importlib.import_module(module)
        setattr(there, attribute, clocked(name, getattr(there, attribute)))


def poll(database: Database, process: Process) -> float:
    """Polls all feeds as the scheduler has it done; CPU seconds."""
    claim, begun, later = new_claim(), time.process_time(), datetime.now(UTC) + timedelta(days=2)
    with database.writing() as session:
        due = feeds.claim_due_feeds(session, now=later, lease=timedelta(days=1), limit=100_000, claim=claim)
    for batch in batches(due):
        process.poll(claim, batch)
    return time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=200)
    asked = parser.parse_args()
    app.send = lambda *_, **__: True  # what follows a poll is measured elsewhere
    spent: dict[str, float] = defaultdict(float)
    watch(spent)
    language.load()
    with tempfile.TemporaryDirectory() as folder, world(asked.feeds) as there:
        database = Database(f"sqlite:///{Path(folder) / 'wirewatch.db'}")
        database.upgrade()
        furnish(database, there.addresses, there.hook, "zebrafish")
        process = Process(Config(database_url=database.url, guard=Guard(LOOPBACK)))
        for title, switches in (("cold", {}), ("a clock in the channel", {"validators": False, "clock": True})):
            there.ask("/switch", **switches)
            spent.clear()
            show(title, poll(database, process), spent, asked.feeds)
        process.close()
        database.dispose()


def show(title: str, whole: float, spent: dict[str, float], feeds_polled: int) -> None:
    print(f"\n| {title}: {whole / feeds_polled * 1000:.1f} CPU-ms a feed | ms | share |\n|---|---|---|")
    rest = {"the rest: SQLAlchemy, asyncio, commits": whole - sum(spent.values())}
    for name, took in sorted({**spent, **rest}.items(), key=lambda one: -one[1]):
        if took > whole / 1_000:
            print(f"| {name} | {took / feeds_polled * 1000:.2f} | {took / whole:.0%} |")


if __name__ == "__main__":
    main()
