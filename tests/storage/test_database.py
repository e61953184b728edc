"""Opening, upgrading, locking."""

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import SQLModel

from storage.database import Database
from wire.errors import BadInput


def test_the_migrations_make_what_the_tables_say(database: Database) -> None:
    with database.reading() as session:
        context = MigrationContext.configure(session.connection())
        differences = compare_metadata(context, SQLModel.metadata)
    search = [one for one in differences if "item_search" not in str(one)]
    assert search == []


def test_many_processes_may_upgrade_at_once(tmp_path: Path) -> None:
    gate, changed = threading.Barrier(4), []

    def upgrade() -> None:
        database = Database(f"sqlite:///{tmp_path}/new.db")
        gate.wait()
        changed.append(database.upgrade())

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(changed) == [False, False, False, True]


def test_a_newer_database_is_left_alone(sqlite: Database) -> None:
    with sqlite.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'ffff'"))
    with pytest.raises(BadInput, match="newer Wirewatch"):
        sqlite.upgrade()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "cannot be read"),
        ("mysql://x/y", "SQLite or PostgreSQL"),
        ("sqlite:////nowhere/at/all.db", "does not answer"),
        ("postgresql://nobody:secret@127.0.0.1:1/x", "does not answer"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_without_its_password(url: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        Database(url).upgrade()
    assert "secret" not in str(caught.value)


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    def write_and_fail() -> None:
        with database.writing() as session:
            session.execute(text("INSERT INTO counter (name, number) VALUES ('x', 1)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM counter")).scalar() == 0


def test_sqlite_is_set_up_for_many_processes(sqlite: Database) -> None:
    with sqlite.reading() as session:
        pragma = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        }
    assert pragma == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 15_000}
