"""Sketches of the last days' stories, and the clusters of those that are one story in other words."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlmodel import Session

from storage.database import chunks
from storage.items import ITEM
from storage.tables import Shingle, table
from wire import similar

SHINGLE = table(Shingle)
_MOST_HOLDERS = 8


def cluster(session: Session, sketches: Mapping[int, frozenset[int]], now: datetime) -> None:
    """Keeps the sketches of items and joins each to the earlier story it copies.

    A cluster is named by its first item, whose own column stays empty.

    An item whose sketch was kept before (a revision) is sketched anew and stays in the cluster it is in.
    """
    told = {item_id: numbers for item_id, numbers in sketches.items() if numbers}
    if not told:
        return
    for some in chunks(sorted(told)):
        session.execute(delete(SHINGLE).where(SHINGLE.c.item_id.in_(some)))
    session.execute(
        insert(SHINGLE),
        [
            {"number": number, "item_id": item_id, "seen_at": now}
            for item_id, numbers in sorted(told.items())
            for number in sorted(numbers)
        ],
    )
    shared = {item_id: counts for item_id, counts in _shared(session, told, now).items() if counts}
    if not shared:
        return
    others = {other for counts in shared.values() for other in counts}
    sizes = {item_id: len(numbers) for item_id, numbers in told.items()}
    sizes |= _sizes(session, sorted(others - sizes.keys()))
    rows = _rows(session, sorted(others | shared.keys()))
    dates = {item_id: row.published_at for item_id, row in rows.items()}
    _join(session, similar.clusters(shared, sizes, dates), {item_id: row.cluster for item_id, row in rows.items()})


def _shared(session: Session, told: Mapping[int, frozenset[int]], now: datetime) -> dict[int, Counter[int]]:
    """How many shingles each item shares with each of the others of the last days, where it could be a copy.

    Of those that hold a shingle the first few count: the story itself is among them, and a wire's standing phrases
    are held by thousands.
    """
    holders: dict[int, list[int]] = defaultdict(list)
    numbers = sorted({number for one in told.values() for number in one})
    for some in chunks(numbers):
        recent = select(
            SHINGLE.c.number,
            SHINGLE.c.item_id,
            func.row_number().over(partition_by=SHINGLE.c.number, order_by=SHINGLE.c.item_id).label("place"),
        ).where(SHINGLE.c.number.in_(some), SHINGLE.c.seen_at >= now - similar.WINDOW)
        first = recent.subquery()
        for row in session.execute(select(first.c.number, first.c.item_id).where(first.c.place <= _MOST_HOLDERS)):
            holders[row.number].append(row.item_id)
    return {
        item_id: Counter(other for number in numbers for other in holders[number] if other < item_id)
        for item_id, numbers in told.items()
    }


def _sizes(session: Session, item_ids: Sequence[int]) -> dict[int, int]:
    counted = select(SHINGLE.c.item_id, func.count()).group_by(SHINGLE.c.item_id)
    rows = (row for some in chunks(item_ids) for row in session.execute(counted.where(SHINGLE.c.item_id.in_(some))))
    return {row[0]: row[1] for row in rows}


def _rows(session: Session, item_ids: Sequence[int]) -> dict[int, Row[Any]]:
    wanted = select(ITEM.c.id, ITEM.c.published_at, ITEM.c.cluster)
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


def forget_old(session: Session, now: datetime) -> None:
    """Sketches that nothing is compared with any more."""
    session.execute(delete(SHINGLE).where(SHINGLE.c.seen_at < now - similar.WINDOW))
