"""When the clock was set back: the times on rows are of one that was wrong, and nobody may wait for them."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, and_, delete, or_, select, update
from sqlmodel import Session

from storage.alerts import CHANNEL, DELIVERY, RULE
from storage.feeds import FEED, HOST
from storage.pulse import HEARTBEAT
from storage.readings import READING
from storage.subscriptions import SUBSCRIPTION
from wire import triage
from wire.triage import Reason

_LONGEST_DIGEST = timedelta(days=7)


def last_beat(session: Session, name: str, machine: str) -> datetime | None:
    """When this machine's clock was last written down by this process or one before it."""
    mine = (HEARTBEAT.c.name == name, HEARTBEAT.c.note == machine)
    return session.execute(select(HEARTBEAT.c.at).where(*mine)).scalar()


def forget_times(session: Session, now: datetime, lease: timedelta) -> None:
    """What waits is due now; what somebody is at, within a lease; and nobody rests any more.

    What is held is judged anew, but for digests: their times of day were meant, if not for weeks ahead.
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
    session.execute(update(RULE).where(RULE.c.surging_until > now + triage.SURGE_LASTS).values(surging_until=now))
    held, is_digest = DELIVERY.c.state == "held", DELIVERY.c.reason == str(Reason.DIGEST)
    soonest = or_(and_(~is_digest, DELIVERY.c.due_at > now), DELIVERY.c.due_at > now + _LONGEST_DIGEST)
    session.execute(update(DELIVERY).where(held, soonest).values(due_at=now))
    session.execute(delete(HOST))


def _shorten(session: Session, work: Table, waits: ColumnElement[bool], until: datetime) -> None:
    claimed = (waits, work.c.claim.is_not(None), work.c.due_at > until)
    session.execute(update(work).where(*claimed).values(due_at=until))
