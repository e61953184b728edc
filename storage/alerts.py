"""Alerts and their deliveries: the outbox. An alert is written in the transaction that keeps its story."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, update
from sqlmodel import Session

from storage.database import chunks, insert
from storage.items import ITEM, VERSION
from storage.tables import Alert, Channel, Delivery, Rule, Sighting, table
from storage.work import claim_due, row_count
from wire import message
from wire.errors import BadInput
from wire.story import Match, Span

ALERT = table(Alert)
CHANNEL = table(Channel)
DELIVERY = table(Delivery)
RULE = table(Rule)
SIGHTING = table(Sighting)


@dataclass(frozen=True, slots=True)
class Met:
    """A version of an item met a version of a rule."""

    item_id: int
    version: int
    rule_version: int
    query: str
    match: Match
    shadow: bool = False
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A delivery to be sent: what, where, and the how-manieth try it is."""

    id: int
    attempt: int
    channel_id: int
    kind: str
    target: str
    alert: message.Alert


def raise_alerts(
    session: Session,
    met: Sequence[Met],
    *,
    channels: Mapping[int, Sequence[int]],
    claim: str | None,
    due_at: datetime,
    now: datetime,
) -> dict[int, list[int]]:
    """Writes alerts not written before and a delivery to each channel of their rules; new delivery ids by channel.

    The deliveries are claimed at once for whoever sends them on after the commit; the lease is the safety net.
    What a channel was told already of a story by the same rule, in another version, is recorded and held, unless it
    is told `anew`. A shadow records and tells nobody.
    """
    anew = {(one.match.rule_id, one.item_id) for one in met if one.anew}
    new = _insert_alerts(session, met, now)
    told = _told(session, [alert.item_id for alert in new])
    rows = [
        _delivery(
            alert,
            channel_id,
            held=(alert.rule_id, alert.item_id, channel_id) in told and (alert.rule_id, alert.item_id) not in anew,
            claim=claim,
            due_at=due_at,
            now=now,
        )
        for alert in new
        if not alert.shadow
        for channel_id in channels.get(alert.rule_id, ())
    ]
    sent: dict[int, list[int]] = defaultdict(list)
    for some in chunks(rows, 500):
        columns = (DELIVERY.c.id, DELIVERY.c.channel_id, DELIVERY.c.state)
        for row in session.execute(insert(session, DELIVERY).returning(*columns), some):
            if row.state == "pending":
                sent[row.channel_id].append(row.id)
    return sent


def _told(session: Session, item_ids: Sequence[int]) -> set[tuple[int, int, int]]:
    """The (rule, item, channel) that were told of these items already, or are about to be."""
    wanted = (
        select(ALERT.c.rule_id, ALERT.c.item_id, DELIVERY.c.channel_id)
        .join(DELIVERY, DELIVERY.c.alert_id == ALERT.c.id)
        .where(DELIVERY.c.state.in_(("pending", "sent")))
    )
    return {
        (row.rule_id, row.item_id, row.channel_id)
        for some in chunks(sorted(set(item_ids)))
        for row in session.execute(wanted.where(ALERT.c.item_id.in_(some)))
    }


def _insert_alerts(session: Session, met: Sequence[Met], now: datetime) -> list[Row[Any]]:
    rows = [
        {
            "rule_id": one.match.rule_id,
            "rule_version": one.rule_version,
            "query": one.query,
            "item_id": one.item_id,
            "version": one.version,
            "matches": [asdict(span) for span in one.match.spans],
            "shadow": one.shadow,
            "created_at": now,
        }
        for one in sorted(met, key=lambda one: (one.match.rule_id, one.item_id))
    ]
    unique = ["rule_id", "item_id", "version"]
    return [
        row
        for some in chunks(rows, 500)
        for row in session.execute(
            insert(session, ALERT)
            .on_conflict_do_nothing(index_elements=unique)
            .returning(ALERT.c.id, ALERT.c.rule_id, ALERT.c.item_id, ALERT.c.shadow),
            some,
        )
    ]


def _delivery(
    alert: Row[Any], channel_id: int, *, held: bool, claim: str | None, due_at: datetime, now: datetime
) -> dict[str, Any]:
    return {
        "alert_id": alert.id,
        "channel_id": channel_id,
        "state": "held" if held else "pending",
        "note": "held: this story was told already, in another version" if held else "",
        "due_at": None if held else due_at,
        "claim": None if held else claim,
        "attempts": 0,
        "created_at": now,
    }


def claim_due_deliveries(
    session: Session, *, now: datetime, lease: timedelta, limit: int, claim: str
) -> dict[int, list[int]]:
    """Takes deliveries that are due; their ids by channel."""
    rows = claim_due(
        session, DELIVERY, ready=DELIVERY.c.state == "pending", now=now, lease=lease, limit=limit, claim=claim
    )
    by_channel: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        by_channel[row.channel_id].append(row.id)
    return by_channel


def take(session: Session, ids: Sequence[int], claim: str, *, now: datetime, until: datetime) -> list[Outgoing]:
    """The claimed deliveries with all that their messages tell, claimed `until` then.

    Those to a channel that rests are given back until it has rested, so that they hold up nobody else.
    """
    mine = (DELIVERY.c.id.in_(ids), DELIVERY.c.claim == claim, DELIVERY.c.state == "pending")
    resting = select(CHANNEL.c.resting_until).where(CHANNEL.c.id == DELIVERY.c.channel_id).scalar_subquery()
    session.execute(update(DELIVERY).where(*mine, resting > now).values(due_at=resting, claim=None))
    session.execute(update(DELIVERY).where(*mine).values(due_at=until))
    rows = session.execute(_outgoing().where(*mine).order_by(DELIVERY.c.id)).all()
    return [
        Outgoing(row.delivery_id, row.attempts + 1, row.channel_id, row.kind, row.target, _message(row)) for row in rows
    ]


def _outgoing() -> Select[Any]:
    """Deliveries with all that their messages tell."""
    delivery = (DELIVERY.c.id.label("delivery_id"), DELIVERY.c.attempts, DELIVERY.c.channel_id)
    return (
        _told_of(*delivery, CHANNEL.c.kind, CHANNEL.c.target)
        .join(DELIVERY, DELIVERY.c.alert_id == ALERT.c.id)
        .join(CHANNEL, CHANNEL.c.id == DELIVERY.c.channel_id)
    )


def _told_of(*columns: Any) -> Select[Any]:
    """Alerts with all that their messages tell, and these columns."""
    feeds = select(func.count()).where(SIGHTING.c.item_id == ITEM.c.id).scalar_subquery()
    return (
        select(*_MESSAGE, feeds.label("feeds"), *columns)
        .select_from(ALERT)
        .join(ITEM, ITEM.c.id == ALERT.c.item_id)
        .join(RULE, RULE.c.id == ALERT.c.rule_id)
        .outerjoin(VERSION, (VERSION.c.item_id == ITEM.c.id) & (VERSION.c.version == ALERT.c.version))
    )


_MESSAGE = (
    ALERT.c.id.label("alert_id"),
    RULE.c.name.label("rule"),
    ALERT.c.query,
    ALERT.c.rule_version,
    ITEM.c.identity,
    ITEM.c.wire,
    ITEM.c.story_id,
    ALERT.c.version,
    ALERT.c.matches,
    # The words as they stood when they matched: the spans count in them.
    func.coalesce(VERSION.c.title, ITEM.c.title).label("title"),
    func.coalesce(VERSION.c.text, ITEM.c.text).label("text"),
    ITEM.c.url,
    ITEM.c.provider,
    ITEM.c.published_at,
    ITEM.c.first_seen_at,
)


def _message(row: Row[Any]) -> message.Alert:
    values = row._mapping  # noqa: SLF001 -- SQLAlchemy's public name for a row as a mapping
    told = {name: values[name] for name in message.Alert.__slots__ if name not in ("spans", "sample")}
    return message.Alert(**told, spans=tuple(Span(**span) for span in values["matches"]))


def sent(session: Session, delivery_id: int, claim: str, now: datetime) -> None:
    """The channel took it."""
    session.execute(_finished(delivery_id, claim).values(state="sent", sent_at=now, due_at=None, note=""))


def failed(session: Session, delivery_id: int, claim: str, *, why: str, due_at: datetime | None) -> None:
    """The channel did not take it: when it is tried again, or None for a dead letter."""
    state = "pending" if due_at else "failed"
    session.execute(_finished(delivery_id, claim).values(state=state, due_at=due_at, note=why))


def rest(session: Session, channel_id: int, until: datetime) -> None:
    """Leaves a channel alone for a while: its receiver does not answer."""
    session.execute(update(CHANNEL).where(CHANNEL.c.id == channel_id).values(resting_until=until))


def _finished(delivery_id: int, claim: str) -> Any:
    """A tried delivery: its claim is given back and the try counted."""
    mine = update(DELIVERY).where(DELIVERY.c.id == delivery_id, DELIVERY.c.claim == claim)
    return mine.values(claim=None, attempts=DELIVERY.c.attempts + 1)


def resend(session: Session, ids: Sequence[int], now: datetime) -> int:
    """Makes failed, held or sent deliveries due at once, with all their tries before them; how many."""
    return sum(_resend(session, DELIVERY.c.id.in_(some), now) for some in chunks(ids))


def resend_failed(session: Session, now: datetime) -> int:
    """The same for all that were given up."""
    return _resend(session, DELIVERY.c.state == "failed", now)


def _resend(session: Session, which: ColumnElement[bool], now: datetime) -> int:
    again = update(DELIVERY).where(which, DELIVERY.c.claim.is_(None))
    return row_count(session.execute(again.values(state="pending", due_at=now, attempts=0, note="")))


def deliveries(
    session: Session, *, limit: int, state: str = "", alert_ids: Iterable[int] | None = None
) -> Sequence[Row[Any]]:
    """The newest deliveries first, with their channel's name."""
    query = (
        select(*DELIVERY.c, CHANNEL.c.name.label("channel"))
        .join(CHANNEL, CHANNEL.c.id == DELIVERY.c.channel_id)
        .order_by(DELIVERY.c.id.desc())
        .limit(limit)
    )
    if state:
        query = query.where(DELIVERY.c.state == state)
    if alert_ids is not None:
        query = query.where(DELIVERY.c.alert_id.in_(list(alert_ids)))
    return session.execute(query).all()


def newest(session: Session, *, limit: int, after: int = 0) -> Sequence[Row[Any]]:
    """The newest alerts first, with their rule's name and their item's title and address."""
    columns = (*ALERT.c, RULE.c.name.label("rule"), ITEM.c.title, ITEM.c.url, ITEM.c.identity)
    query = (
        select(*columns)
        .join(RULE, RULE.c.id == ALERT.c.rule_id)
        .join(ITEM, ITEM.c.id == ALERT.c.item_id)
        .where(ALERT.c.id > after)
        .order_by(ALERT.c.id.desc())
        .limit(limit)
    )
    return session.execute(query).all()


def find(session: Session, alert_id: int) -> message.Alert:
    """An alert with all that its message tells. Raises BadInput when there is none."""
    row = session.execute(_told_of().where(ALERT.c.id == alert_id)).one_or_none()
    if row is None:
        raise BadInput(f"There is no alert {alert_id}. `wirewatch alerts list` shows their numbers.")
    return _message(row)


def of_item(session: Session, item_id: int) -> Sequence[Row[Any]]:
    """The alerts an item raised: number, rule's name, version, spans."""
    query = select(ALERT.c.id, RULE.c.name.label("rule"), ALERT.c.version, ALERT.c.matches)
    return session.execute(
        query.join(RULE, RULE.c.id == ALERT.c.rule_id).where(ALERT.c.item_id == item_id).order_by(ALERT.c.id)
    ).all()
