"""Sketches of the last days' stories, and the clusters of those that are one story in other words.

A sketch is a row, its smallest numbers in an index of their own: they say which stories may be alike, and the whole
sketches whether they are. The database unpacks the row into the index, so that no number of it goes there and back.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, TextClause, bindparam, insert, select, text, update
from sqlmodel import Session

from storage.database import chunks
from storage.items import ITEM
from storage.tables import Shingle, Sketch, table
from wire import similar

SKETCH, SHINGLE = table(Sketch), table(Shingle)
# Of those that hold a number the first few count: the story itself is among them, and a wire's standing phrases are
# held by thousands.
_MOST_HOLDERS = 8
# So many of a sketch are looked up: of two stories that share most numbers, some of these at least are the same.
_LOOKED_UP = 12
# Of their some hundred numbers each.
_FORGOTTEN_AT_ONCE = 100
# How each database unpacks an array into rows, or the first of it, and goes from a number to its first holders: by
# its index, whatever it guesses of how many there are.
_EACH = {
    "sqlite": "CROSS JOIN json_each(sketch.numbers) AS each",
    "postgresql": "CROSS JOIN json_array_elements_text(sketch.numbers) WITH ORDINALITY AS each (value, key)",
}
_FIRST = {"sqlite": f"each.key < {_LOOKED_UP}", "postgresql": f"each.key <= {_LOOKED_UP}"}
_HOLDERS = {
    "sqlite": """JOIN shingle AS holder ON holder.number = CAST(each.value AS bigint) AND holder.item_id IN (
        SELECT item_id FROM shingle AS first WHERE first.number = holder.number ORDER BY item_id LIMIT :holders
    )""",
    "postgresql": """CROSS JOIN LATERAL (
        SELECT item_id FROM shingle WHERE number = CAST(each.value AS bigint) ORDER BY item_id LIMIT :holders
    ) AS holder""",
}
_OF_ITEMS = "SELECT CAST(each.value AS bigint), sketch.item_id FROM sketch {each} WHERE sketch.item_id IN :ids"
# All of them: earlier versions of this program looked up more.
_FORGET = f"DELETE FROM shingle WHERE (number, item_id) IN ({_OF_ITEMS})"  # noqa: S608
# In the order of the index, so that each of its pages is gone to once.
_INDEX = f"INSERT INTO shingle (number, item_id) {_OF_ITEMS} AND {{first}} ORDER BY 1"
_MAYBE_ALIKE = """
    SELECT DISTINCT sketch.item_id AS item_id, holder.item_id AS other FROM sketch {each} {holders}
    WHERE sketch.item_id IN :ids AND {first} AND holder.item_id < sketch.item_id
"""


def cluster(session: Session, sketches: Mapping[int, frozenset[int]], now: datetime) -> None:
    """Keeps the sketches of items and joins each to the earlier story it copies.

    A cluster is named by its first item, whose own column stays empty. An item whose sketch was kept before (a
    revision) is sketched anew and stays in the cluster it is in.
    """
    told = {item_id: numbers for item_id, numbers in sorted(sketches.items()) if numbers}
    if not told:
        return
    for some in chunks(list(told)):
        _keep(session, some, told, now)
    if maybe := _maybe_alike(session, list(told)):
        rows = _lately(session, sorted({key for pair in maybe for key in pair}), now)
        numbers = {key: frozenset(row.numbers) for key, row in rows.items()}
        shared: dict[int, dict[int, int]] = defaultdict(dict)
        for item_id, other in maybe:
            if item_id in rows and other in rows:
                shared[item_id][other] = len(numbers[item_id] & numbers[other])
        sizes = {key: len(some) for key, some in numbers.items()}
        dates = {key: row.published_at for key, row in rows.items()}
        _join(session, similar.clusters(shared, sizes, dates), {key: row.cluster for key, row in rows.items()})


def _keep(session: Session, ids: Sequence[int], told: Mapping[int, frozenset[int]], now: datetime) -> None:
    forget(session, session.execute(select(SKETCH.c.item_id).where(SKETCH.c.item_id.in_(ids))).scalars().all())
    # The smallest first: two stories that share most of all share most of these (Broder, 1997: a bottom sketch).
    rows = [{"item_id": key, "numbers": sorted(told[key]), "seen_at": now} for key in ids]
    session.execute(insert(SKETCH), rows)
    session.execute(_with_ids(session, _INDEX), {"ids": ids})


def _with_ids(session: Session, statement: str) -> TextClause:
    dialect = session.get_bind().dialect.name
    written = statement.format(each=_EACH[dialect], first=_FIRST[dialect], holders=_HOLDERS[dialect])
    return text(written).bindparams(bindparam("ids", expanding=True))


def _maybe_alike(session: Session, ids: Sequence[int]) -> list[tuple[int, int]]:
    """(item, an earlier one that shares a number which was looked up)."""
    return [
        (row.item_id, row.other)
        for some in chunks(ids)
        for row in session.execute(_with_ids(session, _MAYBE_ALIKE), {"ids": some, "holders": _MOST_HOLDERS})
    ]


def _lately(session: Session, item_ids: Sequence[int], now: datetime) -> dict[int, Row[Any]]:
    """The sketches of the last days, each with what else decides of its item."""
    wanted = select(ITEM.c.id, ITEM.c.published_at, ITEM.c.cluster, SKETCH.c.numbers)
    wanted = wanted.join(SKETCH, SKETCH.c.item_id == ITEM.c.id).where(SKETCH.c.seen_at >= now - similar.WINDOW)
    rows = (row for some in chunks(item_ids) for row in session.execute(wanted.where(ITEM.c.id.in_(some))))
    return {row.id: row for row in rows}


def _join(session: Session, copies: Iterable[tuple[int, int]], there: dict[int, int | None]) -> None:
    """Gives each copy that has no cluster that of what it copies. Only the copies' own rows are written.

    Others' rows are another worker's at this moment, and two workers that write each other's wait for ever.
    """
    for item_id, original in copies:
        if there[item_id] is None:
            there[item_id] = there[original] or original
            session.execute(update(ITEM).where(ITEM.c.id == item_id).values(cluster=there[item_id]))


def forget_old(session: Session, now: datetime) -> bool:
    """A batch of sketches that nothing is compared with any more; whether there may be more."""
    old = select(SKETCH.c.item_id).where(SKETCH.c.seen_at < now - similar.WINDOW).limit(_FORGOTTEN_AT_ONCE)
    ids = session.execute(old).scalars().all()
    forget(session, ids)
    return len(ids) == _FORGOTTEN_AT_ONCE


def forget(session: Session, item_ids: Sequence[int]) -> None:
    """The sketches of these items, as far as there are any."""
    if item_ids:
        session.execute(_with_ids(session, _FORGET), {"ids": item_ids})
        session.execute(SKETCH.delete().where(SKETCH.c.item_id.in_(item_ids)))
