"""A worker that is there and consumes nothing ends itself, and no other does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import wait_until
from worker.watchdog import Watchdog


class Times:
    """A watchdog with a clock that is moved by hand, a broker that can be away, and an end that is noted."""

    def __init__(self) -> None:
        self.now, self.broker, self.ended = 0.0, True, False
        self.dog = Watchdog(lambda: self.broker, 60, end=self.end, clock=lambda: self.now)

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


# A worker whose consumer is taken away once it is there: connected, alive, and eating nothing.
DEAF = """
from celery import signals
@signals.worker_ready.connect
def deafen(sender, **_):
    sender.task_consumer.cancel()
from service.main import main
main()
"""


@pytest.mark.live
def test_a_worker_that_is_connected_and_deaf_ends_itself(redis_address: str, tmp_path: Path) -> None:
    told = {"WIREWATCH_DATA": str(tmp_path), "WIREWATCH_REDIS_URL": redis_address, "WIREWATCH_STALL_AFTER": "4s"}
    command = [sys.executable, "-c", DEAF, "worker", "--queues", "deliver", "-c", "1"]
    log = tmp_path / "log"
    with log.open("wb") as out:
        deaf = subprocess.Popen(command, env=os.environ | told, stdout=out, stderr=out)
    try:
        wait_until(lambda: deaf.poll() is not None, 60, "it has ended")
    finally:
        deaf.kill()
        deaf.wait()
    assert deaf.returncode == 1
    assert "nothing was consumed" in log.read_text()
