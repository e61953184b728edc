"""Opening, upgrading, locking."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import make_url, text
from sqlmodel import SQLModel

from storage.database import Database
from tests.chaos.link import Link
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


@pytest.fixture
def over_tcp(postgres_address: str) -> Iterator[Database]:
    """The same PostgreSQL, spoken to over a network."""
    address = make_url(postgres_address)
    link = Link(lambda: asyncio.open_unix_connection(f"{address.query['host']}/.s.PGSQL.5432"))
    there = address.set(host="127.0.0.1", port=link.port, query={})
    database = Database(there.render_as_string(hide_password=False))
    yield database
    database.dispose()
    link.close()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux alone gives up on what was sent")
def test_a_server_that_vanished_is_found_out_in_half_a_minute(over_tcp: Database) -> None:
    """What the kernel was told of the very socket: when nothing comes, and when what was sent is not acknowledged."""
    with over_tcp.reading() as session:
        connection = session.connection().connection.driver_connection
        assert connection
        with socket.socket(fileno=os.dup(connection.fileno())) as there:
            assert there.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle, interval, count = (
                there.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            )
            assert idle + interval * count <= 30
            assert 0 < there.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 30_000


def test_what_is_read_in_one_transaction_stands_at_one_moment(database: Database) -> None:
    count = text("SELECT count(*) FROM word_list")
    with database.reading() as session:
        assert session.execute(count).scalar() == 0
        with database.writing() as other:
            other.execute(text("INSERT INTO word_list (name, spellings) VALUES ('a', '[]')"))
        assert session.execute(count).scalar() == 0
    with database.reading() as session:
        assert session.execute(count).scalar() == 1
