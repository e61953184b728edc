"""Alerts and deliveries: in lists, and one whole with all that happened to it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from desk.answers.base import Answer, Part, Piece, parts_of, pieces_of
from storage import alerts, history, inbox
from storage.inbox import Wanted
from wire.errors import NotThere
from wire.message import Message, matched_words, passage_pieces, payload, pieces
from wire.story import Span


class AlertLine(Answer):
    """An alert in a list: the story as it met the rule, the words, what people noted, how its deliveries stand."""

    id: int
    at: datetime
    rule: str
    rule_version: int
    urgent: bool
    shadow: bool
    kind: str
    item: int
    version: int
    identity: str
    title: str
    title_pieces: list[Piece]
    passage: list[Piece]
    matched: list[str]
    url: str
    provider: str
    published_at: datetime | None
    first_seen_at: datetime
    seen_at: datetime | None
    seen_by: str
    assigned: str
    remark: str
    deliveries: list[str]


class Alerts(Answer):
    """A page of alerts, the newest first. `next` asks for the page after it, as `before`; null at the end."""

    alerts: list[AlertLine]
    next: int | None


class DeliveryLine(Answer):
    """An alert's (or notice's) way to a channel: pending, sent, failed, or held with the reason in the note."""

    id: int
    alert: int | None
    channel: str
    state: str
    tries: int
    created: datetime
    sent: datetime | None
    due: datetime | None
    maybe_twice: bool
    told_in: int | None
    note: str


class Deliveries(Answer):
    """A page of deliveries, the newest first. `next` asks for the page after it, as `before`; null at the end."""

    deliveries: list[DeliveryLine]
    next: int | None


class Event(Answer):
    """What happened to a delivery, when, and what was said."""

    at: datetime
    channel: str
    delivery: int
    what: str
    said: str


class AlertWhole(AlertLine):
    """An alert with its rule's query, what changed since the alert it follows, and everything that happened to it."""

    query: str
    follows: int | None
    changed: list[Part]
    also_carried_by: list[str]
    sent_to: list[DeliveryLine]
    history: list[Event]


def page(session: Session, wanted: Wanted, *, limit: int, before: int | None = None) -> Alerts:
    """A page of alerts. Raises BadInput."""
    found = inbox.page(session, wanted, limit=limit, below=before)
    states = inbox.delivery_states(session, [row.id for row in found.alerts])
    return Alerts(alerts=[alert_line(row, states.get(row.id, [])) for row in found.alerts], next=found.below)


def alert_line(row: Row[Any], deliveries: list[str]) -> AlertLine:
    return AlertLine.model_construct(**_line(row, deliveries))


def _line(row: Row[Any], deliveries: list[str]) -> dict[str, Any]:
    spans = [Span(**span) for span in row.matches]
    same = (
        "id", "rule", "rule_version", "urgent", "shadow", "kind", "version", "identity", "title", "url", "provider",
        "published_at", "first_seen_at", "seen_at", "seen_by", "assigned", "remark",
    )  # fmt: skip
    return {
        **{name: getattr(row, name) for name in same},
        "at": row.created_at,
        "item": row.item_id,
        "title_pieces": pieces_of(pieces(row.title, spans, "title")),
        "passage": pieces_of(passage_pieces(row.text, spans)),
        "matched": matched_words(spans),
        "deliveries": deliveries,
    }


def alert(session: Session, alert_id: int) -> AlertWhole:
    """An alert by its number. Raises NotThere."""
    told = alerts.find(session, alert_id)
    (row,) = inbox.page(session, Wanted(ids=(alert_id,)), limit=1).alerts
    rows = alerts.deliveries(session, limit=1_000, alert_ids=[alert_id])
    return AlertWhole(
        **_line(row, [one.state for one in rows]),
        query=told.query,
        follows=told.follows,
        changed=parts_of(told.changed),
        also_carried_by=payload(Message(0, (told,)))["story"]["also_carried_by"],
        sent_to=[delivery_line(one) for one in rows],
        history=happened(rows, history.of_deliveries(session, [one.told_in or one.id for one in rows])),
    )


def deliveries(
    session: Session, *, limit: int, state: str = "", channel_id: int | None = None, before: int | None = None
) -> Deliveries:
    """A page of deliveries."""
    rows = alerts.deliveries(session, limit=limit + 1, state=state, channel_id=channel_id, below=before)
    more = rows[limit - 1].id if len(rows) > limit else None
    return Deliveries(deliveries=[delivery_line(row) for row in rows[:limit]], next=more)


def delivery(session: Session, delivery_id: int) -> tuple[DeliveryLine, list[Event]]:
    """A delivery by its number, and what happened to it. Raises NotThere."""
    rows = alerts.deliveries(session, limit=1, delivery_id=delivery_id)
    if not rows:
        raise NotThere(f"There is no delivery {delivery_id}. `wirewatch deliveries list` shows their numbers.")
    events = history.of_deliveries(session, [row.told_in or row.id for row in rows])
    return delivery_line(rows[0]), _events(rows, events)


def delivery_line(row: Row[Any]) -> DeliveryLine:
    return DeliveryLine.model_construct(
        id=row.id,
        alert=row.alert_id,
        channel=row.channel,
        state=row.state,
        tries=row.attempts,
        created=row.created_at,
        sent=row.sent_at,
        due=row.due_at,
        maybe_twice=row.maybe_twice,
        told_in=row.told_in,
        note=row.note or (row.about or ""),
    )


def _events(rows: Sequence[Row[Any]], events: Sequence[Row[Any]]) -> list[Event]:
    channels = {row.told_in or row.id: row.channel for row in rows}
    return [
        Event(at=one.at, channel=channels[one.delivery_id], delivery=one.delivery_id, what=one.what, said=one.said)
        for one in events
    ]


def happened(rows: Sequence[Row[Any]], events: Sequence[Row[Any]]) -> list[Event]:
    """What happened to deliveries, and to the messages they were told in, in order; last how they stand now."""
    told = [
        *(Event(at=row.created_at, channel=row.channel, delivery=row.id, what="written", said="") for row in rows),
        *_events(rows, events),
        *(
            Event(
                at=row.due_at or row.created_at,
                channel=row.channel,
                delivery=row.id,
                what=f"{row.state} now",
                said=row.note,
            )
            for row in rows
            if row.state in ("pending", "held")
        ),
    ]
    return sorted(told, key=lambda one: (one.what.endswith(" now"), one.at, one.what != "written", one.delivery))
