"""Full-text search over items, in the analyser's own words: FTS5 on SQLite, `tsvector` on PostgreSQL.

The index holds the words as `wire/text` folds them, so that a candidate is never missed; the caller holds each
candidate against the query with the same engine that matches rules, so that none is wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import TextClause, bindparam, text
from sqlmodel import Session

from wire.chunks import MOST_STORIES
from wire.clauses import (
    CASE,
    FACT_FIELDS,
    PATTERN,
    PREFIX,
    STEM,
    And,
    AtLeast,
    In,
    Near,
    Not,
    Or,
    Query,
    Slop,
    Term,
    Word,
)
from wire.query import FEWEST_LETTERS
from wire.text import fold, forms_in

# PostgreSQL refuses a tsvector over 1 MB. A story of a thousand pages has this many different words.
_MOST_BYTES = 700_000
_MOST_BYTES_A_LETTER = 4
_DELETE = text("DELETE FROM item_search WHERE rowid = :item_id")
# PostgreSQL's positions end at 16,383; we ask for none, so each word is given once.
_INSERT = {
    "sqlite": text("INSERT INTO item_search (rowid, words) VALUES (:item_id, :words)"),
    "postgresql": text("INSERT INTO item_search (rowid, words) VALUES (:item_id, CAST(:words AS tsvector))"),
}


_NEWEST = {
    "sqlite": text(
        "SELECT rowid FROM item_search WHERE words MATCH :needle AND rowid < :below ORDER BY rowid DESC LIMIT :most"
    ),
    "postgresql": text(
        "SELECT rowid FROM item_search WHERE words @@ CAST(:needle AS tsquery) AND rowid < :below "
        "ORDER BY rowid DESC LIMIT :most"
    ),
}
_ANY = text("SELECT rowid FROM item_search WHERE words @@ CAST(:needle AS tsquery) AND rowid < :below LIMIT :most")
# PostgreSQL's index of words is in no order: so many are found there in some milliseconds and put in order here. Of
# words that more stories hold, some of the newest are soon found by walking down the stories; not so a great part.
_RARE, _TIMES_MORE = 2_000, 20


def index(session: Session, items: Sequence[tuple[int, str, str]], *, again: bool = False) -> None:
    """Puts (item id, title, text) into the index; `again` for items that are in it with older words."""
    if not items:
        return
    if again:
        session.execute(_DELETE, [{"item_id": item_id} for item_id, _, _ in items])
    dialect = session.get_bind().dialect.name
    found = [(item_id, words(title, body)) for item_id, title, body in items]
    session.execute(
        _INSERT[dialect],
        [{"item_id": item_id, "words": _quoted(one) if dialect == "postgresql" else one} for item_id, one in found],
    )


def forget(session: Session, item_ids: Sequence[int]) -> None:
    """Takes items out of the index."""
    if item_ids:
        session.execute(_DELETE, [{"item_id": item_id} for item_id in item_ids])


def candidates(session: Session, query: Query) -> TextClause | None:
    """A condition on `item.id` that holds for every item the query meets; None where the index cannot help."""
    dialect = session.get_bind().dialect.name
    needle = _needle(query, _SYNTAX[dialect])
    if needle is None:
        return None
    match = "words MATCH :needle" if dialect == "sqlite" else "words @@ CAST(:needle AS tsquery)"
    # Of two constants:
    statement = text(f"item.id IN (SELECT rowid FROM item_search WHERE {match})")  # noqa: S608
    return statement.bindparams(bindparam("needle", needle))


def portion(session: Session, query: Query, *, below: int, most: int) -> list[int] | None:
    """The numbers of the newest items below a number that the query may meet; None where the index cannot help.

    It looks no further than it must, so that a page of a common word costs a page, and one of a rare word little more.
    """
    dialect = session.get_bind().dialect.name
    needle = _needle(query, _SYNTAX[dialect])
    if needle is None:
        return None
    named = {"needle": needle, "below": below, "most": most}
    if dialect == "sqlite":  # FTS5 walks its index in this order, and stops
        return list(session.execute(_NEWEST[dialect], named).scalars())
    enough = max(_RARE, _TIMES_MORE * most)
    with _without(session, "seqscan", "indexscan"):
        found = list(session.execute(_ANY, {**named, "most": enough + 1}).scalars())
    if len(found) <= enough:
        return sorted(found, reverse=True)[:most]
    with _without(session, "bitmapscan"):
        return list(session.execute(_NEWEST[dialect], named).scalars())


@contextmanager
def _without(session: Session, *ways: str) -> Iterator[None]:
    """Takes ways to look from PostgreSQL's planner, who takes all words it has not sampled for equally rare."""
    for way in ways:
        session.execute(text(f"SET LOCAL enable_{way} = off"))
    yield
    for way in ways:
        session.execute(text(f"SET LOCAL enable_{way} = on"))


@dataclass(frozen=True, slots=True)
class _Syntax:
    """How a database's full-text queries are written."""

    all_of: str
    any_of: str
    word: str
    beginning: str
    quote: str


_SYNTAX = {
    "sqlite": _Syntax(" AND ", " OR ", '"{}"', '"{}"*', '"'),
    "postgresql": _Syntax(" & ", " | ", "'{}'", "'{}':*", "'"),
}


# FTS5's parser holds a hundred signs, and each bracket within another takes some of them.
_MOST_BRACKETS = 12


class _Needle(NamedTuple):
    """A query as the index understands it; where it is one of several, it needs brackets beside others."""

    text: str
    is_either: bool = False


def _needle(query: Query, syntax: _Syntax) -> str | None:
    """The query as the index understands it: its words without their order, and without what it refuses.

    None where nothing in the index must be there: in a NOT, a stem, or a fact about the story. What is nested too deep
    for the index is left out, as the engine decides anyway.
    """
    found = _wanted(query, syntax, 0)
    return found.text if found else None


def _wanted(query: Query, syntax: _Syntax, brackets: int) -> _Needle | None:
    match query:
        case Term(words) | Slop(words):
            return _all([_Needle(found) for word in words if (found := _word(word, syntax))], syntax)
        case Near(left, right):
            return _all([_wanted(left, syntax, brackets), _wanted(right, syntax, brackets)], syntax)
        case AtLeast(_, part):
            return _wanted(part, syntax, brackets)
        case In(field, part):
            return None if field in FACT_FIELDS else _wanted(part, syntax, brackets)
        case And(parts):
            return _all([_wanted(part, syntax, brackets) for part in parts], syntax)
        case Or(parts):
            each = [_wanted(part, syntax, brackets + 1) for part in parts] if brackets < _MOST_BRACKETS else [None]
            either = [one.text for one in each if one]
            return _Needle(syntax.any_of.join(either), is_either=True) if len(either) == len(each) else None
        case Not():
            return None


def _all(needles: Iterable[_Needle | None], syntax: _Syntax) -> _Needle | None:
    """All of these; AND binds tighter than OR in both databases."""
    found = [one for one in needles if one]
    if len(found) <= 1:
        return found[0] if found else None
    return _Needle(syntax.all_of.join(f"({one.text})" if one.is_either else one.text for one in found))


def _word(word: Word, syntax: _Syntax) -> str | None:
    if word.kind == STEM:
        return None  # happi is the stem of happy, and not its beginning
    if word.kind == PATTERN:
        return syntax.beginning.format(word.text[:FEWEST_LETTERS].replace(syntax.quote, syntax.quote * 2))
    text = (fold(word.text) if word.kind == CASE else word.text).replace(syntax.quote, syntax.quote * 2)
    return (syntax.beginning if word.kind == PREFIX else syntax.word).format(text) if text else None


@lru_cache(maxsize=MOST_STORIES)
def words(title: str, body: str) -> str:
    """Each word of a story once, as many as an index takes, a line each."""
    found = forms_in(f"{title}\n{body}")
    fits = (sum(map(len, found)) + len(found)) * _MOST_BYTES_A_LETTER < _MOST_BYTES
    return "\n".join(found if fits else _as_many_as_fit(found))


def _as_many_as_fit(found: Iterable[str]) -> Iterator[str]:
    size = 0
    for form in found:
        size += len(form.encode()) + 4
        if size > _MOST_BYTES:
            return
        yield form


def _quoted(found: str) -> str:
    lines = found.replace("\\", "\\\\").replace("'", "''").splitlines()
    return " ".join([f"'{word}'" for word in lines])
