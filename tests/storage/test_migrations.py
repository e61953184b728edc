"""A database of an earlier Wirewatch, with rows in it, is brought up to date and goes on."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from storage import items, sketches
from storage.database import Database
from storage.items import NewStory
from storage.upgrading import upgrade
from tests.helpers import NOON
from wire.similar import sketch
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


def test_the_first_database_is_brought_up_to_date(older: Database) -> None:
    at_revision(older, "0001")
    assert older.upgrade()
    assert not older.upgrade()
