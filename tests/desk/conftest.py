"""The command line as tests run it."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service import main
from tests.conftest import ON
from wire.errors import WirewatchError

Run = Callable[..., Result]


@pytest.fixture
def own_file(monkeypatch: pytest.MonkeyPatch, cli: Run) -> None:
    """For tests of what becomes of the file in the data folder."""
    monkeypatch.delenv("WIREWATCH_DATABASE_URL", raising=False)


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_template: bytes, request: pytest.FixtureRequest
) -> Iterator[Run]:
    """`wirewatch` in a folder of its own; errors come out as the entry point says them."""
    monkeypatch.setenv("WIREWATCH_DATA", str(tmp_path))
    monkeypatch.setenv("WIREWATCH_ALLOW_NETWORKS", "127.0.0.0/8")
    if ON == "postgresql":
        monkeypatch.setenv("WIREWATCH_DATABASE_URL", request.getfixturevalue("one_database").url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wirewatch.db").write_bytes(sqlite_template)

    def run(*arguments: str, status: int = 0, typed: str | None = None) -> Result:
        result = CliRunner().invoke(main.app, list(arguments), input=typed)
        if isinstance(result.exception, WirewatchError):
            main.say_error(result.exception)
            assert status == 1, result.exception
            return result
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return result

    root = logging.getLogger()
    before, level = root.handlers.copy(), root.level
    yield run
    for handler in [one for one in root.handlers if one not in before]:  # what a service logs to is closed by then
        root.removeHandler(handler)
    root.setLevel(level)
