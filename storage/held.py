"""What is held back, and how it comes out: pauses, digests, the channels that are tried again, sending by hand."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, or_, select, update
from sqlmodel import Session

from storage.alerts import ALERT, CHANNEL, DELIVERY, RULE
from storage.database import chunks
from storage.history import record
from storage.raising import channel_terms, spent_budgets
from wire import triage
from wire.triage import Reason

# A message with more stories would be cut by mail servers and read by nobody; the rest comes in the next.
_MOST_IN_DIGEST = 200
_RELEASED_AT_ONCE = 2_000
PAUSED_BY_HAND = "It was paused by hand."
# The reason on a message that is sent to a paused channel to see whether it is well again.
PROBE = "probe"


def hold(session: Session, channel_id: int, why: str, now: datetime, reason: Reason = Reason.PAUSED) -> None:
    """What waits for a channel is held, but for what is being sent this moment."""
    waiting = (DELIVERY.c.channel_id == channel_id, DELIVERY.c.state == "pending", DELIVERY.c.told_in.is_(None))
    untried = [DELIVERY.c.taken.is_(False)]
    if reason == Reason.PAUSED:  # notices go on being tried: they may be about this very channel
        untried.append(DELIVERY.c.alert_id.is_not(None))
    # Locked, or what another takes up meanwhile would be held while it is being sent, and sent again.
    mine = select(DELIVERY.c.id).where(*waiting, *untried).order_by(DELIVERY.c.id).with_for_update()
    hold_these(session, list(session.execute(mine).scalars()), why, now, reason)
    if reason == Reason.REMOVED:
        later = (DELIVERY.c.channel_id == channel_id, DELIVERY.c.state == "held", DELIVERY.c.reason.in_(LATER))
        note = f"held: the channel {why}"
        session.execute(update(DELIVERY).where(*later).values(reason=str(reason), note=note, due_at=None))


def hold_these(session: Session, ids: Sequence[int], why: str, now: datetime, reason: Reason) -> None:
    """These messages and all that is told in them."""
    note = f"held: the channel {why}"
    values = {"state": "held", "reason": str(reason), "note": note, "due_at": None, "claim": None}
    for some in chunks(sorted(ids)):
        session.execute(update(DELIVERY).where(DELIVERY.c.id.in_(some)).values(**values, taken=False))
        session.execute(update(DELIVERY).where(DELIVERY.c.told_in.in_(some)).values(**values))
    record(session, [(key, "held", note) for key in sorted(ids)], now)


# The reasons for which a delivery waits that is told in time.
LATER = [str(one) for one in triage.LATER]


def unpause(session: Session, channel_id: int, now: datetime) -> None:
    """What was held while a channel was paused is told now, in one digest."""
    paused = (DELIVERY.c.channel_id == channel_id, *_PAUSED)
    session.execute(update(DELIVERY).where(*paused).values(due_at=now))


# What is held until its channel is told again.
_PAUSED = (DELIVERY.c.state == "held", DELIVERY.c.reason == str(Reason.PAUSED), DELIVERY.c.told_in.is_(None))


def heal(session: Session, now: datetime) -> None:
    """What was held for a pause that had ended by the time it was written is told all the same."""
    well = select(CHANNEL.c.id).where(CHANNEL.c.paused_because == "", CHANNEL.c.removed_at.is_(None))
    forgotten = (*_PAUSED, DELIVERY.c.due_at.is_(None), DELIVERY.c.channel_id.in_(well))
    session.execute(update(DELIVERY).where(*forgotten).values(due_at=now))


def probe(session: Session, now: datetime) -> None:
    """A channel that was paused for its failures and has rested is tried again, with the first of what it missed."""
    for channel_id in session.execute(_rested(now)).scalars().all():
        waiting = (DELIVERY.c.channel_id == channel_id, DELIVERY.c.told_in.is_(None))
        under_way = select(DELIVERY.c.id).where(*waiting, DELIVERY.c.state == "pending").limit(1)
        if session.execute(under_way).first():
            continue
        first = select(DELIVERY.c.id).where(*waiting, *_PAUSED).order_by(DELIVERY.c.id).limit(1).scalar_subquery()
        tried = (
            update(DELIVERY).where(DELIVERY.c.id == first).values(state="pending", due_at=now, reason=PROBE, note="")
        )
        for row in session.execute(tried.returning(DELIVERY.c.id)).all():
            with_it = update(DELIVERY).where(DELIVERY.c.told_in == row.id)
            session.execute(with_it.values(state="pending", note="", reason=""))
            record(session, [(row.id, "released", "the channel has rested and is tried again")], now)


def anything_to_release(session: Session, now: datetime) -> bool:
    """Whether something was held until now, or a channel has rested: a look that locks nothing."""
    held = (DELIVERY.c.state == "held", DELIVERY.c.due_at <= now, DELIVERY.c.told_in.is_(None))
    queries = (select(DELIVERY.c.id).where(*held), _rested(now))
    return any(session.execute(query.limit(1)).first() for query in queries)


def _rested(now: datetime) -> Select[Any]:
    """Channels that were paused for their failures and have rested since."""
    return select(CHANNEL.c.id).where(
        CHANNEL.c.paused_because.not_in(("", PAUSED_BY_HAND)),
        CHANNEL.c.removed_at.is_(None),
        or_(CHANNEL.c.resting_until.is_(None), CHANNEL.c.resting_until <= now),
    )


def release(session: Session, now: datetime) -> int:
    """What was held until now is told, a channel's together: one alone as it is, several in a digest. How many.

    It is judged anew first: it may be night by now.
    """
    with_it = DELIVERY.alias("with_it")
    urgent_too = (
        exists()
        .where(with_it.c.told_in == DELIVERY.c.id)
        .where(with_it.c.alert_id == ALERT.c.id, ALERT.c.rule_id == RULE.c.id, RULE.c.urgent)
        .correlate(DELIVERY)
    )
    rows = session.execute(
        select(
            DELIVERY.c.id, DELIVERY.c.channel_id, DELIVERY.c.maybe_twice, or_(RULE.c.urgent, urgent_too).label("urgent")
        )
        .join(ALERT, ALERT.c.id == DELIVERY.c.alert_id)
        .join(RULE, RULE.c.id == ALERT.c.rule_id)
        .where(DELIVERY.c.state == "held", DELIVERY.c.due_at <= now, DELIVERY.c.told_in.is_(None))
        .order_by(DELIVERY.c.due_at, DELIVERY.c.id)
        .limit(_RELEASED_AT_ONCE)
        .with_for_update(skip_locked=True, of=DELIVERY)
    ).all()
    by_channel: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.channel_id, row.id)):
        by_channel[row.channel_id].append(row)
    if not by_channel:
        return 0
    budgets = spent_budgets(session, by_channel, now)
    wanted = select(*CHANNEL.c).where(CHANNEL.c.id.in_(sorted(by_channel)))
    for channel in session.execute(wanted).all():
        some = by_channel[channel.id]
        for urgent in (True, False):  # what is urgent opens the night for nothing else
            for part in _parts([row for row in some if row.urgent == urgent]):
                terms = channel_terms(channel, budgets.spent_until(channel.id, now))
                verdict = triage.admit(terms, urgent=urgent, now=now)
                if verdict.is_now:
                    _tell_together(session, part, now)
                    budgets.spend(channel.id, now)
                else:
                    _hold_longer(session, part, verdict, now)
    return len(rows)


def _parts(rows: Sequence[Row[Any]]) -> Iterator[Sequence[int]]:
    """What is told in one message each. What may have arrived is told as it was: its receiver may know it by its key,
    and would take all that is new in it for told.
    """
    yield from ([row.id] for row in rows if row.maybe_twice)
    yield from chunks([int(row.id) for row in rows if not row.maybe_twice], _MOST_IN_DIGEST)


def _tell_together(session: Session, ids: Sequence[int], now: datetime) -> None:
    leader, rest = ids[0], ids[1:]
    # What was told in another's message before that was held goes on being told with it.
    shared = update(DELIVERY).where(DELIVERY.c.told_in.in_(ids))
    session.execute(shared.values(told_in=leader, state="pending", due_at=None))
    session.execute(
        update(DELIVERY).where(DELIVERY.c.id == leader).values(state="pending", due_at=now, claim=None, attempts=0)
    )
    if rest:
        together = update(DELIVERY).where(DELIVERY.c.id.in_(rest))
        session.execute(together.values(state="pending", due_at=None, told_in=leader))
    how = "told alone" if not rest else f"told in one digest of {len(ids)}, delivery {leader}"
    record(session, [(key, "released", how) for key in ids], now)


def _hold_longer(session: Session, ids: Sequence[int], verdict: triage.Verdict, now: datetime) -> None:
    values = {"reason": str(verdict.reason), "note": verdict.note, "due_at": verdict.until}
    session.execute(update(DELIVERY).where(DELIVERY.c.id.in_(ids)).values(**values))
    record(session, [(key, "held", verdict.note) for key in ids], now)


def resend(session: Session, ids: Iterable[int], now: datetime) -> int:
    """Makes these due again, whatever became of them, unless they are on their way; how many."""
    return _resend(session, DELIVERY.c.id.in_(list(ids)), now)


def resend_failed(session: Session, now: datetime, channel_id: int | None = None) -> int:
    """Makes every dead letter due again, or those of one channel; how many."""
    failed = DELIVERY.c.state == "failed"
    return _resend(session, failed if channel_id is None else and_(failed, DELIVERY.c.channel_id == channel_id), now)


def _resend(session: Session, which: ColumnElement[bool], now: datetime) -> int:
    """One that was told in another's message is sent alone, unless that is sent again too.

    What is on its way is left alone, and what would go to a channel that was removed.
    """
    there = select(CHANNEL.c.id).where(CHANNEL.c.removed_at.is_(None))
    leader = DELIVERY.alias("leader")
    under_way = exists().where(leader.c.id == DELIVERY.c.told_in, leader.c.claim.is_not(None))
    wanted = select(DELIVERY.c.id, DELIVERY.c.told_in).where(which, DELIVERY.c.claim.is_(None), ~under_way)
    chosen = session.execute(wanted.where(DELIVERY.c.channel_id.in_(there)).with_for_update()).all()
    ids = {row.id for row in chosen}
    leading = [row.id for row in chosen if row.told_in not in ids]
    again: Mapping[str, Any] = {"state": "pending", "attempts": 0, "note": "", "reason": ""}
    for some in chunks(leading):
        alone = update(DELIVERY).where(DELIVERY.c.id.in_(some))
        session.execute(alone.values(due_at=now, told_in=None, **again))
        session.execute(update(DELIVERY).where(DELIVERY.c.told_in.in_(some)).values(state="pending", note=""))
    record(session, [(key, "sent again", "a person asked for it") for key in leading], now)
    return len(ids)
