"""A copy made while stories flow opens, is whole, and holds what was there."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from storage import backup, items
from storage.backup import back_up
from storage.database import Database
from storage.items import NewStory
from tests.helpers import NOON
from wire.errors import BadInput
from wire.story import Identity, Story


def keep(database: Database, first: int, count: int = 50) -> None:
    told = [
        Story(Identity(f"menafn:{number}"), f"Storm {number}", "Words. " * 300)
        for number in range(first, first + count)
    ]
    with database.writing() as session:
        items.keep(session, [NewStory(one) for one in told], now=NOON)


def test_a_copy_made_while_stories_flow_is_whole_and_opens(sqlite: Database, tmp_path: Path) -> None:
    keep(sqlite, 0)
    done, flowing = threading.Event(), threading.Event()

    def flow() -> None:
        first = 1_000
        while not done.is_set():
            keep(sqlite, first, 5)
            first += 5
            flowing.set()

    writer = threading.Thread(target=flow)
    writer.start()
    try:
        assert flowing.wait(20)
        made = back_up(sqlite, tmp_path / "copy.db")
    finally:
        done.set()
        writer.join(20)
    assert made.rows["item"] >= 55
    copy = Database(f"sqlite:///{tmp_path / 'copy.db'}")
    assert not copy.upgrade()
    with copy.reading() as session:
        assert items.count(session) == made.rows["item"]
    copy.dispose()
    assert {path.name for path in tmp_path.glob("*copy*")} <= {"copy.db", "copy.db-wal", "copy.db-shm"}


def test_a_copy_of_many_portions_ends_while_others_write(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_PAGES", 5)
    keep(sqlite, 0, 400)
    steps = 0

    class Source(sqlite3.Connection):
        """Before each portion somebody else writes."""

        def backup(self, target: sqlite3.Connection, *, pages: int = -1, **_: Any) -> None:
            def step(_status: int, _left: int, _total: int) -> None:
                nonlocal steps
                steps += 1
                assert steps < 1_000, "it begins anew whenever somebody has written"
                keep(sqlite, 10_000 + steps, 1)

            super().backup(target, pages=pages, progress=step)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path: connect(path, factory=Source))
    assert back_up(sqlite, tmp_path / "copy.db").rows["item"] == 400
    assert steps > 10


def test_a_database_is_not_copied_onto_itself(sqlite: Database) -> None:
    there = Path(make_url(sqlite.url).database or "")
    with pytest.raises(BadInput, match="the database itself"):
        back_up(sqlite, there, replace=True)


def test_a_file_that_is_there_is_not_written_over_unasked(sqlite: Database, tmp_path: Path) -> None:
    there = tmp_path / "copy.db"
    there.write_text("something else")
    with pytest.raises(BadInput, match="there already"):
        back_up(sqlite, there)
    assert there.read_text() == "something else"
    assert back_up(sqlite, there, replace=True).rows["item"] == 0


def test_a_folder_that_is_not_there_is_said_so(sqlite: Database, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        back_up(sqlite, tmp_path / "nowhere" / "copy.db")


def test_a_damaged_database_makes_no_backup(tmp_path: Path, sqlite: Database) -> None:
    keep(sqlite, 0, 200)
    sqlite.dispose()
    file = Path(sqlite.url.removeprefix("sqlite:///"))
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    body = bytearray(file.read_bytes())
    body[len(body) // 2 : len(body) // 2 + 20_000] = b"\xff" * 20_000
    file.write_bytes(body)
    with pytest.raises(BadInput, match=r"damaged|could not be written"):
        back_up(sqlite, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_postgresql_has_its_own_tools(postgresql: Database, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="pg_dump"):
        back_up(postgresql, tmp_path / "copy.db")
    postgresql.dispose()
