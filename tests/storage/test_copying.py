"""An installation moves from one kind of database to the other, and finds all it had."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from storage import items, rules, search
from storage.copying import copy
from storage.database import Database
from storage.items import NewStory
from tests.helpers import NOON, item, rss
from tests.world import World
from wire.errors import BadInput
from wire.query import parse
from wire.story import Identity, Story

# THOROUGH=1: as many stories as a year brings, which takes minutes.
MANY = 100_000 if os.environ.get("THOROUGH") else 2_500
SEARCHES = ("harbour", "harbour AND crane7", '"closed the harbour"', "لبنان OR Łódź", "crane* NOT crane77", "nowhere")


@pytest.fixture
def target(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Database]:
    """An empty database of the other kind."""
    other = request.getfixturevalue("new_postgresql") if "sqlite" in database.url else f"sqlite:///{tmp_path}/other.db"
    found = Database(other)
    yield found
    found.dispose()


def counts(database: Database) -> dict[str, int]:
    with database.reading() as session:
        return {
            name: int(session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one())
            for name in SQLModel.metadata.tables
        }


def found(database: Database, query: str) -> list[int]:
    with database.reading() as session:
        return search.portion(session, parse(query), below=10**9, most=10**6) or []


def test_what_was_kept_and_told_is_there_after_a_copy(world: World, target: Database) -> None:
    world.rule("Fastiv")
    world.feed("/a.xml", item(1110448134, "Harbour", "لبنان Fastiv"))
    world.run()
    world.server.pages["/a.xml"] = rss(item(1110448134, "Harbour", "لبنان Fastiv"), item(1110448135, "Fastiv again"))
    world.run(4000)
    before = counts(world.database)
    told = copy(world.database, target)
    assert counts(target) == before
    assert {name: rows for name, rows in before.items() if rows} == {name: rows for name, rows in told.items() if rows}
    with target.reading() as session:
        assert rules.find(session, "rule").query == "Fastiv"
    # It goes on there: new rows get new numbers.
    with target.writing() as session:
        kept = items.keep(session, [NewStory(Story(Identity("menafn:1"), "New", "words"))], now=NOON)
    assert kept["menafn:1"] > max(one.id or 0 for one in world.items())


def test_as_many_stories_as_there_were_and_each_search_finds_the_same(
    database: Database, target: Database, tell: Callable[[str], None]
) -> None:
    for first in range(0, MANY, 500):
        told = [
            Story(
                Identity(f"menafn:{number}"),
                f"Storm {number} in Łódź",
                f"They closed the harbour for crane{number % 100}. " + ("لبنان" if number % 50 == 0 else ""),
            )
            for number in range(first, first + 500)
        ]
        with database.writing() as session:
            items.keep(session, [NewStory(one) for one in told], now=NOON)
    before = {query: found(database, query) for query in SEARCHES}
    said = copy(database, target)
    assert said["item"] == MANY
    assert counts(target) == counts(database)
    assert {query: found(target, query) for query in SEARCHES} == before
    assert len(before["harbour"]) == MANY
    tell(f"{MANY:,} stories copied from {database.url.partition(':')[0]}, {len(SEARCHES)} searches find the same")


def test_nothing_is_copied_over_other_rows_or_onto_itself(database: Database, target: Database) -> None:
    with database.writing() as session:
        items.keep(session, [NewStory(Story(Identity("menafn:1"), "One", "words"))], now=NOON)
    copy(database, target)
    with pytest.raises(BadInput, match="holds rows already"):
        copy(database, target)
    with pytest.raises(BadInput, match="same database"):
        copy(database, database)


def test_a_row_that_is_not_taken_is_named_and_nothing_is_left(sqlite: Database, new_postgresql: str) -> None:
    target = Database(new_postgresql)
    with sqlite.writing() as session:
        items.keep(session, [NewStory(Story(Identity("menafn:1"), "One", "words"))], now=NOON)
        session.execute(text("UPDATE item SET title = 'a' || char(0) || 'b'"))
    with pytest.raises(BadInput, match="A row of item was not taken"):
        copy(sqlite, target)
    assert set(counts(target).values()) == {0}
    target.dispose()


def test_the_room_of_what_is_gone_is_given_back_and_the_rest_is_whole(database: Database) -> None:
    told = [NewStory(Story(Identity(f"menafn:{n}"), f"Storm {n}", "words of a story " * 500)) for n in range(300)]
    with database.writing() as session:
        items.keep(session, told, now=NOON)
    with database.writing() as session:
        session.execute(text("DELETE FROM item_search"))
        session.execute(text("DELETE FROM item"))
    before, after = database.vacuum()
    assert after <= before
    if "sqlite" in database.url:
        assert after < before / 2
    assert database.check(thorough=True) == ""
