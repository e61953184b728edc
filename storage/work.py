"""How waiting work is taken: one conditional UPDATE for feeds, pages and deliveries alike.

Whoever takes rows writes a token of its own into `claim` and moves `due_at` past a lease. Two takers at once each
get other rows; a taker that dies gives its rows back when the lease ends; a taker that comes late finds its token
gone and leaves its hands off.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, CursorResult, Row, Table, select, update
from sqlmodel import Session, SQLModel

M = TypeVar("M", bound=SQLModel)
# What the numbers of small tables (feeds, rules, channels) end at, and those of large ones.
_LARGEST_SMALL, _LARGEST = 2**31 - 1, 2**63 - 1


def new_claim() -> str:
    """A token nobody else has."""
    return uuid.uuid4().hex


def claim_due(
    session: Session,
    work: Table,
    *columns: Column[Any],
    ready: ColumnElement[bool],
    now: datetime,
    lease: timedelta,
    limit: int,
    claim: str,
    **values: Any,
) -> Sequence[Row[Any]]:
    """Takes up to `limit` rows that are due, the longest waiting first, and returns these columns as they now stand."""
    (key,) = work.primary_key.columns
    due = (
        select(key)
        .where(ready, work.c.due_at <= now)
        .order_by(work.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)  # SQLite has one writer and ignores it
    )
    statement = update(work).where(key.in_(due)).values(claim=claim, due_at=now + lease, **values)
    return session.execute(statement.returning(*columns)).all()


def still_claimed(
    session: Session, work: Table, ids: Sequence[int], claim: str, *columns: Column[Any]
) -> Sequence[Row[Any]]:
    """Those of the rows whose claim is still this one, locked until the transaction ends."""
    (key,) = work.primary_key.columns
    wanted = select(*(columns or work.c)).where(key.in_(ids), work.c.claim == claim).order_by(key)
    return session.execute(wanted.with_for_update()).all()


def locked(session: Session, row: M) -> M:
    """A row as it stands now, and nobody else's to change until the transaction ends."""
    session.refresh(row, with_for_update={"key_share": True})  # others may go on to refer to it
    return row


def renew(session: Session, work: Table, ids: Sequence[int], claim: str, *, until: datetime) -> None:
    """Whoever is still at work on these rows has the claim `until` then."""
    (key,) = work.primary_key.columns
    session.execute(update(work).where(key.in_(ids), work.c.claim == claim).values(due_at=until))


def number(which: str, *, small: bool = False) -> int | None:
    """The row number a person typed, if it is one; numbers that the table cannot hold are none."""
    if not which.isascii() or not which.isdecimal() or len(which) > len(str(_LARGEST)):
        return None
    return int(which) if int(which) <= (_LARGEST_SMALL if small else _LARGEST) else None


def row_count(result: Any) -> int:
    """How many rows a statement touched."""
    return result.rowcount if isinstance(result, CursorResult) else 0
