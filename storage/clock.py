"""When the clock was set back: the times on rows are of one that was wrong, and nobody may wait for them."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, delete, select, update
from sqlmodel import Session

from storage.alerts import CHANNEL, DELIVERY
from storage.feeds import FEED, HOST
from storage.pulse import HEARTBEAT
from storage.readings import READING
from storage.subscriptions import SUBSCRIPTION


def last_beat(session: Session, name: str, machine: str) -> datetime | None:
    """When this machine's clock was last written down by this process or one before it."""
    mine = (HEARTBEAT.c.name == name, HEARTBEAT.c.note == machine)
    return session.execute(select(HEARTBEAT.c.at).where(*mine)).scalar()


def forget_times(session: Session, now: datetime, lease: timedelta) -> None:
    """What waits is due now; what somebody is at, within a lease; and nobody rests any more.

    What is held for a digest or the morning stays: these are times of day, and were meant.
    """
    for work, waits in (
        (FEED, FEED.c.enabled),
        (READING, READING.c.due_at.is_not(None)),
        (DELIVERY, DELIVERY.c.state == "pending"),
    ):
        session.execute(update(work).where(waits, work.c.claim.is_(None), work.c.due_at > now).values(due_at=now))
        _shorten(session, work, waits, now + lease)
    _shorten(session, SUBSCRIPTION, SUBSCRIPTION.c.state != "", now + lease)
    session.execute(update(CHANNEL).where(CHANNEL.c.resting_until > now).values(resting_until=now))
    session.execute(delete(HOST))


def _shorten(session: Session, work: Table, waits: ColumnElement[bool], until: datetime) -> None:
    claimed = (waits, work.c.claim.is_not(None), work.c.due_at > until)
    session.execute(update(work).where(*claimed).values(due_at=until))
