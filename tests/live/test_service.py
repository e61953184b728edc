"""The whole service as real processes: started, broken on purpose, stopped."""

import json
import random
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.samplewire import SampleWire, make_app
from tests.helpers import free_port, serving, wait_until
from tests.live.service import Service, gone

pytestmark = pytest.mark.live


@pytest.fixture
def service(tmp_path: Path, named_database: str) -> Iterator[Service]:
    wire = SampleWire(random.Random(3))
    with serving(make_app(wire)) as port:
        found = Service(tmp_path, wire, port, database_url=named_database)
        yield found
        found.stop()
        print(found.log.read_text() if found.log.exists() else "")


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
    wait_until(lambda: _listens(service.desk), 30, "the desk listens")
    with urllib.request.urlopen(told["story"]["page"], timeout=10) as page:  # noqa: S310 -- our own desk
        assert "<mark>Drones</mark>" in page.read().decode()
    wait_until(lambda: health(service.desk)["well"], 30, "all is well")
    wait_until(lambda: health(service.desk)["canary_seconds"], 30, "a canary came out")

    second = subprocess.run(
        [sys.executable, "-m", "service", "run"], env=service.environment, capture_output=True, check=False
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
        desk = subprocess.Popen([sys.executable, "-m", "service", "desk"], env=service.environment, stderr=log)
    wait_until(lambda: _listens(service.desk), 30, "the desk listens")
    with urllib.request.urlopen(f"http://{service.desk}/api/v1/stream", timeout=20) as stream:
        assert stream.readline().startswith(b"retry")
        desk.terminate()
        assert all(line.strip() == b"" or line.startswith((b"id", b"event: mark", b"data: {}")) for line in stream)
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
