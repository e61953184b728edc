"""Pages that wait to be read, for feeds whose own text is only a start."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlmodel import Session

from storage.database import insert
from storage.items import ITEM, Known
from storage.tables import Reading, table
from storage.work import claim_due

READING = table(Reading)


@dataclass(frozen=True, slots=True)
class PageToRead:
    """An item whose page is to be read, what the feed gave for it, and how often it was tried."""

    item: Known
    url: str
    attempts: int
    bulk: bool = False


def ask(session: Session, pages: Sequence[tuple[int, str, bool]], *, claim: str, due_at: datetime) -> None:
    """Notes (item id, address, is it bulk) to be read, claimed at once by whoever sends them on.

    The lease is the safety net.
    """
    if pages:
        statement = insert(session, READING)
        again = {"url": statement.excluded.url, "due_at": due_at, "claim": claim, "attempts": 0, "error": ""}
        rows = [
            {"item_id": item_id, "url": url, "bulk": bulk, "due_at": due_at, "claim": claim}
            for item_id, url, bulk in sorted(pages)
        ]
        session.execute(
            statement.on_conflict_do_update(index_elements=["item_id"], set_=again),
            [{**row, "attempts": 0, "error": ""} for row in rows],
        )


class Due(NamedTuple):
    """Item ids whose pages are due. What was `begun` before may be what ended its worker, and is read alone."""

    begun: list[int]
    new: list[int]


def claim_due_readings(session: Session, *, now: datetime, lease: timedelta, limit: int, claim: str) -> Due:
    """Takes pages that are due."""
    ready, columns = READING.c.due_at.is_not(None), (READING.c.item_id, READING.c.attempts)
    rows = claim_due(session, READING, *columns, ready=ready, now=now, lease=lease, limit=limit, claim=claim)
    return Due([row.item_id for row in rows if row.attempts], [row.item_id for row in rows if not row.attempts])


def take(session: Session, item_ids: Sequence[int], claim: str, *, until: datetime) -> list[PageToRead]:
    """The claimed pages with their items, claimed `until` then, and one more attempt noted on each."""
    mine = (READING.c.item_id.in_(item_ids), READING.c.claim == claim)
    session.execute(update(READING).where(*mine).values(attempts=READING.c.attempts + 1, due_at=until))
    named = (READING.c.url.label("page"), READING.c.attempts, READING.c.bulk)
    wanted = select(*named, *(ITEM.c[name] for name in Known.__slots__))
    rows = session.execute(wanted.join(ITEM, ITEM.c.id == READING.c.item_id).where(*mine))
    return [PageToRead(Known(*row[3:]), row.page, row.attempts, row.bulk) for row in rows]


def done(session: Session, item_id: int, claim: str) -> bool:
    """The page was read: nothing waits any more. False when another has the claim by now."""
    statement = delete(READING).where(READING.c.item_id == item_id, READING.c.claim == claim)
    return session.execute(statement.returning(READING.c.item_id)).first() is not None


def failed(session: Session, item_id: int, claim: str, *, error: str, due_at: datetime | None) -> bool:
    """The page could not be had: when to try again, or None for never. False when another has the claim by now."""
    statement = update(READING).where(READING.c.item_id == item_id, READING.c.claim == claim)
    noted = statement.values(claim=None, due_at=due_at, error=error).returning(READING.c.item_id)
    return session.execute(noted).first() is not None
