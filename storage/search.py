"""Full-text search over items, in the analyser's own words: FTS5 on SQLite, `tsvector` on PostgreSQL.

The index holds the words as `wire/text` folds them, so that a candidate is never missed; the caller holds each
candidate against the query with the same engine that matches rules, so that none is wrong.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import TextClause, bindparam, text
from sqlmodel import Session

from wire.query import And, Not, Or, Query, Term
from wire.text import Reading, forms

_DELETE = text("DELETE FROM item_search WHERE rowid = :item_id")
# PostgreSQL's positions end at 16,383; we ask for none, so each word is given once.
_INSERT = {
    "sqlite": text("INSERT INTO item_search (rowid, words) VALUES (:item_id, :words)"),
    "postgresql": text("INSERT INTO item_search (rowid, words) VALUES (:item_id, CAST(:words AS tsvector))"),
}


def index(session: Session, items: Sequence[tuple[int, str, str]], *, again: bool = False) -> None:
    """Puts (item id, title, text) into the index; `again` for items that are in it with older words."""
    if not items:
        return
    if again:
        session.execute(_DELETE, [{"item_id": item_id} for item_id, _, _ in items])
    dialect = session.get_bind().dialect.name
    write = _quoted if dialect == "postgresql" else " ".join
    session.execute(
        _INSERT[dialect],
        [{"item_id": item_id, "words": write(_words(title, body))} for item_id, title, body in items],
    )


def candidates(session: Session, query: Query) -> TextClause | None:
    """A condition on `item.id` that holds for every item the query meets; None where the index cannot help."""
    dialect = session.get_bind().dialect.name
    needle = _needle(query, *_SYNTAX[dialect])
    if needle is None:
        return None
    match = "words MATCH :needle" if dialect == "sqlite" else "words @@ CAST(:needle AS tsquery)"
    statement = text(f"item.id IN (SELECT rowid FROM item_search WHERE {match})")  # noqa: S608 -- two constants
    return statement.bindparams(bindparam("needle", needle))


_SYNTAX = {"sqlite": (" AND ", " OR ", '"', '""'), "postgresql": (" & ", " | ", "'", "''")}


def _needle(query: Query, all_of: str, any_of: str, quote: str, doubled: str) -> str | None:
    """The query as the index understands it: its words without their order, and without what it refuses."""
    match query:
        case Term(words):
            return all_of.join(f"{quote}{word.replace(quote, doubled)}{quote}" for word in words)
        case And(parts):
            needles = [needle for part in parts if (needle := _needle(part, all_of, any_of, quote, doubled))]
            return all_of.join(f"({needle})" for needle in needles) or None
        case Or(parts):
            each = [_needle(part, all_of, any_of, quote, doubled) for part in parts]
            return any_of.join(f"({needle})" for needle in each) if all(each) else None
        case Not():
            return None


def _words(title: str, body: str) -> Iterable[str]:
    """Each word once, in the order of the story."""
    raws = (*Reading(title).raws, *Reading(body).raws)
    return dict.fromkeys(form for raw in dict.fromkeys(raws) for form in forms(raw))


def _quoted(words: Iterable[str]) -> str:
    return " ".join("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in words)
