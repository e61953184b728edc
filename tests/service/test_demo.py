"""The demo keeps to itself."""

from pathlib import Path
from typing import Any

import pytest

from service import demo
from settings import Settings


def test_the_demo_leaves_an_installation_of_ones_own_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREWATCH_DATABASE_URL", f"sqlite:///{tmp_path}/mine.db")
    monkeypatch.setenv("WIREWATCH_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("WIREWATCH_KEEP", "alerts 7d")
    given: list[Settings] = []

    def run(settings: Settings, **_: Any) -> None:
        given.append(settings)

    monkeypatch.setattr(demo, "run_service", run)
    demo.run_demo(tmp_path / "demo", 0)
    assert (given[0].database_url, given[0].redis_url, given[0].keep) == ("", "", "")
