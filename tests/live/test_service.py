"""The whole service as real processes: started, broken on purpose, stopped."""

import functools
import json
import os
import random
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import text

from service.samplewire import REGIONS, SampleWire, make_app
from storage import alerts, channels, feeds, items, rules
from storage.database import Database
from tests.helpers import free_port, serving, wait_until
from wire.cadence import Bounds

pytestmark = pytest.mark.live

# Stories of the sample wire all hold one of these.
EVERY_STORY = "the OR a OR في OR إن"


_COPIES = """
    SELECT item.story_id FROM item JOIN alert ON alert.item_id = item.id JOIN delivery ON delivery.alert_id = alert.id
    WHERE delivery.state = 'held' AND delivery.reason = 'copy'
"""


@dataclass
class Service:
    """`wirewatch run` in a folder of its own, watching a sample wire of ours."""

    data: Path
    wire: SampleWire
    port: int
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)
    desk: str = ""
    stall_after: str = "30s"
    canary: str = "0"

    def __post_init__(self) -> None:
        self.log = self.data / "service.log"
        self.database = Database(f"sqlite:///{self.data / 'wirewatch.db'}")
        self.database.upgrade()

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "WIREWATCH_DATA": str(self.data),
            "WIREWATCH_ALLOW_NETWORKS": "127.0.0.0/8",
            "WIREWATCH_LEASE": "4s",
            "WIREWATCH_POLL_TIMEOUT": "2s",
            "WIREWATCH_STALL_AFTER": self.stall_after,
            "WIREWATCH_DESK": self.desk,
            "WIREWATCH_CANARY": self.canary,
        }

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service.main", "run"], env=self.environment, stdout=log, stderr=log
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
        found = []
        for process in self.family():
            try:
                if all(word in " ".join(process.cmdline()) for word in words):
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return sorted(found, key=lambda process: process.create_time())

    def told(self) -> set[str]:
        """The stories whose alert arrived, and those that were told in another copy: some are much alike."""
        with self.database.reading() as session:
            copies = session.execute(text(_COPIES)).scalars().all()
        return {alert["story"]["story_id"] for alert in list(self.wire.inbox)} | set(copies)

    def truth(self) -> set[str]:
        return {str(story.story_id) for story in list(self.wire.stories)}

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(15)
        self.database.dispose()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    wire = SampleWire(random.Random(3))
    with serving(make_app(wire)) as port:
        found = Service(tmp_path, wire, port)
        yield found
        found.stop()
        print(found.log.read_text() if found.log.exists() else "")


def gone(processes: list[psutil.Process]) -> Callable[[], bool]:
    return lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def health(desk: str) -> dict[str, Any]:
    """What the health check says, well or not."""
    try:
        with urllib.request.urlopen(f"http://{desk}/healthz", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        found = json.load(error)
    return found


def test_a_story_is_told_within_seconds_and_ctrl_c_leaves_nothing_behind(service: Service) -> None:
    service.desk, service.canary = f"127.0.0.1:{free_port()}", "6s"
    service.set_up("drones AND grid")
    service.publish(8)
    service.start()
    wait_until(lambda: service.wire.inbox, 30, "the first alert arrives")
    (told,) = service.wire.inbox
    assert {"Drones", "grid"} <= set(told["matched"])
    with urllib.request.urlopen(told["story"]["page"], timeout=10) as page:  # noqa: S310 -- our own desk
        assert "<mark>Drones</mark>" in page.read().decode()
    wait_until(lambda: health(service.desk)["well"], 30, "all is well")
    wait_until(lambda: health(service.desk)["canary_seconds"], 30, "a canary came out")

    second = subprocess.run(
        [sys.executable, "-m", "service.main", "run"], env=service.environment, capture_output=True, check=False
    )
    assert second.returncode == 1
    assert b"runs on" in second.stderr
    assert b"--data" in second.stderr

    family = service.family()
    assert len(family) >= 6
    assert service.process
    began = datetime.now(UTC)
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(15) == 0
    assert (datetime.now(UTC) - began).total_seconds() < 10
    wait_until(gone(family), 2, "no process is left")


def test_a_stopped_desk_lets_its_readers_go(service: Service) -> None:
    service.desk = f"127.0.0.1:{free_port()}"
    with service.log.open("ab") as log:
        desk = subprocess.Popen([sys.executable, "-m", "service.main", "desk"], env=service.environment, stderr=log)
    wait_until(lambda: _listens(service.desk), 30, "the desk listens")
    with urllib.request.urlopen(f"http://{service.desk}/api/v1/stream", timeout=20) as stream:
        assert stream.readline().startswith(b"retry")
        desk.terminate()
        assert all(line.strip() in (b"", b": still here") or line.startswith(b"id") for line in stream)
    desk.wait(10)
    assert "ERROR" not in service.log.read_text()


def _listens(address: str) -> bool:
    try:
        return bool(health(address))
    except OSError:
        return False


def test_a_killed_service_leaves_nothing_behind_and_starts_again(service: Service) -> None:
    service.set_up()
    service.publish(3)
    service.start()
    wait_until(lambda: service.told() == service.truth(), 30, "all is told")
    family = service.family()
    assert service.process
    service.process.kill()
    service.process.wait()
    wait_until(gone(family), 5, "no process is left")
    service.publish(3)
    service.start()
    wait_until(lambda: service.told() == service.truth(), 30, "all is told after the start")


def test_a_worker_that_lives_without_eating_is_replaced(service: Service) -> None:
    service.stall_after = "15s"
    service.set_up()
    service.publish(2)
    service.start()
    wait_until(lambda: service.told() == service.truth(), 30, "all is told")
    frozen = service.child("worker", "deliver")
    for process in frozen:
        process.suspend()
    service.publish(2)
    wait_until(gone(frozen), 40, "the frozen worker is ended")
    wait_until(lambda: service.told() == service.truth(), 30, "all is told by its successor")
    assert "shown no work" in service.log.read_text()


def test_twenty_kills_lose_and_double_nothing(service: Service) -> None:
    """kill -9 of pool processes, of their parents and of Redis, in a mixed order, while stories flow."""
    service.set_up()
    service.publish(5)
    service.start()
    wait_until(service.told, 30, "the service is at work")
    dice = random.Random(11)
    victims: dict[str, Callable[[], list[psutil.Process]]] = {
        "pool process": lambda: service.child("worker", "--queues")[-2:][:1],
        "worker": lambda: service.child("worker", dice.choice(["poll,read", "deliver"]))[:1],
        "redis": functools.partial(service.child, "redis"),
    }
    order = [*["pool process"] * 10, *["worker"] * 5, *["redis"] * 5]
    dice.shuffle(order)
    for number, kind in enumerate(order):
        service.publish(3)
        wait_until(victims[kind], 20, f"there is a {kind} to kill")
        for victim in victims[kind]():
            victim.kill()
        if number % 3 == 0:  # at any moment: now and then only when work has gone on, else in the midst of recovering
            wait_until(_more_polls(service), 30, "polls go on")
    try:
        # A page that two readings in a row did not get, for the machine was busy, is read half a minute and two later.
        wait_until(lambda: service.told() >= service.truth(), 240, "every story is told")
    finally:
        print({"untold": service.truth() - service.told()})
    # One whose sender was killed before it could note so is sent again when its lease ends.
    wait_until(lambda: "pending" not in _states(service), 30, "every delivery is noted")
    _nothing_lost_or_doubled(service)


def _states(service: Service) -> Counter[str]:
    with service.database.reading() as session:
        return Counter(session.execute(text("SELECT state FROM delivery")).scalars())


def _more_polls(service: Service) -> Callable[[], bool]:
    """Whether there have been more polls than at the time of asking."""

    def polls() -> int:
        with service.database.reading() as session:
            return int(session.execute(text("SELECT count(*) FROM poll")).scalar_one())

    before = polls()
    return lambda: polls() > before


def _nothing_lost_or_doubled(service: Service) -> None:
    with service.database.reading() as session:
        kept = Counter(item.story_id for item in items.newest(session, limit=10_000))
        states: Counter[Any] = Counter(row.state for row in alerts.deliveries(session, limit=10_000))
        paused = [feed.paused_because for feed in feeds.watched(session) if not feed.enabled]
    assert set(kept) == service.truth()
    assert set(kept.values()) == {1}
    assert set(states) <= {"sent", "held"}
    assert paused == []
    keys = Counter(alert["key"] for alert in service.wire.inbox)
    print({"stories": len(kept), "deliveries": dict(states), "sent twice": sum(n - 1 for n in keys.values())})
