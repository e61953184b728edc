"""What docker-compose.yml starts, started by hand: the same commands and environments, in the same order."""

import json
import os
import random
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.samplewire import SampleWire, make_app
from storage import channels, feeds, rules
from storage.database import Database
from tests.helpers import free_port, serving, wait_until
from wire.cadence import Bounds

pytestmark = pytest.mark.live

FILE = Path(__file__).parents[2] / "docker-compose.yml"
OTHERS = {"redis", "postgres"}


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
    return {name: one for name, one in found.items() if name not in OTHERS}


class Composition:
    """Our own services of the file, with this machine's PostgreSQL, Redis and ports in place of the containers'."""

    def __init__(self, database: str, redis: str, folder: Path) -> None:
        self.desk = f"127.0.0.1:{free_port()}"
        self._instead = {
            "WIREWATCH_DATABASE_URL": database,
            "WIREWATCH_REDIS_URL": redis,
            "WIREWATCH_DESK": self.desk,
            "WIREWATCH_DESK_URL": "https://desk.example",
        }
        self._more = {"WIREWATCH_DATA": str(folder), "WIREWATCH_ALLOW_NETWORKS": "127.0.0.0/8"}

    def environment(self, name: str) -> dict[str, str]:
        named = services()[name]["environment"]
        return os.environ | {key: self._instead[key] for key in named} | self._more

    def start(self, name: str, *command: str) -> "subprocess.Popen[str]":
        words = command or services()[name]["command"]
        return subprocess.Popen(
            [sys.executable, "-m", "service.main", *words],
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
def composition(new_postgresql: str, redis_address: str, tmp_path: Path) -> Composition:
    return Composition(new_postgresql, redis_address, tmp_path)


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
        for name in endless:
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
