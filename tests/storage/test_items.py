"""Items: kept once, found again."""

import threading
from datetime import UTC, datetime

import pytest
from sqlmodel import Session

from storage import items, listing
from storage.database import Database
from storage.items import NewStory
from tests.helpers import NOON
from wire.errors import BadInput, QueryError
from wire.story import Identity, Story

# Enough for some eight hundred words of them.
_LETTERS = "ابتثجحخدذرزسشصضطظعغفقكلمنهي"


def story(key: str, title: str = "", text: str = "") -> Story:
    return Story(
        Identity(key, "menafn", key.rsplit(":", maxsplit=1)[-1]), title or f"Title {key}", text or "Some text."
    )


def keep(database: Database, *stories: Story) -> dict[str, int]:
    with database.writing() as session:
        return items.keep(session, [NewStory(one) for one in stories], now=NOON)


def test_a_story_is_kept_once(database: Database) -> None:
    first = keep(database, story("menafn:1"), story("menafn:2"))
    assert set(first) == {"menafn:1", "menafn:2"}
    assert set(keep(database, story("menafn:2"), story("menafn:3"))) == {"menafn:3"}
    with database.reading() as session:
        assert items.count(session) == 3


def test_writers_racing_for_the_same_stories_keep_each_once(database: Database) -> None:
    gate = threading.Barrier(4)
    new: list[str] = []

    def write(shift: int) -> None:
        gate.wait()
        for start in range(0, 60, 10):
            numbers = [(start + shift + step) % 60 for step in range(20)]
            new.extend(keep(database, *(story(f"menafn:{number}") for number in numbers)))

    threads = [threading.Thread(target=write, args=(shift,)) for shift in (0, 7, 13, 29)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(new) == sorted(f"menafn:{number}" for number in range(60))


def search(session: Session, query: str) -> list[listing.Listed]:
    return listing.page(session, listing.Wanted(query=query), limit=10).items


def test_a_revision_keeps_the_words_that_stood_before(database: Database) -> None:
    keep(database, story("menafn:1", "Old title", "Old text."))
    with database.writing() as session:
        known = items.known(session, ["menafn:1"])["menafn:1"]
        assert items.revise(session, known, story("menafn:1", "New title", "New text."), NOON) == 2
    with database.reading() as session:
        found = items.find(session, "menafn:1")
        assert (found.version, found.title, found.text) == (2, "New title", "New text.")
        assert [(one.version, one.title) for one in items.versions(session, found.id or 0)] == [(1, "Old title")]
        assert [one.item.id for one in search(session, "new")] == [found.id]
        assert search(session, "old") == []


@pytest.mark.parametrize("which", ["1110448134", "menafn:1110448134", "1"])
def test_an_item_is_found_by_number_story_id_or_identity(database: Database, which: str) -> None:
    keep(database, story("menafn:1110448134"))
    with database.reading() as session:
        assert items.find(session, which).identity == "menafn:1110448134"


def test_an_item_that_is_not_there_is_said(database: Database) -> None:
    with database.reading() as session:
        for which in ("7", "x", "9" * 30):
            with pytest.raises(BadInput, match="No item"):
                items.find(session, which)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("drones", [1, 3]),
        ('"power grid"', [1]),
        ("power AND grid", [1, 2]),
        ("drones NOT Kyiv", [3]),
        ("(drones OR wheat) NOT Kyiv", [3, 4]),
        ("C++", [5]),
        ("لبنان", [6]),
        ("Łódź", [4]),
        ("it's", [7]),
        ("back\\slash", [7]),
        ("nothing", []),
    ],
)
def test_search_finds_what_a_rule_would_meet(database: Database, query: str, found: list[int]) -> None:
    texts = (
        "Drones hit the power grid in Kyiv", "a grid of power lines", "drones over the sea", "wheat from Lodz",
        "a job in C++", "أزمة بلبنان", "it's a back\\slash 'quoted' & | ! :*",
    )  # fmt: skip
    keep(database, *(story(f"menafn:{number}", "T", text) for number, text in enumerate(texts, 1)))
    with database.reading() as session:
        assert sorted(int(one.item.story_id) for one in search(session, query)) == found


@pytest.mark.parametrize(
    "text",
    [
        "النفط ـ oil é",
        "ͺ oil ـــ",
        r"oil \ 'o’clock' \\' ' ''",
        "ﷺ oil",
        "oil " + "ﷺ" * 200,  # a letter that is eighteen, and a word longer than an index takes
        "oil " + " ".join(f"و{one}{other}" + "ﷺ" * 30 for one in _LETTERS for other in _LETTERS),
    ],
    ids=range(6),
)
def test_what_is_no_word_neither_keeps_a_story_out_nor_hides_it(database: Database, text: str) -> None:
    keep(database, story("menafn:1", text=text))
    with database.reading() as session:
        assert [one.item.story_id for one in search(session, "oil")] == ["1"]


@pytest.mark.parametrize(
    "query",
    [
        "story AND (nothing OR (" * 24 + "story AND tea" + "))" * 24,
        "(story AND nothing) OR (" * 49 + "tea" + ")" * 49,
        " NEAR/100 ".join(["story", "and", "tea"] * 60),
        " OR ".join(f"word{number}" for number in range(300)) + " OR tea",
    ],
)
def test_what_can_be_asked_can_be_searched_for_however_long_and_deep(database: Database, query: str) -> None:
    told = Story(Identity("menafn:1"), "Story", "story and tea " * 70)
    with database.writing() as session:
        items.keep(session, [NewStory(told)], now=NOON)
    with database.reading() as session:
        assert len(search(session, query)) == 1


def test_search_with_an_open_quote_says_so(database: Database) -> None:
    with database.reading() as session, pytest.raises(QueryError, match="never closed"):
        search(session, '"open')


def test_a_naive_time_is_refused(sqlite: Database) -> None:
    with pytest.raises(Exception, match="no time zone"), sqlite.writing() as session:
        items.keep(session, [NewStory(story("menafn:1"))], now=datetime(2026, 1, 1))  # noqa: DTZ001 -- the point


def test_times_come_back_aware_and_in_utc(database: Database) -> None:
    keep(database, story("menafn:1"))
    with database.reading() as session:
        when = items.find(session, "menafn:1").first_seen_at
        assert when == NOON
        assert when.tzinfo == UTC
