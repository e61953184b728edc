"""What docker-compose.yml starts, started by hand: the same commands and environments, in the same order."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from service import broker
from service.samplewire import SampleWire, make_app
from storage import channels, feeds, rules
from storage.database import Database
from tests.conftest import missing
from tests.helpers import free_port, serving, wait_until
from wire.address import with_password
from wire.cadence import Bounds

pytestmark = pytest.mark.live

HOUSE = Path(__file__).parents[2]
FILE = HOUSE / "docker-compose.yml"
OTHERS = {"redis", "postgres", "prometheus", "grafana"}
# `${NAME:-what it is unless somebody says otherwise}`
_USUAL = re.compile(r"\$\{\w+:-([^}]*)\}")
PASSWORD = "correct/horse@battery:staple"


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
    return {name: one for name, one in found.items() if name not in OTHERS}


class Composition:
    """Our own services of the file, with this machine's PostgreSQL, Redis, ports and secrets for the containers'."""

    def __init__(self, database: str, redis: str, folder: Path) -> None:
        self.desk = f"127.0.0.1:{free_port()}"
        self._folder = folder
        self._instead = {
            "WIREWATCH_DATABASE_URL": database,
            "WIREWATCH_REDIS_URL": redis,
            "WIREWATCH_DESK": self.desk,
            "WIREWATCH_DESK_URL": "https://desk.example",
        }
        self._more = {"WIREWATCH_DATA": str(folder), "WIREWATCH_ALLOW_NETWORKS": "127.0.0.0/8"}

    def environment(self, name: str) -> dict[str, str]:
        named: dict[str, str] = services()[name]["environment"]
        told = {key: self._instead.get(key, value) for key, value in named.items()}
        told = {key: _USUAL.sub(r"\1", value) for key, value in told.items()}
        told = {key: value.replace("/run/secrets", str(self._folder)) for key, value in told.items()}
        told["WIREWATCH_METRICS"] = f"127.0.0.1:{free_port()}"
        return os.environ | told | self._more

    def start(self, name: str, *command: str) -> "subprocess.Popen[str]":
        words = command or services()[name]["command"]
        return subprocess.Popen(
            [sys.executable, "-m", "service", *words],
            env=self.environment(name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, name: str, *command: str, typed: str = "") -> None:
        process = self.start(name, *command)
        said, _ = process.communicate(typed, timeout=60)
        assert process.returncode == 0, said


@pytest.fixture
def redis_with_password(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    command = [*broker.command(tmp_path), "--port", str(port), "--requirepass", PASSWORD]
    process = subprocess.Popen(command)
    address = f"redis://127.0.0.1:{port}/0"
    wait_until(lambda: broker.answers(with_password(address, PASSWORD)), what="Redis answers")
    yield address
    process.terminate()
    process.wait(10)


@pytest.fixture
def composition(new_postgresql: str, redis_with_password: str, tmp_path: Path) -> Composition:
    (tmp_path / "postgres_password").write_text("whatever it trusts")
    (tmp_path / "redis_password").write_text(PASSWORD + "\n")
    return Composition(new_postgresql, redis_with_password, tmp_path)


def replicas(name: str) -> int:
    return int(services()[name].get("deploy", {}).get("replicas", 1))


def test_the_file_is_what_docker_compose_reads(tmp_path: Path) -> None:
    command = shutil.which("docker-compose")
    if command is None:
        missing("docker-compose")
    told = subprocess.run(
        [str(command), "--project-directory", str(HOUSE), "-f", str(FILE), "--profile", "watching", "config"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert told.returncode == 0, told.stderr
    found = yaml.safe_load(told.stdout)["services"]
    assert {"desk", "scheduler", "worker-poll", "worker-deliver", "prometheus", "grafana"} <= found.keys()


def test_the_images_are_pinned_and_nothing_of_ours_may_write_or_become_root() -> None:
    everything = yaml.safe_load(FILE.read_text())["services"]
    for name, one in everything.items():
        assert one["image"].rpartition(":")[2][:1].isdigit() or one["image"].rpartition(":")[2].startswith("v"), name
    for one in services().values():
        assert one["read_only"]
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
    assert "USER wirewatch" in (HOUSE / "Dockerfile").read_text()


def after(name: str) -> set[str]:
    return set(services()[name].get("depends_on", {})) - OTHERS


def test_a_story_goes_through_what_the_compose_file_starts(composition: Composition, new_postgresql: str) -> None:
    wire = SampleWire(random.Random(3))
    for _ in range(3):
        wire.publish(datetime.now(UTC))
    endless = [name for name, one in services().items() if one.get("restart", "unless-stopped") == "unless-stopped"]
    assert after("migrate") == set()
    assert all(after(name) == {"migrate"} for name in endless)
    composition.run("migrate")
    composition.run("command", "users", "add", "ada", "--role", "operator", typed="correct horse\ncorrect horse\n")
    with serving(make_app(wire)) as port, ExitStack() as stack:
        base, now, database = f"http://127.0.0.1:{port}", datetime.now(UTC), Database(new_postgresql)
        stack.callback(database.dispose)
        with database.writing() as session:
            inbox = channels.add(session, "inbox", "webhook", f"{base}/inbox", now=now)
            rules.add(session, "rule", "the OR a", [inbox], now=now)
            for region in wire.stories[0].feeds:
                feeds.add(session, f"{base}/rss/menafn_{region}.xml", now=now, bounds=Bounds(1, 5))
        for name in [one for one in endless for _ in range(replicas(one))]:
            process = composition.start(name)
            stack.callback(process.communicate, timeout=30)
            stack.callback(process.terminate)
        wait_until(lambda: wire.inbox, 60, "an alert arrives")
        wait_until(lambda: _is_well(composition.desk), 60, "the desk says that all is well")


def _is_well(desk: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{desk}/healthz", timeout=10) as answer:
            return bool(json.load(answer)["well"])
    except OSError:
        return False
