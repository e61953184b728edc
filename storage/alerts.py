"""Alerts and deliveries as they are looked at. Written: `storage/raising.py`; sent: `storage/outbox.py`."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, or_, select
from sqlmodel import Session

from storage.database import chunks
from storage.items import ITEM, VERSION
from storage.tables import Alert, Channel, Delivery, Notice, Rule, Sighting, table
from wire import message
from wire.address import host_of
from wire.errors import NotThere
from wire.revision import difference
from wire.story import Span

ALERT = table(Alert)
CHANNEL = table(Channel)
DELIVERY = table(Delivery)
NOTICE = table(Notice)
RULE = table(Rule)
SIGHTING = table(Sighting)


def told_by(
    session: Session, which: ColumnElement[bool], **columns: ColumnElement[Any]
) -> list[tuple[Row[Any], message.Alert]]:
    """The alerts of these deliveries with all that their messages tell, in their order, each with its row.

    The row has `delivery_id`, its `reason`, and what else is named.
    """
    named = [column.label(name) for name, column in columns.items()]
    wanted = _told_of(DELIVERY.c.id.label("delivery_id"), DELIVERY.c.reason, *named)
    rows = session.execute(
        wanted.join(DELIVERY, DELIVERY.c.alert_id == ALERT.c.id).where(which).order_by(ALERT.c.id)
    ).all()
    return list(zip(rows, _as_messages(session, rows), strict=True))


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
    ALERT.c.item_id,
    ALERT.c.thread,
    ALERT.c.kind,
    ALERT.c.follows,
    RULE.c.urgent,
    # The words as they stood when they matched: the spans count in them.
    func.coalesce(VERSION.c.title, ITEM.c.title).label("title"),
    func.coalesce(VERSION.c.text, ITEM.c.text).label("text"),
    ITEM.c.url,
    ITEM.c.provider,
    ITEM.c.published_at,
    ITEM.c.first_seen_at,
)


def _as_messages(session: Session, rows: Sequence[Row[Any]]) -> list[message.Alert]:
    also = _carriers(session, {row.thread for row in rows})
    return [
        message.Alert(
            **{name: getattr(row, name) for name in _AS_THEY_ARE},
            spans=tuple(Span(**span) for span in row.matches),
            also=tuple(name for item_id, name in also[row.thread] if item_id != row.item_id),
            changed=_changed(session, row),
        )
        for row in rows
    ]


_OURS = ("spans", "also", "changed", "sample")
_AS_THEY_ARE = [name for name in message.Alert.__slots__ if name not in _OURS]


def _carriers(session: Session, threads: Iterable[int]) -> dict[int, list[tuple[int, str]]]:
    """Who told the stories of these threads: (item number, name) each, by thread."""
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    columns = (ITEM.c.id, ITEM.c.cluster, ITEM.c.provider, ITEM.c.url)
    for some in chunks(sorted(threads)):
        either = or_(ITEM.c.id.in_(some), ITEM.c.cluster.in_(some))
        for row in sorted(session.execute(select(*columns).where(either)), key=lambda row: int(row.id)):
            found[row.cluster or row.id].append((row.id, row.provider or host_of(row.url)))
    return found


def _changed(session: Session, row: Row[Any]) -> tuple[tuple[str, str], ...]:
    """How the words differ from those of the alert that was told before; nothing where none was."""
    if not row.kind or row.follows is None:
        return ()
    before = session.execute(_told_of().where(ALERT.c.id == row.follows)).one_or_none()
    if before is None:
        return ()
    texts = difference(before.text, row.text) if before.text != row.text else []
    titles = difference(before.title, row.title) if before.title != row.title else []
    return (*titles, *([("=", "\u00b6")] if titles and texts else []), *texts)


def deliveries(
    session: Session,
    *,
    limit: int,
    state: str = "",
    alert_ids: Iterable[int] | None = None,
    channel_id: int | None = None,
    delivery_id: int | None = None,
    below: int | None = None,
) -> Sequence[Row[Any]]:
    """The newest deliveries first, with their channel's name, and what a notice among them is about."""
    query = (
        select(*DELIVERY.c, CHANNEL.c.name.label("channel"), NOTICE.c.about)
        .join(CHANNEL, CHANNEL.c.id == DELIVERY.c.channel_id)
        .outerjoin(NOTICE, NOTICE.c.id == DELIVERY.c.notice_id)
        .where(CHANNEL.c.private.is_(False))
        .order_by(DELIVERY.c.id.desc())
        .limit(limit)
    )
    if below is not None:
        query = query.where(DELIVERY.c.id < below)
    if state:
        query = query.where(DELIVERY.c.state == state)
    if alert_ids is not None:
        query = query.where(DELIVERY.c.alert_id.in_(list(alert_ids)))
    if channel_id is not None:
        query = query.where(DELIVERY.c.channel_id == channel_id)
    if delivery_id is not None:
        query = query.where(DELIVERY.c.id == delivery_id)
    return session.execute(query).all()


def dead_letters(session: Session) -> dict[int, int]:
    """How many deliveries to each channel were given up, by channel id."""
    failed = select(DELIVERY.c.channel_id, func.count().label("dead")).where(DELIVERY.c.state == "failed")
    return {row.channel_id: row.dead for row in session.execute(failed.group_by(DELIVERY.c.channel_id))}


def newest(session: Session, *, limit: int, after: int = 0, rule_id: int | None = None) -> Sequence[Row[Any]]:
    """The newest alerts first, with their rule's name and their item's title and address."""
    columns = (*ALERT.c, RULE.c.name.label("rule"), ITEM.c.title, ITEM.c.url, ITEM.c.identity)
    query = (
        select(*columns)
        .join(RULE, RULE.c.id == ALERT.c.rule_id)
        .join(ITEM, ITEM.c.id == ALERT.c.item_id)
        .where(ALERT.c.id > after, RULE.c.private.is_(False))
        .order_by(ALERT.c.id.desc())
        .limit(limit)
    )
    if rule_id is not None:
        query = query.where(ALERT.c.rule_id == rule_id)
    return session.execute(query).all()


def find(session: Session, alert_id: int) -> message.Alert:
    """An alert with all that its message tells. Raises BadInput when there is none."""
    row = session.execute(_told_of().where(ALERT.c.id == alert_id, RULE.c.private.is_(False))).one_or_none()
    if row is None:
        raise NotThere(f"There is no alert {alert_id}. `wirewatch alerts list` shows their numbers.")
    return _as_messages(session, [row])[0]


def these(session: Session, alert_ids: Sequence[int]) -> list[message.Alert]:
    """Alerts with all that their messages tell, by their numbers."""
    rows = session.execute(_told_of().where(ALERT.c.id.in_(alert_ids)).order_by(ALERT.c.id)).all()
    return _as_messages(session, rows)


def of_item(session: Session, item_id: int) -> Sequence[Row[Any]]:
    """The alerts an item raised: number, rule's name, version, spans."""
    query = select(ALERT.c.id, RULE.c.name.label("rule"), ALERT.c.version, ALERT.c.matches)
    return session.execute(
        query.join(RULE, RULE.c.id == ALERT.c.rule_id).where(ALERT.c.item_id == item_id).order_by(ALERT.c.id)
    ).all()
