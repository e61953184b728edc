"""The canary: a made-up story that goes the way of every story, from a private feed to a private channel.

It is let in every few minutes. What does not come out tells that something on the way is broken, whatever it is.
"""

import re
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_model

from storage import feeds, rules
from storage.database import insert
from storage.tables import Canary, Channel, Feed, table
from wire.message import Message

CANARY = table(Canary)
FEED = table(Feed)
# What the private feed's address begins with; nothing is asked for at it (worker/polling.py).
ADDRESS = "wirewatch:canary"
NAME = "the canary's own"
WORD = "wirewatchcanary"
_NUMBER = re.compile(r"#(\d{1,18})")
# One that is late may be slow; so many in a row are missing.
MISSING_IN_A_ROW = 2
_NEVER = timedelta(days=36_500)


def set_up(session: Session, now: datetime) -> Feed:
    """The private feed, rule and channel, made when they are not there."""
    feed = session.exec(select_model(Feed).where(Feed.url == ADDRESS)).one_or_none()
    if feed is not None:
        return feed
    never = _NEVER.total_seconds()
    bounds = {"min_interval": never, "max_interval": never, "interval": never}
    feed = Feed.model_validate(
        {"url": ADDRESS, "host": ADDRESS, "title": NAME, "due_at": now + _NEVER, "private": True, "created_at": now}
        | bounds
    )
    channel = Channel(name=NAME, kind="canary", private=True, created_at=now)
    session.add_all([feed, channel])
    session.flush()
    rule = rules.add(session, NAME, WORD, [channel], now=now)
    rule.private = True
    session.flush()
    return feed


def let_in(session: Session, now: datetime) -> None:
    """A new canary: its feed is due."""
    feed = set_up(session, now)
    last = session.execute(select(func.max(CANARY.c.number))).scalar() or 0
    session.execute(insert(session, CANARY).values(number=last + 1, let_in_at=now).on_conflict_do_nothing())
    session.execute(update(FEED).where(FEED.c.id == feed.id).values(enabled=True, losses=0))
    feeds.ring(session, feed.id or 0, now)


def newest(session: Session, *, limit: int = 3) -> list[Canary]:
    """The last to be let in, the newest first."""
    return list(session.exec(select_model(Canary).order_by(col(Canary.number).desc()).limit(limit)))


def document(session: Session) -> bytes:
    """The private feed as it stands: the newest canaries as RSS."""
    entries = "".join(
        f"<item><guid>canary-{one.number}</guid><title>{WORD} #{one.number}</title>"
        f"<description>A made-up story, let in at {one.let_in_at.isoformat()}.</description></item>"
        for one in newest(session)
    )
    return f'<rss version="2.0"><channel><title>{NAME}</title>{entries}</channel></rss>'.encode()


def arrived(session: Session, message: Message, now: datetime) -> None:
    """Canaries came out."""
    for alert in message.alerts:
        if found := _NUMBER.search(alert.title):
            key = (CANARY.c.number == int(found[1]), CANARY.c.arrived_at.is_(None))
            session.execute(update(CANARY).where(*key).values(arrived_at=now))


def last_arrival(session: Session) -> datetime | None:
    """When one came out last."""
    found: datetime | None = session.execute(select(func.max(CANARY.c.arrived_at))).scalar()
    return found


def missing(session: Session, patience: timedelta, since: datetime, now: datetime) -> list[Canary]:
    """Those let in since then that had time enough to come out and did not, when too many of them are in a row."""
    mine = (one for one in newest(session, limit=4) if one.let_in_at >= since)
    late = [one for one in mine if one.let_in_at <= now - patience or one.arrived_at]
    gone: list[Canary] = []
    for one in late:
        if one.arrived_at:
            break
        gone.append(one)
    return gone if len(gone) >= MISSING_IN_A_ROW else []
