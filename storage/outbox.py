"""The outbox: deliveries claimed, taken up, sent, failed, given up. What is held back: `storage/held.py`.

A delivery that leads is the message; those `told_in` it share what becomes of it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, String, and_, case, exists, func, not_, or_, select, update
from sqlmodel import Session

from storage import alerts, held
from storage.alerts import CHANNEL, DELIVERY
from storage.database import chunks
from storage.history import record
from storage.notices import NOTICE
from storage.work import claim_due, row_count
from wire import message
from wire.cadence import Dice, next_try
from wire.triage import Reason

# A channel that fails so often in a row is paused, and tried again by itself as a delivery is (wire/cadence.py).
MOST_FAILURES = 10
_A_MOMENT, _A_WHILE = timedelta(seconds=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Address:
    """A channel as its message needs it."""

    id: int
    name: str
    kind: str
    target: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    former_secret: str = field(default="", repr=False)
    template: str = ""
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be sent: where, what, and the how-manieth try it is."""

    id: int
    attempt: int
    to: Address
    message: message.Message


_ADDRESS = [CHANNEL.c[name].label(f"to_{name}") for name in Address.__slots__]


def claim_due_deliveries(
    session: Session, *, now: datetime, lease: timedelta, limit: int, claim: str
) -> dict[int, list[int]]:
    """Takes messages that are due; their ids by channel. Notices are the scheduler's own (`claim_due_notices`)."""
    return _claim(session, DELIVERY.c.alert_id.is_not(None), now=now, lease=lease, limit=limit, claim=claim)


def claim_due_notices(
    session: Session, *, now: datetime, lease: timedelta, limit: int, claim: str
) -> dict[int, list[int]]:
    """Takes notices that are due; their ids by channel."""
    return _claim(session, DELIVERY.c.notice_id.is_not(None), now=now, lease=lease, limit=limit, claim=claim)


def _claim(
    session: Session, which: ColumnElement[bool], *, now: datetime, lease: timedelta, limit: int, claim: str
) -> dict[int, list[int]]:
    ready = and_(DELIVERY.c.state == "pending", DELIVERY.c.told_in.is_(None), which)
    columns = (DELIVERY.c.id, DELIVERY.c.channel_id)
    rows = claim_due(session, DELIVERY, *columns, ready=ready, now=now, lease=lease, limit=limit, claim=claim)
    by_channel: dict[int, list[int]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: int(row.id)):
        by_channel[row.channel_id].append(row.id)
    return by_channel


def take(session: Session, ids: Sequence[int], claim: str, *, now: datetime, until: datetime) -> list[Outgoing]:
    """The claimed messages with all that they tell, claimed `until` then, in the order of their numbers.

    Those to a channel that rests are given back until it has rested, so that they hold up nobody else; those that must
    wait for an earlier one of their channel, until that is done. What was taken up before and never finished may have
    been sent: it is marked so.
    """
    mine = (DELIVERY.c.id.in_(ids), DELIVERY.c.claim == claim, DELIVERY.c.state == "pending")
    lost = update(DELIVERY).where(*mine, DELIVERY.c.taken).values(maybe_twice=True).returning(DELIVERY.c.id)
    record(session, [(row.id, "lost", "whoever was sending it never came back") for row in session.execute(lost)], now)
    _hold_back(session, ids, claim, now)
    resting = select(CHANNEL.c.resting_until).where(CHANNEL.c.id == DELIVERY.c.channel_id).scalar_subquery()
    session.execute(update(DELIVERY).where(*mine, resting > now).values(due_at=resting, claim=None))
    _keep_order(session, ids, claim, now)
    session.execute(update(DELIVERY).where(*mine).values(due_at=until, taken=True))
    columns = (DELIVERY.c.id, DELIVERY.c.attempts, DELIVERY.c.maybe_twice, DELIVERY.c.created_at, *_ADDRESS)
    rows = session.execute(
        select(*columns).join(CHANNEL, CHANNEL.c.id == DELIVERY.c.channel_id).where(*mine).order_by(DELIVERY.c.id)
    ).all()
    told = _messages(session, rows)
    return [Outgoing(row.id, row.attempts + 1, _address(row), told[row.id]) for row in rows]


def _address(row: Row[Any]) -> Address:
    return Address(**{name: getattr(row, f"to_{name}") for name in Address.__slots__})


def _hold_back(session: Session, ids: Sequence[int], claim: str, now: datetime) -> None:
    """What was written or claimed at the moment at which its channel was paused or removed is held after all."""
    wanted = (
        select(DELIVERY.c.id, CHANNEL.c.paused_because, CHANNEL.c.removed_at)
        .join(CHANNEL, CHANNEL.c.id == DELIVERY.c.channel_id)
        .where(DELIVERY.c.id.in_(ids), DELIVERY.c.claim == claim)
    )
    told = or_(DELIVERY.c.notice_id.is_not(None), DELIVERY.c.reason == held.PROBE)
    paused = and_(CHANNEL.c.paused_because != "", not_(told))
    for row in session.execute(wanted.where(or_(CHANNEL.c.removed_at.is_not(None), paused))).all():
        gone = row.removed_at is not None
        reason = Reason.REMOVED if gone else Reason.PAUSED
        held.hold_these(session, [row.id], "was removed" if gone else f"is paused. {row.paused_because}", now, reason)


def _keep_order(session: Session, ids: Sequence[int], claim: str, now: datetime) -> None:
    """Where a channel keeps the order, an alert that has an earlier one before it that is not ours waits for that."""
    earlier = DELIVERY.alias("earlier")
    other_claim = or_(earlier.c.claim.is_(None), earlier.c.claim != claim)
    before = (
        earlier.c.channel_id == DELIVERY.c.channel_id,
        earlier.c.id < DELIVERY.c.id,
        earlier.c.alert_id.is_not(None),
        earlier.c.state == "pending",
        earlier.c.told_in.is_(None),
        or_(earlier.c.id.not_in(ids), other_claim),
    )
    keeps = select(CHANNEL.c.ordered).where(CHANNEL.c.id == DELIVERY.c.channel_id).scalar_subquery()
    mine = (DELIVERY.c.id.in_(ids), DELIVERY.c.claim == claim, DELIVERY.c.alert_id.is_not(None))
    last = select(func.max(earlier.c.due_at)).where(*before, earlier.c.claim.is_(None)).scalar_subquery()
    soon, at_last = now + _A_MOMENT, now + _A_WHILE  # it may be sent by hand before its time, or called back
    due_at = case((last > at_last, at_last), (last > soon, last), else_=soon)
    waits = update(DELIVERY).where(*mine, keeps, exists().where(*before))
    session.execute(waits.values(due_at=due_at, claim=None, taken=False))


def _messages(session: Session, rows: Sequence[Row[Any]]) -> dict[int, message.Message]:
    """What these deliveries tell, each with those that are told in it."""
    ids = [row.id for row in rows]
    lead = {"leader": DELIVERY.c.told_in}
    told: dict[int, list[message.Alert]] = defaultdict(list)
    reasons: dict[int, set[str]] = defaultdict(set)
    for some in chunks(ids, 1_000):
        which = or_(DELIVERY.c.id.in_(some), DELIVERY.c.told_in.in_(some))
        for row, alert in alerts.told_by(session, which, **lead):
            told[row.leader or row.delivery_id].append(alert)
            reasons[row.leader or row.delivery_id].add(row.reason)
    noticed = _notices(session, ids)
    return {
        row.id: message.Message(
            row.id,
            tuple(told[row.id]),
            notice=noticed.get(row.id),
            reasons=tuple(sorted(filter(None, reasons[row.id]))),
            maybe_twice=row.maybe_twice,
            made_at=row.created_at,
        )
        for row in rows
    }


def _notices(session: Session, ids: Sequence[int]) -> dict[int, message.Notice]:
    wanted = select(DELIVERY.c.id.label("delivery_id"), *NOTICE.c).join(NOTICE, NOTICE.c.id == DELIVERY.c.notice_id)
    return {
        row.delivery_id: message.Notice(row.id, row.about, row.text, row.created_at)
        for some in chunks(ids)
        for row in session.execute(wanted.where(DELIVERY.c.id.in_(some)))
    }


def give_back(session: Session, ids: Sequence[int], claim: str, *, due_at: datetime) -> None:
    """What was taken up and not begun waits until then."""
    mine = (DELIVERY.c.id.in_(ids), DELIVERY.c.claim == claim)
    session.execute(update(DELIVERY).where(*mine).values(due_at=due_at, claim=None, taken=False))


def sent(session: Session, taken: Sequence[tuple[Outgoing, str]], claim: str, now: datetime) -> None:
    """Channels took these, with what they said: them and all that is told in them.

    A channel that was paused for its failures is so no more.
    """
    said = {one.id: words for one, words in taken}
    mine = (DELIVERY.c.id.in_(said), DELIVERY.c.claim == claim)
    noted = update(DELIVERY).where(*mine).values(state="sent", sent_at=now, due_at=None, note="", **_TRIED)
    ids = set(session.execute(noted.returning(DELIVERY.c.id)).scalars())
    if leading := [one.id for one, _ in taken if one.id in ids and len(one.message.alerts) > 1]:
        with_it = update(DELIVERY).where(DELIVERY.c.told_in.in_(leading))
        where = "told in delivery " + DELIVERY.c.told_in.cast(String)
        session.execute(with_it.values(state="sent", sent_at=now, due_at=None, note=where))
    record(session, [(key, "sent", said[key]) for key in sorted(ids)], now)
    _is_well(session, {one.to.id for one, _ in taken if one.id in ids}, now)


def _is_well(session: Session, channel_ids: set[int], now: datetime) -> None:
    failing = select(CHANNEL.c.id, CHANNEL.c.paused_because).where(
        CHANNEL.c.id.in_(channel_ids), CHANNEL.c.failures > 0
    )
    # Locked, or what another counts meanwhile is written over, and its pause has no end.
    for row in session.execute(failing.order_by(CHANNEL.c.id).with_for_update(key_share=True)).all():
        session.execute(update(CHANNEL).where(CHANNEL.c.id == row.id).values(failures=0, resting_until=None))
        if row.paused_because not in ("", held.PAUSED_BY_HAND):
            session.execute(update(CHANNEL).where(CHANNEL.c.id == row.id).values(paused_because=""))
            held.unpause(session, row.id, now)


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that failed: why, when it is tried again (None: never), and for how long its channel is to rest.

    `unsure`: it may have arrived all the same.
    """

    why: str
    due_at: datetime | None
    rest_until: datetime | None = None
    unsure: bool = False


def failed(session: Session, one: Outgoing, claim: str, failure: Failure, *, now: datetime, dice: Dice) -> None:
    """The channel did not take it. After ten such in a row the channel is paused and what waits for it is held."""
    state = "pending" if failure.due_at else "failed"
    noted: dict[str, Any] = {"state": state, "due_at": failure.due_at, "note": failure.why, "reason": ""}
    if failure.unsure:
        noted["maybe_twice"] = True
    mine = (DELIVERY.c.id == one.id, DELIVERY.c.claim == claim)
    if not row_count(session.execute(update(DELIVERY).where(*mine).values(**noted, **_TRIED))):
        return
    record(session, [(one.id, "failed", failure.why)], now)
    if state == "failed":
        with_it = update(DELIVERY).where(DELIVERY.c.told_in == one.id)
        session.execute(with_it.values(state="failed", note=failure.why))
    _count_failure(session, one.to.id, failure, now, dice)


def _count_failure(session: Session, channel_id: int, failure: Failure, now: datetime, dice: Dice) -> None:
    """Tries that were under way together when a channel began to rest count as one."""
    row = session.execute(
        select(CHANNEL.c.failures, CHANNEL.c.resting_until, CHANNEL.c.paused_because)
        .where(CHANNEL.c.id == channel_id)
        .with_for_update(key_share=True)
    ).one()
    rests = row.resting_until is not None and row.resting_until > now
    failures = row.failures if rests else row.failures + 1
    changed: dict[str, Any] = {"failures": failures}
    if failure.rest_until and (not rests or failure.rest_until > row.resting_until):
        changed["resting_until"] = failure.rest_until
    if failures >= MOST_FAILURES and not rests and row.paused_because != held.PAUSED_BY_HAND:
        wait = next_try(failures - MOST_FAILURES + 2, dice) or next_try(7, dice) or 0.0
        changed["resting_until"] = now + timedelta(seconds=wait)
        changed["paused_because"] = f"{failures} failures in a row, the last: {failure.why}"
    session.execute(update(CHANNEL).where(CHANNEL.c.id == channel_id).values(**changed))
    if paused := changed.get("paused_because", row.paused_because):
        held.hold(session, channel_id, f"is paused. {paused}", now)


# A tried delivery: its claim is given back and the try counted.
_TRIED = {"claim": None, "taken": False, "attempts": DELIVERY.c.attempts + 1}


def is_a_notice_due(session: Session, now: datetime) -> bool:
    """Whether a notice waits to be sent: a look that locks nothing."""
    due = (DELIVERY.c.state == "pending", DELIVERY.c.due_at <= now, DELIVERY.c.notice_id.is_not(None))
    return session.execute(select(DELIVERY.c.id).where(*due).limit(1)).first() is not None
