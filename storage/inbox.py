"""Alerts as a desk works through them: new, seen by somebody, assigned, remarked on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update
from sqlmodel import Session

from storage.alerts import ALERT, DELIVERY, RULE
from storage.items import ITEM, VERSION
from wire.errors import BadInput, NotThere

NEW, SEEN, SHADOW = "new", "seen", "shadow"
STATES = (NEW, SEEN, SHADOW)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts: new or seen ones, or those of shadows; of a rule; assigned to somebody; of these numbers alone.

    Empty asks for nothing.
    """

    state: str = ""
    rule_id: int | None = None
    assigned: str = ""
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some alerts; `below` is where the next page begins, None when there is none."""

    alerts: Sequence[Row[Any]]
    below: int | None


def page(session: Session, wanted: Wanted, *, limit: int, below: int | None = None) -> Page:
    """Alerts numbered below this number, the newest first: their rule's name, their story as it met it."""
    columns = (
        *ALERT.c,
        RULE.c.name.label("rule"),
        RULE.c.urgent,
        func.coalesce(VERSION.c.title, ITEM.c.title).label("title"),
        func.coalesce(VERSION.c.text, ITEM.c.text).label("text"),
        *(ITEM.c[name] for name in ("url", "identity", "wire", "provider", "published_at", "first_seen_at")),
    )
    query = (
        select(*columns)
        .select_from(ALERT)
        .join(RULE, RULE.c.id == ALERT.c.rule_id)
        .join(ITEM, ITEM.c.id == ALERT.c.item_id)
        .outerjoin(VERSION, (VERSION.c.item_id == ITEM.c.id) & (VERSION.c.version == ALERT.c.version))
        .where(RULE.c.private.is_(False), *_conditions(wanted))
        .order_by(ALERT.c.id.desc())
        .limit(limit + 1)
    )
    if below is not None:
        query = query.where(ALERT.c.id < below)
    rows = session.execute(query).all()
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    by_state = {
        "": (),
        NEW: (ALERT.c.seen_at.is_(None), ALERT.c.shadow.is_(False)),
        SEEN: (ALERT.c.seen_at.is_not(None), ALERT.c.shadow.is_(False)),
        SHADOW: (ALERT.c.shadow.is_(True),),
    }
    if wanted.state not in by_state:
        raise BadInput(f"Alerts are {', '.join(STATES)}, never “{wanted.state}”.")
    found: list[ColumnElement[bool]] = list(by_state[wanted.state])
    if wanted.rule_id is not None:
        found.append(ALERT.c.rule_id == wanted.rule_id)
    if wanted.assigned:
        found.append(ALERT.c.assigned == wanted.assigned)
    if wanted.ids:
        found.append(ALERT.c.id.in_(wanted.ids))
    return found


def count_new(session: Session, most: int) -> int:
    """How many are new, counted up to `most`: nobody cares beyond."""
    some = (
        select(ALERT.c.id)
        .join(RULE, RULE.c.id == ALERT.c.rule_id)
        .where(*_conditions(Wanted(NEW)), RULE.c.private.is_(False))
        .limit(most)
    )
    return int(session.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def highest(session: Session) -> int:
    """The highest number of an alert."""
    return session.execute(select(func.max(ALERT.c.id))).scalar() or 0


def above(session: Session, mark: int, most: int) -> list[int]:
    """The numbers of alerts above a mark, upwards, so many at most."""
    public = select(ALERT.c.id).join(RULE, RULE.c.id == ALERT.c.rule_id).where(RULE.c.private.is_(False))
    return list(session.execute(public.where(ALERT.c.id > mark).order_by(ALERT.c.id).limit(most)).scalars())


def lock(session: Session, alert_id: int) -> None:
    """Nobody else notes anything of an alert until the transaction ends."""
    session.execute(select(ALERT.c.id).where(ALERT.c.id == alert_id).with_for_update(key_share=True))


def row(session: Session, alert_id: int) -> Row[Any]:
    """What people noted of an alert. Raises NotThere when there is none."""
    columns = (ALERT.c.id, ALERT.c.seen_at, ALERT.c.seen_by, ALERT.c.assigned, ALERT.c.remark, ALERT.c.shadow)
    wanted = select(*columns, ALERT.c.rule_id, ALERT.c.item_id, ALERT.c.created_at)
    public = wanted.join(RULE, RULE.c.id == ALERT.c.rule_id).where(ALERT.c.id == alert_id, RULE.c.private.is_(False))
    found = session.execute(public).one_or_none()
    if found is None:
        raise NotThere(f"There is no alert {alert_id}. `wirewatch alerts list` shows their numbers.")
    return found


def mark(session: Session, alert_ids: Sequence[int], *, seen: bool, who: str, now: datetime) -> list[int]:
    """Marks alerts seen, or new again; the numbers of those that were not so before."""
    other = ALERT.c.seen_at.is_(None) if seen else ALERT.c.seen_at.is_not(None)
    public = ALERT.c.rule_id.in_(select(RULE.c.id).where(RULE.c.private.is_(False)))
    values = {"seen_at": now, "seen_by": who} if seen else {"seen_at": None, "seen_by": ""}
    statement = update(ALERT).where(ALERT.c.id.in_(alert_ids), other, public).values(**values)
    return sorted(session.execute(statement.returning(ALERT.c.id)).scalars())


def mark_all(session: Session, wanted: Wanted, *, up_to: int, who: str, now: datetime) -> int:
    """Marks all new alerts seen up to a number, so that one that came meanwhile stays new; how many."""
    public = ALERT.c.rule_id.in_(select(RULE.c.id).where(RULE.c.private.is_(False)))
    new = (*_conditions(Wanted(NEW, wanted.rule_id, wanted.assigned)), ALERT.c.id <= up_to, public)
    statement = update(ALERT).where(*new).values(seen_at=now, seen_by=who)
    return len(session.execute(statement.returning(ALERT.c.id)).all())


def note(session: Session, alert_id: int, *, assigned: str | None = None, remark: str | None = None) -> None:
    """Assigns an alert, or remarks on it; what is None stays."""
    given = {"assigned": assigned, "remark": remark}
    values = {name: value for name, value in given.items() if value is not None}
    if values:
        session.execute(update(ALERT).where(ALERT.c.id == alert_id).values(**values))


def delivery_states(session: Session, alert_ids: Sequence[int]) -> dict[int, list[str]]:
    """The states of each alert's deliveries, by alert number."""
    found: dict[int, list[str]] = {}
    wanted = select(DELIVERY.c.alert_id, DELIVERY.c.state).where(DELIVERY.c.alert_id.in_(alert_ids))
    for one in session.execute(wanted.order_by(DELIVERY.c.id)):
        found.setdefault(one.alert_id, []).append(one.state)
    return found
