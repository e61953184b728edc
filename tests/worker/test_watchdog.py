"""A worker that is there and consumes nothing ends itself, and no other does."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers import wait_until
from worker.watchdog import Watchdog


class Times:
    """A watchdog with a clock that is moved by hand, a broker that can be away, and an end that is noted."""

    def __init__(self) -> None:
        self.now, self.broker, self.at_work, self.ended = 0.0, True, False, False
        at_work, clock = lambda: self.at_work, lambda: self.now
        self.dog = Watchdog(lambda: self.broker, 60, at_work=at_work, end=self.end, clock=clock)

    def end(self) -> None:
        self.ended = True

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        self.dog.look()


def test_who_hears_its_messages_goes_on() -> None:
    times = Times()
    for _ in range(50):
        times.pass_by(5)
        times.dog.heard()
    assert not times.ended


def test_who_hears_nothing_for_long_is_ended() -> None:
    times = Times()
    times.pass_by(59)
    assert not times.ended
    times.pass_by(5)
    assert times.ended


def test_a_message_that_was_lost_is_nothing() -> None:
    times = Times()
    times.pass_by(50)
    times.dog.heard()
    times.pass_by(50)
    assert not times.ended


def test_no_time_counts_while_the_broker_is_away() -> None:
    times = Times()
    times.broker = False
    for _ in range(10):
        times.pass_by(50)
    times.broker = True
    times.pass_by(5)
    assert not times.ended


def test_after_the_broker_came_back_it_is_less_patient() -> None:
    times = Times()
    times.broker = False
    times.pass_by(50)
    times.broker = True
    times.pass_by(29)
    assert not times.ended
    times.pass_by(5)
    assert times.ended


def test_who_has_long_work_in_hand_may_take_longer_but_not_for_ever() -> None:
    times = Times()
    times.at_work = True
    for _ in range(8):
        times.pass_by(60)
    assert not times.ended
    times.pass_by(5)
    assert times.ended


# A worker whose consumer is taken away once it is there: connected, alive, and eating nothing.
DEAF = """
from celery import signals
from worker import watchdog
watchdog.EVERY = 0.2
@signals.worker_ready.connect
def deafen(sender, **_):
    sender.task_consumer.cancel()
from service.main import main
main()
"""
# A worker that has so much to do that each message to itself has expired when it comes to it.
LATE = """
from celery import signals
from worker import app, watchdog
watchdog.EVERY = 0.2
in_time = app.send_to_self
app.send_to_self = lambda queue, *, expires: in_time(queue, expires=-1)
@signals.task_revoked.connect
def tell(sender, **_):
    print("late:", sender.name, flush=True)
from service.main import main
main()
"""


@contextmanager
def worker(program: str, redis_address: str, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A real worker, changed as a program has it, that must hear itself every two seconds; and its log."""
    told = {"WIREWATCH_DATA": str(folder), "WIREWATCH_REDIS_URL": redis_address, "WIREWATCH_STALL_AFTER": "2s"}
    command = [sys.executable, "-c", program, "worker", "--queues", "deliver", "-c", "1"]
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=os.environ | told, stdout=out, stderr=out)
    try:
        yield process, log
    finally:
        process.kill()
        process.wait()


@pytest.mark.live
def test_a_worker_that_is_connected_and_deaf_ends_itself(redis_address: str, tmp_path: Path) -> None:
    with worker(DEAF, redis_address, tmp_path) as (deaf, log):
        wait_until(lambda: deaf.poll() is not None, 60, "it has ended")
        assert deaf.returncode == 1
        assert "nothing was consumed" in log.read_text()


@pytest.mark.live
def test_a_worker_that_comes_late_to_its_own_messages_lives(redis_address: str, tmp_path: Path) -> None:
    with worker(LATE, redis_address, tmp_path) as (late, log):
        wait_until(
            lambda: late.poll() is not None or log.read_text().count("late: wirewatch.alive") > 30,
            60,
            "thirty came late",
        )
        assert late.poll() is None, log.read_text()
