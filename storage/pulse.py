"""Signs of life, and the figures of `wirewatch status`."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select
from sqlmodel import Session

from storage import feeds, items
from storage.database import insert
from storage.items import ITEM
from storage.tables import Alert, Channel, Delivery, Feed, Heartbeat, Poll, Reading, Rule, table

HEARTBEAT = table(Heartbeat)


@dataclass(frozen=True, slots=True)
class Beat:
    """When a process last showed that it does its work."""

    name: str
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class Figures:
    """How things stand, as counts."""

    items: int
    items_last_hour: int
    alerts: int
    feeds: int
    feeds_paused: int
    feeds_failing: int
    feeds_overdue: int
    gaps_last_day: int
    pages_waiting: int
    rules: int
    channels_paused: int
    deliveries_waiting: int
    deliveries_held: int
    deliveries_failed: int


def beat(session: Session, name: str, now: datetime, note: str = "") -> None:
    """Notes a sign of life."""
    statement = insert(session, HEARTBEAT).values(name=name, at=now, note=note)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"at": now, "note": note}))


def beats(session: Session) -> list[Beat]:
    rows = session.execute(select(*HEARTBEAT.c).order_by(HEARTBEAT.c.name))
    return [Beat(row.name, row.at, row.note) for row in rows]


def lag(session: Session, now: datetime) -> float:
    """For how many seconds the feed that waits longest has been due."""
    first = feeds.waits_longest(session, now)
    return max((now - first).total_seconds(), 0.0) if first else 0.0


_HOUR = timedelta(hours=1)


def stories_by_hour(session: Session, since: datetime) -> dict[datetime, int]:
    """How many stories were first seen in each hour since then, by the hour's beginning."""
    seen = ITEM.c.first_seen_at
    if session.get_bind().dialect.name == "sqlite":
        hour = func.strftime("%Y-%m-%d %H:00:00+00:00", seen)
    else:
        hour = func.to_char(func.timezone("UTC", seen), "YYYY-MM-DD HH24:00:00+00:00")
    counted = select(hour.label("hour"), func.count().label("stories")).where(seen >= since).group_by(hour)
    return {datetime.fromisoformat(row.hour): row.stories for row in session.execute(counted)}


def figures(session: Session, now: datetime) -> Figures:
    """Counts of everything a person asks first."""
    feed, poll, reading, delivery, rule = (table(model) for model in (Feed, Poll, Reading, Delivery, Rule))
    watched = and_(feed.c.removed_at.is_(None), feed.c.private.is_(False))
    channel = table(Channel)
    raised = table(Alert).c.rule_id.in_(select(rule.c.id).where(rule.c.private))
    sends = delivery.c.channel_id.not_in(select(channel.c.id).where(channel.c.private))

    def count(source: ColumnElement[int], *conditions: ColumnElement[bool]) -> int:
        return int(session.execute(select(func.count(source)).where(*conditions)).scalar_one())

    return Figures(
        items=items.count_public(session),
        items_last_hour=items.count_public(session, now - _HOUR),
        alerts=count(table(Alert).c.id) - count(table(Alert).c.id, raised),
        feeds=count(feed.c.id, watched),
        feeds_paused=count(feed.c.id, watched, feed.c.enabled.is_(False)),
        feeds_failing=count(feed.c.id, watched, feed.c.failures > 0),
        feeds_overdue=feeds.overdue(session, now - timedelta(minutes=1), now),
        gaps_last_day=count(poll.c.id, poll.c.gap, poll.c.at > now - timedelta(days=1)),
        pages_waiting=count(reading.c.item_id, reading.c.due_at.is_not(None)),
        rules=count(rule.c.id, rule.c.enabled, rule.c.removed_at.is_(None), rule.c.private.is_(False)),
        channels_paused=count(channel.c.id, channel.c.removed_at.is_(None), channel.c.paused_because != ""),
        deliveries_waiting=count(delivery.c.id, delivery.c.state == "pending", sends),
        deliveries_held=count(delivery.c.id, delivery.c.state == "held", delivery.c.due_at.is_not(None)),
        deliveries_failed=count(delivery.c.id, delivery.c.state == "failed", sends),
    )
