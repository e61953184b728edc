"""What is forgotten: by the batch, so that nobody waits for it. For how long what stays says wire/keeping.py.

Stories that raised an alert stay as long as that does; those that a feed still shows stay too, or they would be news
once more.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import ColumnElement, Table, and_, delete, exists, or_, select, tuple_
from sqlmodel import Session

from storage import furniture, search, sketches
from storage.alerts import ALERT, DELIVERY
from storage.canaries import CANARY
from storage.database import delete_some
from storage.feeds import FEED
from storage.history import EVENT
from storage.items import IS_PRIVATE, ITEM, SIGHTING, VERSION
from storage.notices import NOTICE
from storage.polls import POLL
from storage.readings import READING
from storage.tables import Change, table
from wire.identity import story_mark
from wire.triage import Reason

CHANGE = table(Change)
# Rows a batch: some tens of milliseconds, as a portion of polls takes.
BATCH = 500
# Whether canaries came out is looked up for a month; what they left is of no use once they did.
_CANARIES, _CANARIES_STORIES = timedelta(days=30), timedelta(hours=1)
# Of these nothing hangs, and there are many.
_POLLS_TIMES = 4


class Forget(Protocol):
    """Forgets a batch; whether there may be more."""

    def __call__(self, session: Session, now: datetime, /) -> bool: ...


def forgetting(kept: Mapping[str, timedelta | None]) -> list[Forget]:
    """What is to be forgotten, each to be called again as long as there is more. Alerts go before their stories."""
    of_spans = (("polls", _polls), ("notices", _notices), ("audit", _audit), ("alerts", _alerts))
    found: list[Forget] = [sketches.forget_old, furniture.forget_old, furniture.Halving(), _canaries]
    for name, forget in of_spans:
        if (span := kept[name]) is not None:
            found.append(_Older(forget, span))
    if (span := kept["items"]) is not None:
        found.append(_Items(span))
    return found


class _ForgetBefore(Protocol):
    def __call__(self, session: Session, before: datetime) -> bool: ...


class _Older:
    """Forgets what is older than a span."""

    def __init__(self, forget: _ForgetBefore, span: timedelta) -> None:
        self._forget, self._span = forget, span

    def __call__(self, session: Session, now: datetime) -> bool:
        return self._forget(session, now - self._span)


def _polls(session: Session, before: datetime) -> bool:
    return delete_some(session, POLL, POLL.c.at < before, _POLLS_TIMES * BATCH)


def _audit(session: Session, before: datetime) -> bool:
    return delete_some(session, CHANGE, CHANGE.c.at < before, BATCH)


def _notices(session: Session, before: datetime) -> bool:
    """Those that are over, and what was sent of them."""
    return _with_deliveries(session, NOTICE, DELIVERY.c.notice_id, NOTICE.c.ended_at < before)


def _alerts(session: Session, before: datetime) -> bool:
    """Those of which nothing waits to be told."""
    return _with_deliveries(session, ALERT, DELIVERY.c.alert_id, ALERT.c.created_at < before)


def _with_deliveries(session: Session, what: Table, told: ColumnElement[int], old: ColumnElement[bool]) -> bool:
    # What a pause holds has no time of its own, nor has what is told in another's message.
    later = and_(
        DELIVERY.c.state == "held", or_(DELIVERY.c.due_at.is_not(None), DELIVERY.c.reason == str(Reason.PAUSED))
    )
    waits = exists().where(told == what.c.id, or_(DELIVERY.c.state == "pending", later))
    wanted = select(what.c.id).where(old, ~waits).limit(BATCH)
    ids = session.execute(wanted).scalars().all()
    _forget_told(session, what, told, ids)
    return len(ids) == BATCH


def _forget_told(session: Session, what: Table, told: ColumnElement[int], ids: Sequence[int]) -> None:
    """Rows, and what was sent of them."""
    deliveries = select(DELIVERY.c.id).where(told.in_(ids)).scalar_subquery()
    session.execute(delete(EVENT).where(EVENT.c.delivery_id.in_(deliveries)))
    session.execute(delete(DELIVERY).where(told.in_(ids)))
    session.execute(delete(what).where(what.c.id.in_(ids)))


def _canaries(session: Session, now: datetime) -> bool:
    """What canaries left behind: their stories with their alerts, for they are nobody's news."""
    session.execute(delete(CANARY).where(CANARY.c.let_in_at < now - _CANARIES))
    # There are few of them; asked for those of long ago, SQLite would walk all stories of long ago.
    private = session.execute(select(ITEM.c.id, ITEM.c.first_seen_at).where(IS_PRIVATE)).all()
    ids = [row.id for row in private if row.first_seen_at < now - _CANARIES_STORIES][:BATCH]
    alerts = session.execute(select(ALERT.c.id).where(ALERT.c.item_id.in_(ids))).scalars().all()
    _forget_told(session, ALERT, DELIVERY.c.alert_id, alerts)
    forget_items(session, ids)
    return len(ids) == BATCH


class _Items:
    """Stories first seen longer ago than a span, but for those that must stay; walked through from the oldest on."""

    def __init__(self, span: timedelta) -> None:
        self._span = span
        self._after: tuple[datetime, int] | None = None

    def __call__(self, session: Session, now: datetime) -> bool:
        place = (ITEM.c.first_seen_at, ITEM.c.id)
        old = [ITEM.c.first_seen_at < now - self._span, ITEM.c.private.is_(False)]
        if self._after:
            old.append(tuple_(*place) > tuple_(*self._after))
        wanted = select(*place, ITEM.c.identity).where(*old).order_by(*place).limit(BATCH)
        rows = session.execute(wanted.with_for_update(skip_locked=True)).all()
        if not rows:
            return False
        self._after = (rows[-1].first_seen_at, rows[-1].id)
        ids = [row.id for row in rows]
        stay = set(session.execute(select(ALERT.c.item_id).where(ALERT.c.item_id.in_(ids))).scalars())
        shown = _shown(session, ids)
        forget_items(session, [row.id for row in rows if row.id not in stay and story_mark(row.identity) not in shown])
        return len(rows) == BATCH


def _shown(session: Session, item_ids: Sequence[int]) -> set[str]:
    """The marks of all stories that the feeds which carried these show now."""
    carriers = select(SIGHTING.c.feed_id).where(SIGHTING.c.item_id.in_(item_ids)).distinct()
    return {
        str(mark)
        for carried in session.execute(select(FEED.c.carried).where(FEED.c.id.in_(carriers))).scalars()
        for _, mark, *_ in carried
    }


def forget_items(session: Session, ids: Sequence[int]) -> None:
    """Stories and all that hangs on them; they raised no alert, or their alerts are gone."""
    search.forget(session, ids)
    sketches.forget(session, ids)
    for what in (SIGHTING, VERSION, READING):
        session.execute(delete(what).where(what.c.item_id.in_(ids)))
    session.execute(delete(ITEM).where(ITEM.c.id.in_(ids)))
