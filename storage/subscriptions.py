"""Subscriptions to feeds' hubs (WebSub): which are wanted, asked for, verified, and when to ask again."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, true, update
from sqlmodel import Session
from sqlmodel import select as select_model

from storage.database import insert
from storage.feeds import FEED
from storage.tables import Subscription, table
from storage.work import claim_due
from wire.websub import Hub

SUBSCRIPTION = table(Subscription)
# Asked for and not heard of; verified by the hub; refused by it.
ASKED, VERIFIED, DENIED = "asked", "verified", "denied"
# A hub that says nothing is asked again after this, and longer each time; one that refuses, after a day.
_ASK_AGAIN = timedelta(hours=1)
_LONGEST = timedelta(days=1)
# Leases are renewed when nine tenths are over. What a hub grants is kept within bounds: less would be a nuisance.
_RENEW_AT = 0.9
_LEASES = (timedelta(hours=1), timedelta(days=30))


@dataclass(frozen=True, slots=True)
class Asking:
    """A subscription to be asked for, and what a hub is told."""

    feed_id: int
    hub: str
    topic: str
    token: str
    secret: str


def want(session: Session, feed_id: int, hub: Hub, now: datetime) -> None:
    """A feed names a hub. A new one, or another than before, is asked at once; one that is known stays as it is."""
    there = session.get(Subscription, feed_id)
    if there and (there.hub, there.topic) == (hub.url, hub.topic):
        return
    statement = insert(session, SUBSCRIPTION).values(
        feed_id=feed_id,
        hub=hub.url,
        topic=hub.topic,
        token=secrets.token_urlsafe(32),
        secret=secrets.token_urlsafe(32),
        state=ASKED,
        due_at=now,
        claim=None,
        attempts=0,
        error="",
    )
    names = ("hub", "topic", "token", "secret", "state", "due_at", "claim", "attempts", "error")
    anew = {name: statement.excluded[name] for name in names}
    session.execute(statement.on_conflict_do_update(index_elements=["feed_id"], set_=anew))
    session.execute(update(FEED).where(FEED.c.id == feed_id).values(pushed_until=None))


def claim_due_subscriptions(session: Session, *, now: datetime, lease: timedelta, limit: int, claim: str) -> list[int]:
    """Takes subscriptions that are to be asked for, or renewed; the feeds' numbers."""
    rows = claim_due(
        session, SUBSCRIPTION, SUBSCRIPTION.c.feed_id, ready=true(), now=now, lease=lease, limit=limit, claim=claim
    )
    return [row.feed_id for row in rows]


def take(session: Session, feed_ids: Sequence[int], claim: str) -> list[Asking]:
    """The claimed ones whose feed is still watched."""
    wanted = select(*(SUBSCRIPTION.c[name] for name in Asking.__slots__)).join(
        FEED, FEED.c.id == SUBSCRIPTION.c.feed_id
    )
    mine = (SUBSCRIPTION.c.feed_id.in_(feed_ids), SUBSCRIPTION.c.claim == claim, FEED.c.enabled)
    return [Asking(*row) for row in session.execute(wanted.where(*mine))]


def asked(session: Session, feed_id: int, claim: str, *, now: datetime, error: str = "") -> None:
    """The hub was asked: it will call back, or is asked again when it does not. `error` says why it could not be."""
    there = session.get(Subscription, feed_id)
    if there is None or there.claim != claim:
        return
    there.claim, there.error, there.attempts = None, error, there.attempts + 1
    there.due_at = now + min(_ASK_AGAIN * there.attempts, _LONGEST)
    session.add(there)


def of_token(session: Session, token: str) -> Subscription | None:
    """The subscription a hub calls back for."""
    return session.exec(select_model(Subscription).where(Subscription.token == token)).one_or_none()


def verified(session: Session, subscription: Subscription, lease: timedelta, now: datetime) -> None:
    """The hub has verified the subscription for so long: the feed is pushed, and polled seldom, until then.

    A hub that grants a moment only is not asked again all the time.
    """
    shortest, longest = _LEASES
    granted = min(lease, longest)
    renewed_at = now + max(granted, shortest) * _RENEW_AT
    subscription.sqlmodel_update({"state": VERIFIED, "due_at": renewed_at, "attempts": 0, "error": "", "claim": None})
    session.add(subscription)
    session.execute(update(FEED).where(FEED.c.id == subscription.feed_id).values(pushed_until=now + granted))


def denied(session: Session, subscription: Subscription, reason: str, now: datetime) -> None:
    """The hub refuses: the feed is polled as before, and the hub asked again after a day."""
    subscription.sqlmodel_update({"state": DENIED, "due_at": now + _LONGEST, "error": reason, "claim": None})
    session.add(subscription)
    session.execute(update(FEED).where(FEED.c.id == subscription.feed_id).values(pushed_until=None))
