"""A database of an earlier Wirewatch, with rows in it, is brought up to date and goes on."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, MetaData, insert, select, text
from sqlalchemy.types import JSON, Boolean, Date, DateTime, Float, Integer, LargeBinary, Numeric

from storage import items, search, sketches
from storage.database import Database, newest_revision
from storage.items import NewStory
from storage.upgrading import upgrade
from tests.helpers import NOON
from wire.query import parse
from wire.sketch import sketch
from wire.story import Identity, Story

WORDS = (
    "The harbour of the northern town was closed on Monday after a storm broke two of its cranes and sank a barge. " * 3
)


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with no tables yet, once of each kind."""
    if request.param == "sqlite":
        found = Database(f"sqlite:///{tmp_path / 'older.db'}")
    else:
        found = Database(request.getfixturevalue("new_postgresql"))
    yield found
    found.dispose()


def at_revision(database: Database, revision: str) -> None:
    with database._connected() as connection, connection.begin():
        upgrade(connection, to=revision)


def keep(database: Database, name: str) -> int:
    told = Story(Identity(f"menafn:{name}"), f"Storm {name}", WORDS)
    with database.writing() as session:
        return items.keep(session, [NewStory(told)], now=NOON)[told.identity.key]


def test_sketches_outlive_the_change_of_their_tables(older: Database) -> None:
    """A copy of a story that was sketched before is known for one after."""
    at_revision(older, "0007")
    first = keep(older, "1")
    seen_at = "2026-11-22 12:00:00" if "sqlite" in older.url else "2026-11-22 12:00:00+00"
    with older.writing() as session:
        session.execute(
            text("INSERT INTO shingle (number, item_id, seen_at) VALUES (:number, :item, :seen)"),
            [{"number": one, "item": first, "seen": seen_at} for one in sketch("Storm 1", WORDS)],
        )
    assert older.upgrade()
    second = keep(older, "2")
    with older.writing() as session:
        sketches.cluster(session, {second: sketch("Storm 2", WORDS)}, NOON)
    with older.writing() as session:
        assert items.get(session, second).cluster == first
        sketches.forget_old(session, NOON + timedelta(days=4))
        assert session.execute(text("SELECT count(*) FROM shingle")).scalar() == 0
        assert session.execute(text("SELECT count(*) FROM sketch")).scalar() == 0


def test_words_that_are_cut_otherwise_now_are_found_in_stories_of_before(older: Database) -> None:
    at_revision(older, "0008")
    told = Story(Identity("menafn:1"), "Пʼять станцій", "サーバーAI")
    with older.writing() as session:
        items.keep(session, [NewStory(told)], now=NOON)
        words = "words = 'x'" if "sqlite" in older.url else "words = to_tsvector('simple', 'x')"
        session.execute(text(f"UPDATE item_search SET {words}"))
    assert older.upgrade()
    with older.reading() as session:
        for query in ("П'ять", "サーバー AI"):
            assert search.portion(session, parse(query), below=9, most=9) == [1]


def test_the_first_database_is_brought_up_to_date(older: Database) -> None:
    at_revision(older, "0001")
    assert older.upgrade()
    assert not older.upgrade()


Rows = dict[str, dict[str, Any]]
# What a column of a kind holds, where a row is needed and no matter what it says.
_PLAIN: list[tuple[type, Any]] = [
    (Boolean, False), (Integer, 1), (Float, 1), (Numeric, 1), (DateTime, NOON), (Date, NOON.date()), (JSON, []),
    (LargeBinary, b""),
]  # fmt: skip


def value_for(column: Column[Any]) -> Any:
    return next((value for kind, value in _PLAIN if isinstance(column.type, kind)), f"a {column.name}")


def tables_of(connection: Connection) -> MetaData:
    """The tables there are, but for the search index, which each database has of its own kind."""
    found = MetaData()
    found.reflect(connection, only=lambda name, _: not name.startswith(("item_search", "alembic")))
    return found


def a_row_each(connection: Connection) -> Rows:
    """Puts a row into every table, the first of each that the others refer to."""
    rows: Rows = {}
    for table in tables_of(connection).sorted_tables:
        rows[table.name] = {column.name: value_for(column) for column in table.columns}
        connection.execute(insert(table).values(rows[table.name]))
    return rows


@pytest.mark.parametrize("revision", [f"{number:04}" for number in range(1, int(newest_revision()))])
def test_every_earlier_database_keeps_its_rows(older: Database, revision: str) -> None:
    at_revision(older, revision)
    with older._connected() as connection, connection.begin():
        rows = a_row_each(connection)
        connection.execute(text("INSERT INTO item_search (rowid, words) VALUES (1, 'harbour')"))
    assert older.upgrade()
    with older._connected() as connection:
        for table in tables_of(connection).sorted_tables:
            former = rows.get(table.name, {})
            kept = [column for column in table.columns if column.name in former]
            found = connection.execute(select(*kept)).mappings().first() if kept else None
            assert bool(found) == bool(former)
            assert {name: former[name] for name in found or {}} == {
                # SQLite keeps no zone: all moments there are UTC.
                name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
                for name, value in (found or {}).items()
            }
        assert connection.execute(text("SELECT rowid FROM item_search")).scalars().all() == [1]
