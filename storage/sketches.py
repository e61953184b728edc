"""Sketches of the last days' stories, and the clusters of those that are one story in other words.

A sketch is a row, its numbers in an index of their own; the database unpacks the one into the other and counts what
two stories share, so that no number of them ever comes here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, TextClause, bindparam, func, insert, select, text, update
from sqlmodel import Session

from storage.database import chunks
from storage.items import ITEM
from storage.tables import Shingle, Sketch, table
from wire import similar

SKETCH, SHINGLE = table(Sketch), table(Shingle)
# Of those that hold a number the first few count: the story itself is among them, and a wire's standing phrases are
# held by thousands.
_MOST_HOLDERS = 8
# Of their some hundred numbers each.
_FORGOTTEN_AT_ONCE = 100
# How each database unpacks an array into rows, and goes from a number to its first holders: by its index, whatever it
# guesses of how many there are.
_EACH = {"sqlite": "json_each", "postgresql": "json_array_elements_text"}
_HOLDERS = {
    "sqlite": """JOIN shingle AS holder ON holder.number = CAST(each.value AS bigint) AND holder.item_id IN (
        SELECT item_id FROM shingle AS first WHERE first.number = holder.number ORDER BY item_id LIMIT :holders
    )""",
    "postgresql": """CROSS JOIN LATERAL (
        SELECT item_id FROM shingle WHERE number = CAST(each.value AS bigint) ORDER BY item_id LIMIT :holders
    ) AS holder""",
}
_NUMBERS = "SELECT CAST(each.value AS bigint), sketch.item_id FROM sketch CROSS JOIN {each}(sketch.numbers) AS each"
_OF_ITEMS = f"{_NUMBERS} WHERE sketch.item_id IN :ids"
_FORGET = f"DELETE FROM shingle WHERE (number, item_id) IN ({_OF_ITEMS})"  # noqa: S608
# In the order of the index, so that each of its pages is gone to once.
_INDEX = f"INSERT INTO shingle (number, item_id) {_OF_ITEMS} ORDER BY 1"
_SHARED = """
    SELECT sketch.item_id AS item_id, holder.item_id AS other, count(*) AS shared
    FROM sketch CROSS JOIN {each}(sketch.numbers) AS each {holders}
    WHERE sketch.item_id IN :ids AND holder.item_id < sketch.item_id
    GROUP BY sketch.item_id, holder.item_id HAVING count(*) >= :fewest
"""


def cluster(session: Session, sketches: Mapping[int, frozenset[int]], now: datetime) -> None:
    """Keeps the sketches of items and joins each to the earlier story it copies.

    A cluster is named by its first item, whose own column stays empty. An item whose sketch was kept before (a
    revision) is sketched anew and stays in the cluster it is in.
    """
    told = {item_id: sorted(numbers) for item_id, numbers in sorted(sketches.items()) if numbers}
    if not told:
        return
    for some in chunks(list(told)):
        _keep(session, some, told, now)
    shared: dict[int, dict[int, int]] = defaultdict(dict)
    for some in chunks(list(told)):
        named = {"ids": some, "holders": _MOST_HOLDERS, "fewest": similar.FEWEST_SHARED}
        for row in session.execute(_with_ids(session, _SHARED), named):
            shared[row.item_id][row.other] = row.shared
    if shared:
        _cluster(session, shared, now)


def _keep(session: Session, ids: Sequence[int], told: Mapping[int, list[int]], now: datetime) -> None:
    former = session.execute(select(SKETCH.c.item_id, SKETCH.c.numbers).where(SKETCH.c.item_id.in_(ids))).all()
    if former:
        one = (SHINGLE.c.number == bindparam("which"), SHINGLE.c.item_id == bindparam("whose"))
        pairs = [{"which": number, "whose": row.item_id} for row in former for number in row.numbers]
        session.connection().execute(SHINGLE.delete().where(*one), pairs)
        session.execute(SKETCH.delete().where(SKETCH.c.item_id.in_([row.item_id for row in former])))
    session.execute(insert(SKETCH), [{"item_id": key, "numbers": told[key], "seen_at": now} for key in ids])
    session.execute(_with_ids(session, _INDEX), {"ids": ids})


def _with_ids(session: Session, statement: str) -> TextClause:
    dialect = session.get_bind().dialect.name
    written = statement.format(each=_EACH[dialect], holders=_HOLDERS[dialect])
    return text(written).bindparams(bindparam("ids", expanding=True))


def _cluster(session: Session, shared: Mapping[int, Mapping[int, int]], now: datetime) -> None:
    """Joins those that share enough with a story of the last days."""
    rows = _rows(session, sorted({key for item, others in shared.items() for key in (item, *others)}))
    lately = {key for key, row in rows.items() if row.seen_at >= now - similar.WINDOW}
    recent = {
        item: {other: count for other, count in others.items() if other in lately} for item, others in shared.items()
    }
    sizes = {key: row.size for key, row in rows.items()}
    dates = {key: row.published_at for key, row in rows.items()}
    _join(session, similar.clusters(recent, sizes, dates), {key: row.cluster for key, row in rows.items()})


def _rows(session: Session, item_ids: Sequence[int]) -> dict[int, Row[Any]]:
    size = func.json_array_length(SKETCH.c.numbers).label("size")
    wanted = select(ITEM.c.id, ITEM.c.published_at, ITEM.c.cluster, SKETCH.c.seen_at, size)
    wanted = wanted.join(SKETCH, SKETCH.c.item_id == ITEM.c.id)
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
    if ids:
        session.execute(_with_ids(session, _FORGET), {"ids": ids})
        session.execute(SKETCH.delete().where(SKETCH.c.item_id.in_(ids)))
    return len(ids) == _FORGOTTEN_AT_ONCE
