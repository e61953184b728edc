"""Ten thousand alerts while the worker, Redis and the receiver are killed and stopped at random."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from storage import channels, items, raising, rules
from storage.database import Database
from storage.items import NewStory
from storage.raising import Met
from tests.helpers import free_port, wait_until
from tests.live.service import named
from wire.story import Identity, Match, Story

pytestmark = pytest.mark.live

ALERTS, AT_ONCE = 10_000, 250
RECEIVER = Path(__file__).with_name("receiver.py")


@dataclass
class Outbox:
    """`wirewatch run` with nothing to poll, a receiver of its own, and alerts written as a worker writes them."""

    folder: Path
    database_url: str
    port: int = field(default_factory=free_port)
    service: subprocess.Popen[bytes] | None = None
    receiver: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.database = Database(self.database_url or f"sqlite:///{self.folder / 'wirewatch.db'}")
        self.database.upgrade()
        now = datetime.now(UTC)
        with self.database.writing() as session:
            hook = channels.add(session, "hook", "webhook", f"http://127.0.0.1:{self.port}/hook", now=now)
            self.channel = hook.id or 0
            self.rule = rules.add(session, "storm", "storm", [hook], now=now).id or 0

    @property
    def came(self) -> Path:
        return self.folder / "came.jsonl"

    def start(self) -> None:
        told = {
            "WIREWATCH_DATA": str(self.folder),
            "WIREWATCH_DATABASE_URL": self.database_url,
            "WIREWATCH_ALLOW_NETWORKS": "127.0.0.0/8",
            "WIREWATCH_PORTS": str(self.port),
            "WIREWATCH_LEASE": "4s",
            "WIREWATCH_POLL_TIMEOUT": "2s",
            "WIREWATCH_STALL_AFTER": "12s",
            "WIREWATCH_WORKERS": "1",
            "WIREWATCH_CANARY": "0",
            "WIREWATCH_DESK": "",
            "WIREWATCH_LOG_LEVEL": "ERROR",
        }
        with (self.folder / "service.log").open("ab") as log:
            command = [sys.executable, "-m", "service", "run"]
            self.service = subprocess.Popen(command, env=os.environ | told, stdout=log, stderr=log)
        self.receive()

    def receive(self) -> None:
        """Starts the receiver, again where it was killed."""
        self.receiver = subprocess.Popen([sys.executable, str(RECEIVER), str(self.port), str(self.came)])

    def write(self, first: int, count: int) -> None:
        """So many stories that meet the rule, with their alerts, in one transaction."""
        now = datetime.now(UTC)
        with self.database.writing() as session:
            stories = [
                NewStory(Story(Identity(f"storm:{n:05}"), f"Storm {n}", f"The storm of number {n}."))
                for n in range(first, first + count)
            ]
            kept = items.keep(session, stories, now=now)
            met = [Met(key, 1, 1, "storm", Match(self.rule)) for key in kept.values()]
            raising.raise_alerts(session, met, channels={self.rule: [self.channel]}, claim=None, due_at=now, now=now)

    def child(self, *words: str) -> list[psutil.Process]:
        """The service's processes whose command line holds these words, the oldest first."""
        assert self.service
        return named(psutil.Process(self.service.pid).children(recursive=True), *words)

    def waiting(self) -> int:
        with self.database.reading() as session:
            left = "SELECT count(*) FROM delivery WHERE state NOT IN ('sent', 'failed')"
            return int(session.execute(text(left)).scalar_one())

    def size(self) -> int:
        """How much has come, in bytes."""
        return self.came.stat().st_size if self.came.exists() else 0

    def is_resting(self) -> bool:
        """Whether the channel is left alone for a while."""
        with self.database.reading() as session:
            until = channels.find(session, "hook").resting_until
        return until is not None and until > datetime.now(UTC)

    def attempts(self) -> list[tuple[str, bool, list[int]]]:
        return [(key, twice, told) for key, twice, told in map(json.loads, self.came.read_text().splitlines())]

    def stop(self) -> None:
        for process in filter(None, (self.service, self.receiver)):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGINT)
                process.wait(20)
        self.database.dispose()


def resume(process: psutil.Process) -> None:
    """Lets a stopped process go on, unless it was ended meanwhile."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.resume()


@pytest.fixture
def outbox(tmp_path: Path, named_database: str) -> Iterator[Outbox]:
    found = Outbox(tmp_path, named_database)
    found.start()
    yield found
    found.stop()
    print((tmp_path / "service.log").read_text()[-3000:])


def test_ten_thousand_alerts_arrive_whatever_is_killed_or_stopped(outbox: Outbox, tell: Callable[[str], None]) -> None:
    dice = random.Random(5)
    timers: list[threading.Timer] = []

    def kill(*words: str) -> None:
        for victim in outbox.child(*words)[-1:]:
            victim.kill()

    def kill_receiver() -> None:
        assert outbox.receiver
        outbox.receiver.kill()
        outbox.receiver.wait()
        outbox.receive()

    def stop(process: psutil.Process) -> None:
        """For longer than a lease, or for less."""
        process.suspend()
        timers.append(threading.Timer(dice.uniform(0.5, 7.0), resume, [process]))
        timers[-1].start()

    def stop_receiver() -> None:
        assert outbox.receiver
        stop(psutil.Process(outbox.receiver.pid))

    def stop_worker() -> None:
        for one in outbox.child("worker", "deliver")[-1:]:
            stop(one)

    blows: list[Callable[[], None]] = [
        *[lambda: kill("worker", "deliver")] * 6,
        *[lambda: kill("redis")] * 3,
        *[kill_receiver] * 3,
        *[stop_receiver] * 2,
        *[stop_worker] * 4,
    ]
    dice.shuffle(blows)
    for place, first in enumerate(range(0, ALERTS, AT_ONCE)):
        before = outbox.size()
        outbox.write(first, AT_ONCE)
        if place % 2 == 0 and place // 2 < len(blows):
            wait_until(lambda size=before: outbox.size() > size or outbox.is_resting(), 60, "these are being sent")  # type: ignore[misc]
            blows[place // 2]()
    for timer in timers:
        timer.join()
    wait_until(lambda: outbox.waiting() == 0, 150, "nothing waits any more")

    attempts = outbox.attempts()
    keys: dict[int, set[str]] = defaultdict(set)
    marked: dict[str, list[bool]] = defaultdict(list)
    for key, twice, told in attempts:
        marked[key].append(twice)
        for alert in told:
            keys[alert].add(key)
    again = [key for key, marks in marked.items() if len(marks) > 1]
    tell(
        f"{len(keys)} of {ALERTS} alerts arrived in {len(attempts)} messages through {len(blows)} blows; {len(again)} came twice"
    )
    assert len(keys) == ALERTS
    assert all(len(one) == 1 for one in keys.values()), "an alert keeps its key over all tries"
    # All copies but the first that was sent say so; one whose sender was stopped in mid-send may come in late.
    assert all(marked[key].count(False) <= 1 for key in again)
