"""`wirewatch run` as real processes, and the truth to hold against what it kept and told."""

import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlalchemy import text

from service.samplewire import REGIONS, SampleWire
from storage import alerts, channels, feeds, items, rules
from storage.database import Database
from wire.cadence import Bounds

# Stories of the sample wire all hold one of these.
EVERY_STORY = "the OR a OR في OR إن"


_COPIES = """
    SELECT item.story_id FROM item JOIN alert ON alert.item_id = item.id JOIN delivery ON delivery.alert_id = alert.id
    WHERE delivery.state = 'held' AND delivery.reason = 'copy'
"""


@dataclass
class Service:
    """`wirewatch run` in a folder of its own, watching a sample wire of ours.

    `told_more` is what else its processes find in their environment. `database` is ours to look with: where the
    service's own leads through something that can break, `database_url` leads around it.
    """

    data: Path
    wire: SampleWire
    port: int
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)
    desk: str = ""
    lease: str = "4s"
    poll_timeout: str = "2s"
    stall_after: str = "30s"
    canary: str = "0"
    database_url: str = ""
    told_more: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log = self.data / "service.log"
        self.database = Database(self.database_url or f"sqlite:///{self.data / 'wirewatch.db'}")
        self.database.upgrade()

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "WIREWATCH_DATA": str(self.data),
            "WIREWATCH_ALLOW_NETWORKS": "127.0.0.0/8",
            "WIREWATCH_LEASE": self.lease,
            "WIREWATCH_POLL_TIMEOUT": self.poll_timeout,
            "WIREWATCH_STALL_AFTER": self.stall_after,
            "WIREWATCH_DESK": self.desk,
            "WIREWATCH_CANARY": self.canary,
            "WIREWATCH_DATABASE_URL": self.database_url,
            **self.told_more,
        }

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service", "run"], env=self.environment, stdout=log, stderr=log
            )

    def set_up(self, query: str = EVERY_STORY) -> None:
        now = datetime.now(UTC)
        base = f"http://127.0.0.1:{self.port}"
        with self.database.writing() as session:
            inbox = channels.add(session, "inbox", "webhook", f"{base}/inbox", now=now)
            rules.add(session, "rule", query, [inbox], now=now)
            for region in REGIONS:
                feeds.add(
                    session, f"{base}/rss/menafn_{region}.xml", now=now, bounds=Bounds(0.5, 2.0), full_text=region < "K"
                )

    def publish(self, count: int = 1) -> None:
        for _ in range(count):
            self.wire.publish(datetime.now(UTC))

    def family(self) -> list[psutil.Process]:
        assert self.process
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, *words: str) -> list[psutil.Process]:
        """The processes whose command line holds these words, the oldest first."""
        return named(self.family(), *words)

    def told(self) -> set[str]:
        """The stories whose alert arrived, and those that were told in another copy: some are much alike."""
        with self.database.reading() as session:
            copies = session.execute(text(_COPIES)).scalars().all()
        return {alert["story"]["story_id"] for alert in list(self.wire.inbox)} | set(copies)

    def truth(self) -> set[str]:
        return {str(story.story_id) for story in list(self.wire.stories)}

    def states(self) -> Counter[str]:
        """How many deliveries stand how."""
        with self.database.reading() as session:
            return Counter(session.execute(text("SELECT state FROM delivery")).scalars())

    def faults(self) -> list[str]:
        """What was lost or doubled of all that was published, a sentence each; to be asked when nothing waits."""
        with self.database.reading() as session:
            kept = Counter(item.story_id for item in items.newest(session, limit=10_000))
            states = Counter(str(row.state) for row in alerts.deliveries(session, limit=10_000))
            paused = [feed.paused_because for feed in feeds.watched(session) if not feed.enabled]
        marked = self._marks()
        found = {
            "stories lost": self.truth() - kept.keys(),
            "stories made up": kept.keys() - self.truth(),
            "stories kept twice": {key for key, times in kept.items() if times > 1},
            "alerts lost": self.truth() - self.told(),
            "deliveries neither sent nor held": states.keys() - {"sent", "held"},
            # All but the first that was sent say so.
            "messages doubled without a word": {key for key, marks in marked.items() if marks.count(False) > 1},
            "feeds paused": set(paused),
        }
        return [f"{what}: {', '.join(sorted(some)[:5])} ({len(some)})" for what, some in found.items() if some]

    def _marks(self) -> dict[str, list[bool]]:
        """Whether each telling said that it may be the second, by message and story: a digest tells of many."""
        marked: dict[str, list[bool]] = defaultdict(list)
        for one in list(self.wire.inbox):
            marked[f"{one['key']} of {one['alerts']}"].append(one["maybe_twice"])
        return marked

    def sent_twice(self) -> int:
        """How many tellings came more than once."""
        return sum(len(marks) - 1 for marks in self._marks().values())

    def waiting(self) -> list[str]:
        """What is still to be done, a line each."""
        asked = {
            "delivery": "SELECT id, state, reason, due_at, claim, taken, note FROM delivery WHERE state = 'pending'",
            "page": "SELECT item_id, due_at, claim, attempts, error FROM reading",
            "feed": "SELECT id, due_at, claim, losses, failures, last_error, last_polled_at FROM feed WHERE claim IS NOT NULL OR failures > 0",
        }
        with self.database.reading() as session:
            return [
                f"{what}: {dict(row)}"
                for what, query in asked.items()
                for row in session.execute(text(query)).mappings()
            ]

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(15)
        self.database.dispose()


def named(processes: Iterable[psutil.Process], *words: str) -> list[psutil.Process]:
    """Those whose command line holds these words, the oldest first."""
    found = []
    for process in processes:
        try:
            if all(word in " ".join(process.cmdline()) for word in words):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return sorted(found, key=lambda process: process.create_time())


def gone(processes: list[psutil.Process]) -> Callable[[], bool]:
    return lambda: not any(map(_lives, processes))


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
