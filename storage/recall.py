"""What waits to be told for a rule that does not tell it any more: it is called back before it goes out."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, exists, not_, or_, select, update
from sqlmodel import Session

from storage.alerts import ALERT, DELIVERY
from storage.database import chunks
from storage.held import LATER
from storage.history import record
from wire import triage

_STANDING = ("state", "reason", "note", "due_at", "claim", "attempts", "maybe_twice")


def recall(session: Session, rule_id: int, channel_ids: Iterable[int] | None, why: str, now: datetime) -> None:
    """Holds what waits for these channels (None: for all) because of a rule, until a person asks for it.

    What is being sent this moment is left to arrive, or to be tried again. Where it leads what other rules tell, the
    first of that leads on.
    """
    wanted = select(DELIVERY.c.id, *(DELIVERY.c[name] for name in _STANDING)).where(*_waiting(rule_id))
    if channel_ids is not None:
        wanted = wanted.where(DELIVERY.c.channel_id.in_(list(channel_ids)))
    recalled = {row.id: row for row in session.execute(wanted.order_by(DELIVERY.c.id).with_for_update(of=DELIVERY))}
    note = f"held: {why}"
    for some in chunks(sorted(recalled)):
        _lead_on(session, [recalled[key] for key in some], recalled.keys(), now)
        held = {"state": "held", "reason": str(triage.Reason.REMOVED), "note": note, "due_at": None}
        values = {**held, "claim": None, "taken": False, "told_in": None}
        session.execute(update(DELIVERY).where(DELIVERY.c.id.in_(some)).values(**values))
    record(session, [(key, "held", note) for key in sorted(recalled)], now)


def _waiting(rule_id: int) -> tuple[Any, ...]:
    leader = DELIVERY.alias("leader")
    with_one = exists().where(leader.c.id == DELIVERY.c.told_in, leader.c.taken, leader.c.claim.is_not(None))
    later = and_(DELIVERY.c.state == "held", DELIVERY.c.reason.in_(LATER))
    return (
        DELIVERY.c.alert_id.in_(select(ALERT.c.id).where(ALERT.c.rule_id == rule_id)),
        or_(DELIVERY.c.state == "pending", later),
        not_(and_(DELIVERY.c.taken, DELIVERY.c.claim.is_not(None))),
        ~with_one,
    )


def _lead_on(session: Session, leaders: Iterable[Row[Any]], recalled: Collection[int], now: datetime) -> None:
    """What was told in a message that is called back goes out all the same, as that would have."""
    by_id = {row.id: row for row in leaders}
    led = select(DELIVERY.c.id, DELIVERY.c.told_in).where(DELIVERY.c.told_in.in_(by_id)).order_by(DELIVERY.c.id)
    left: dict[int, list[int]] = defaultdict(list)
    for row in session.execute(led):
        if row.id not in recalled:
            left[row.told_in].append(row.id)
    for former, (heir, *others) in left.items():
        standing = {name: getattr(by_id[former], name) for name in _STANDING}
        if standing["claim"]:  # somebody was rung for it, and will not find it
            standing |= {"claim": None, "due_at": now}
        session.execute(update(DELIVERY).where(DELIVERY.c.id == heir).values(**standing, told_in=None))
        session.execute(update(DELIVERY).where(DELIVERY.c.id.in_(others)).values(told_in=heir))
