"""Sealing secrets from the command line."""

from pathlib import Path

import pytest

from storage import sealing
from tests.desk.conftest import Run


@pytest.mark.usefixtures("no_key_afterwards", "own_file")
def test_a_leaked_file_holds_no_secret_once_it_was_sealed(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("channels", "add", "chat", "apprise", "tgram://token-8244/chat")

    def files() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.glob("wirewatch.db*"))

    assert b"token-8244" in files()
    said = cli("db", "seal", status=1)
    assert "new-key" in str(said.exception)
    monkeypatch.setenv("WIREWATCH_KEY", "short")
    cli("channels", "list", status=1)
    monkeypatch.setenv("WIREWATCH_KEY", sealing.new_key())
    cli("db", "seal")
    assert b"token-8244" not in files()
    cli("channels", "list")
    monkeypatch.delenv("WIREWATCH_KEY")
    said = cli("channels", "list", status=1)
    assert "WIREWATCH_KEY" in str(said.exception)
