"""Copies are found among the stories that are kept, by the few of a sketch's numbers that are looked up."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from bench.corpus import Corpus
from storage import items, retention, sketches
from storage.database import Database
from storage.items import NewStory
from storage.sketches import SHINGLE, SKETCH
from tests.helpers import NOON
from tests.wire.test_similar import EDITS
from wire.similar import WINDOW
from wire.sketch import sketch
from wire.story import Fields, Identity, Story


def keep(database: Database, told: dict[str, tuple[str, str]], at: timedelta = timedelta(0)) -> dict[str, int]:
    """Keeps stories, each a name with title and text, and sets them beside the others."""
    stories = [NewStory(Story(Identity(name), title, text)) for name, (title, text) in told.items()]
    with database.writing() as session:
        kept = items.keep(session, stories, now=NOON + at)
        sketches.cluster(session, {kept[name]: sketch(*words) for name, words in told.items()}, NOON + at)
    return kept


def clusters(database: Database) -> dict[int, int | None]:
    with database.reading() as session:
        return {one.id or 0: one.cluster for one in items.newest(session, limit=1_000)}


@pytest.fixture
def originals() -> dict[str, Fields]:
    corpus = Corpus(random.Random(3))
    return {f"story:{number}": corpus.story() for number in range(40)}


@pytest.mark.parametrize("edit", EDITS)
def test_each_copy_joins_its_original(database: Database, originals: dict[str, Fields], edit: str) -> None:
    first = keep(database, {name: (story.title, story.text) for name, story in originals.items()})
    assert set(clusters(database).values()) == {None}
    copies = keep(database, {f"copy of {name}": EDITS[edit](story) for name, story in originals.items()})
    found = clusters(database)
    assert {name: found[copies[f"copy of {name}"]] for name in originals} == first


def test_copies_that_come_together_are_one_cluster(database: Database, originals: dict[str, Fields]) -> None:
    story = originals["story:0"]
    told = {edit: EDITS[edit](story) for edit in EDITS}
    kept = keep(database, {"original": (story.title, story.text), **told})
    first = min(kept.values())
    assert clusters(database) == {item_id: first if item_id != first else None for item_id in kept.values()}


def test_a_dozen_numbers_of_a_sketch_are_looked_up_and_all_of_them_forgotten(
    database: Database, originals: dict[str, Fields]
) -> None:
    """Also where an earlier version of this program put all of them there."""
    story = originals["story:0"]
    numbers = sketch(story.title, story.text)
    kept = keep(database, {"one": (story.title, story.text)})
    with database.writing() as session:
        looked_up = set(session.execute(select(SHINGLE.c.number)).scalars())
        assert looked_up == set(sorted(numbers)[:12])
        rows = [{"number": one, "item_id": kept["one"]} for one in numbers - looked_up]
        session.execute(insert(SHINGLE), rows)
        sketches.forget(session, [kept["one"]])
        assert session.execute(select(SHINGLE.c.number)).all() == []
        assert session.execute(select(SKETCH.c.item_id)).all() == []


def test_a_copy_of_a_story_that_was_forgotten_meanwhile_is_kept(
    database: Database, originals: dict[str, Fields]
) -> None:
    story = originals["story:0"]
    first = keep(database, {"one": (story.title, story.text)})
    with database.writing() as session:  # revised late, so that its sketch is young
        sketches.cluster(session, {first["one"]: sketch(story.title, story.text)}, NOON + timedelta(days=6))
        retention.forget_items(session, [first["one"]])
        assert session.execute(select(SKETCH.c.item_id)).all() == []
    kept = keep(database, {"copy": (story.title, story.text)}, at=timedelta(days=7))
    assert clusters(database) == {kept["copy"]: None}


def test_what_was_told_before_the_window_is_no_original(database: Database, originals: dict[str, Fields]) -> None:
    story = originals["story:0"]
    keep(database, {"then": (story.title, story.text)})
    now = keep(database, {"now": (story.title, story.text)}, at=WINDOW + timedelta(hours=1))
    assert clusters(database)[now["now"]] is None
