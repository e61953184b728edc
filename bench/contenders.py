"""Who is measured: rivals, and Wirewatch whole; one way to start them, let them poll and count what they keep."""

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import psutil
from sqlalchemy import create_engine, or_, select, text, update

from bench import rules as made_up
from bench.corpus import Corpus
from storage import channels, feeds, rules
from storage.database import Database
from storage.feeds import FEED
from storage.items import ITEM
from tests.helpers import wait_until
from wire.cadence import Bounds
from wire.matcher import Matcher

# Feeds are due when they are told to be, and else not for as long as a run may take.
_NEVER = Bounds(6 * 3600.0, 6 * 3600.0)
_NUMBER = re.compile(r"/(\d{10})/")
# How long all feeds may take, in seconds: several times what they do on a slow machine.
_PATIENCE, _PATIENCE_A_FEED = 300, 0.3
# A rule that meets one of so many stories is no alarm but a section of the paper.
_SAMPLE, _MOST_MET = 1_000, 0


class Contender(Protocol):
    """Something that polls feeds. `poll` returns when all were polled, in seconds; `stored` counts each story kept."""

    name: str
    root: psutil.Process

    def poll(self) -> float: ...

    def stored(self) -> Counter[int]: ...

    def size(self) -> int: ...

    def stop(self) -> None: ...


@dataclass
class Rival:
    """A module of bench/rivals: a process that polls when it is told to."""

    name: str
    module: str
    folder: Path
    addresses: Sequence[str]
    kept_in: str
    links: str
    root: psutil.Process = field(init=False)

    def __post_init__(self) -> None:
        command = [sys.executable, "-W", "ignore", "-m", self.module, str(self.folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.root = psutil.Process(self._process.pid)
        self._say(json.dumps(list(self.addresses)))

    def _say(self, line: str) -> None:
        assert self._process.stdin  # noqa: S101 -- it was asked for
        assert self._process.stdout  # noqa: S101
        print(line, file=self._process.stdin, flush=True)
        if not self._process.stdout.readline():
            raise SystemExit(f"{self.name} ended: {self._process.wait()}")

    def poll(self) -> float:
        begun = time.perf_counter()
        self._say("poll")
        return time.perf_counter() - begun

    def stored(self) -> Counter[int]:
        with sqlite3.connect(self.folder / self.kept_in) as database:
            links = [str(row[0]) for row in database.execute(self.links)]
        return Counter(int(found[1]) for link in links if (found := _NUMBER.search(link)))

    def size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob(f"{self.kept_in}*"))

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate()


def plain(folder: Path, addresses: Sequence[str]) -> Rival:
    return Rival("plain script", "bench.rivals.plain", folder, addresses, "plain.db", "SELECT link FROM item")


def reader(folder: Path, addresses: Sequence[str]) -> Rival:
    return Rival("lemon24/reader", "bench.rivals.lemon24", folder, addresses, "reader.db", "SELECT link FROM entries")


@dataclass
class Wirewatch:
    """`wirewatch run`: Redis, Celery's workers, the scheduler; a thousand rules, alerts to a webhook."""

    name: str
    folder: Path
    addresses: Sequence[str]
    hook: str
    url: str = ""
    workers: int = 2
    flag: str = "zebrafish"
    more: dict[str, str] = field(default_factory=dict)
    root: psutil.Process = field(init=False)

    def __post_init__(self) -> None:
        self.url = self.url or f"sqlite:///{self.folder / 'wirewatch.db'}"
        self.database = Database(self.url)
        self.database.upgrade()
        furnish(self.database, self.addresses, self.hook, self.flag)
        told = {
            "WIREWATCH_DATA": str(self.folder),
            "WIREWATCH_DATABASE_URL": self.url,
            "WIREWATCH_ALLOW_NETWORKS": "127.0.0.0/8",
            "WIREWATCH_HOST_SPACING": "0s",
            "WIREWATCH_WORKERS": str(self.workers),
            "WIREWATCH_DESK": "",
            "WIREWATCH_LEASE": "10m",
            "WIREWATCH_MAX_AGE": "3650d",  # the made-up wire's dates are always the same
            "WIREWATCH_LOG_LEVEL": "WARNING",
            "WIREWATCH_CANARY": "0",
            **self.more,
        }
        command = [sys.executable, "-m", "service", "run"]
        self._process = subprocess.Popen(command, env=os.environ | told)
        self.root = psutil.Process(self._process.pid)
        self._await_workers()

    def _await_workers(self) -> None:
        def at_work() -> bool:
            with self.database.reading() as session:
                names = session.execute(text("SELECT name FROM heartbeat")).scalars().all()
            return {"worker poll", "worker deliver", "scheduler"} <= {*names}

        wait_until(at_work, 60, "the workers are at work")

    def poll(self) -> float:
        """Makes all feeds due, and waits until each was polled."""
        begun, since = time.perf_counter(), datetime.now(UTC)
        with self.database.writing() as session:
            session.execute(update(FEED).values(due_at=since))
        # Ends at the first: to count them all so often would cost a part of what is measured.
        waits = or_(FEED.c.last_polled_at.is_(None), FEED.c.last_polled_at < since)
        not_yet = select(FEED.c.id).where(waits, FEED.c.private.is_(False)).limit(1)

        def all_polled() -> bool:
            with self.database.reading() as session:
                return session.execute(not_yet).first() is None

        wait_until(all_polled, _PATIENCE + _PATIENCE_A_FEED * len(self.addresses), "all feeds are polled")
        return time.perf_counter() - begun

    def stored(self) -> Counter[int]:
        with self.database.reading() as session:
            urls = session.execute(text("SELECT url FROM item WHERE private IS FALSE")).scalars().all()
        return Counter(int(found[1]) for url in urls if (found := _NUMBER.search(url)))

    def first_seen(self, story_ids: Sequence[str]) -> dict[str, float]:
        """When each of these stories was first seen, in seconds since 1970."""
        wanted = select(ITEM.c.story_id, ITEM.c.first_seen_at).where(ITEM.c.story_id.in_(story_ids))
        with self.database.reading() as session:
            return {row.story_id: row.first_seen_at.timestamp() for row in session.execute(wanted)}

    def size(self) -> int:
        if self.url.startswith("postgresql"):
            with self.database.reading() as session:
                return int(session.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
        return sum(path.stat().st_size for path in self.folder.glob("wirewatch.db*"))

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        self.database.dispose()


def furnish(database: Database, addresses: Sequence[str], hook: str, flag: str) -> None:
    """Feeds that are due tomorrow, a thousand rules and one for a flag, and a webhook that they tell."""
    now = datetime.now(UTC)
    with database.writing() as session:
        for address in addresses:
            feeds.add(session, address, now=now, bounds=_NEVER).due_at = now + timedelta(days=1)
        told = channels.add(session, "hook", "webhook", hook, now=now)
        for number, query in enumerate(alarms(1_000)):
            rules.add(session, f"rule {number}", query, [told], now=now)
        rules.add(session, "flagged", f"title:{flag}", [told], now=now)


def alarms(count: int) -> list[str]:
    """So many rules of a press desk: names, phrases, NEAR, NOT, prefixes, and none that meets too much."""
    corpus = Corpus(random.Random(7))
    sample = [corpus.story() for _ in range(_SAMPLE)]
    asked = made_up.rules(corpus, 2 * count)
    matcher = Matcher(enumerate(asked))
    met = Counter(one.rule_id for story in sample for one in matcher.match(story))
    return [query for number, query in enumerate(asked) if met[number] <= _MOST_MET][:count]


@contextmanager
def empty_postgresql(server: str) -> Iterator[str]:
    """The address of a database of its own on this server, for as long as it is needed."""
    engine = create_engine(server.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS bench WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE bench"))
    try:
        yield server.replace("/postgres?", "/bench?")
    finally:
        engine.dispose()
