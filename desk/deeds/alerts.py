"""What is done to alerts and their deliveries."""

from collections.abc import Sequence

from desk.hand import Hand
from desk.shapes import Remark
from storage import held, inbox, users
from storage.inbox import Wanted
from wire.errors import NotThere


def mark(hand: Hand, alert_ids: Sequence[int], *, seen: bool) -> list[int]:
    """Marks alerts seen, or new again; the numbers of those that were not so before."""
    changed = inbox.mark(hand.session, alert_ids, seen=seen, who=hand.who, now=hand.now)
    if changed:
        hand.note("marked seen" if seen else "marked new", _named("alert", changed))
    return changed


def mark_all(hand: Hand, wanted: Wanted, *, up_to: int) -> int:
    """Marks all new alerts seen up to a number; how many."""
    count = inbox.mark_all(hand.session, wanted, up_to=up_to, who=hand.who, now=hand.now)
    if count:
        hand.note("marked seen", f"all new alerts up to {up_to}", after={"alerts": count})
    return count


def note(hand: Hand, alert_id: int, *, assigned: str | None = None, remark: str | None = None) -> None:
    """Assigns an alert to a user, or remarks on it; what is None stays. Raises BadInput."""
    Remark.read({name: said for name, said in (("assigned", assigned), ("remark", remark)) if said is not None})
    row = inbox.row(hand.session, alert_id)
    if assigned and users.are_there_any(hand.session):
        users.find(hand.session, assigned)
    inbox.note(hand.session, alert_id, assigned=assigned, remark=remark)
    after = {
        "assigned": row.assigned if assigned is None else assigned,
        "remark": row.remark if remark is None else remark,
    }
    hand.note("noted on", f"alert {alert_id}", {"assigned": row.assigned, "remark": row.remark}, after)


def resend(hand: Hand, delivery_ids: Sequence[int]) -> int:
    """Sends these again; how many can be. Raises BadInput when none can."""
    again = held.resend(hand.session, delivery_ids, hand.now)
    if not again:
        raise NotThere("None of these can be sent again: there is no such delivery, or it is on its way.")
    hand.note("sent again", _named("delivery", delivery_ids))
    return again


def resend_failed(hand: Hand, channel_id: int | None = None) -> int:
    """Sends all that was given up again, or that of one channel; how many."""
    again = held.resend_failed(hand.session, hand.now, channel_id)
    if again:
        which = "all dead letters" if channel_id is None else f"the dead letters of channel {channel_id}"
        hand.note("sent again", which, after={"deliveries": again})
    return again


_MOST_NAMED = 20


def _named(what: str, ids: Sequence[int]) -> str:
    more = f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else ""
    return f"{what} {', '.join(map(str, ids[:_MOST_NAMED]))}{more}"
