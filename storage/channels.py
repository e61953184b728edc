"""Channels: where alerts go, and how they want to be told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col
from sqlmodel import select as select_model
from sqlmodel.sql.expression import SelectOfScalar

from storage import held, rules
from storage.tables import Channel
from storage.work import number
from wire import hours, receivers, render
from wire.errors import BadInput, NotThere, Taken
from wire.samples import samples
from wire.triage import Reason


@dataclass(frozen=True, slots=True)
class Terms:
    """What can be said of a channel besides where it leads; None leaves it as it is.

    `budget`, `quiet` and `zone` as wire/hours.py reads them; `template` as wire/render.py does.
    """

    target: str | None = None
    secret: str | None = None
    budget: str | None = None
    quiet: str | None = None
    zone: str | None = None
    template: str | None = None
    ordered: bool | None = None
    operator: bool | None = None


def add(session: Session, name: str, kind: str, target: str, *, now: datetime, terms: Terms | None = None) -> Channel:
    """A new channel. Raises BadInput when its kind is unknown, something of it is unusable, or its name taken."""
    if kind not in receivers.KINDS:
        raise BadInput(f"A channel is one of {', '.join(receivers.KINDS)}, not “{kind}”.")
    if not name.strip() or name.isdigit() or "\n" in name:
        raise BadInput("A channel's name needs a letter: a bare number would be mistaken for the channel's own.")
    channel = session.exec(select_model(Channel).where(Channel.name == name)).one_or_none()
    if channel and channel.removed_at is None:
        raise Taken(f"There is a channel “{name}” already. Choose another name, or remove that one first.")
    checked = {"target": receivers.target(kind, target), "secret": "", "former_secret": "", "template": ""}
    channel = channel or Channel(name=name, kind=kind, created_at=now)
    fresh = {"kind": kind, "removed_at": None, "enabled": True, "budget": "", "quiet": "", "zone": "UTC"}
    well = {"ordered": False, "operator": False, "paused_because": "", "failures": 0, "resting_until": None}
    channel.sqlmodel_update({**checked, **fresh, **well})
    channel.sqlmodel_update(_checked(channel, terms or Terms(), now))
    session.add(channel)
    session.flush()
    rules.bump(session)  # one that comes back is still called by its rules
    return channel


def change(session: Session, channel: Channel, terms: Terms, now: datetime) -> None:
    """Changes what is given. A new secret signs beside the former one until `forget_former_secret`."""
    former = channel.secret
    channel.sqlmodel_update(_checked(channel, terms, now))
    if terms.secret is not None and former and channel.kind == "webhook":
        channel.former_secret = former if channel.secret else ""
    session.flush()


def forget_former_secret(channel: Channel) -> None:
    """Only the newest secret signs."""
    channel.former_secret = ""


def _checked(channel: Channel, terms: Terms, now: datetime) -> dict[str, Any]:
    given = {name: value for name in Terms.__slots__ if (value := getattr(terms, name)) is not None}
    if terms.target is not None:
        given["target"] = receivers.target(channel.kind, terms.target)
    if terms.secret is not None:
        given["secret"] = receivers.secret(channel.kind, terms.secret)
    if terms.budget is not None:
        hours.budget(terms.budget)
    if terms.quiet is not None:
        hours.quiet_hours(terms.quiet)
    if terms.zone is not None:
        hours.zone(terms.zone)
    if terms.template:
        render.checked_template(terms.template, samples(now), as_json=channel.kind == "webhook")
    return given


def _there() -> SelectOfScalar[Channel]:
    """All but the removed ones and the canary's."""
    return select_model(Channel).where(col(Channel.removed_at).is_(None), col(Channel.private).is_(False))


def find(session: Session, which: str) -> Channel:
    """The channel of this name or number. Raises NotThere."""
    key = number(which, small=True)
    wanted = _there().where(Channel.name == which if key is None else Channel.id == key)
    channel = session.exec(wanted).one_or_none()
    if channel is None:
        raise NotThere(f"No channel is “{which}”. `wirewatch channels list` shows them.")
    return channel


def all_channels(session: Session) -> Sequence[Channel]:
    """All but the removed ones and the canary's."""
    return session.exec(_there().order_by(col(Channel.id))).all()


def paused_for_failures(session: Session) -> Sequence[Channel]:
    """Those that failed too often in a row."""
    return [one for one in all_channels(session) if one.paused_because not in ("", held.PAUSED_BY_HAND)]


def pause(session: Session, channel: Channel, now: datetime) -> None:
    """What it is to be told is held until it is resumed."""
    channel.sqlmodel_update({"paused_because": held.PAUSED_BY_HAND, "resting_until": None})
    session.flush()
    held.hold(session, channel.id or 0, f"is paused. {held.PAUSED_BY_HAND}", now)


def resume(session: Session, channel: Channel, now: datetime) -> None:
    """It is told again, first what it missed, in a digest."""
    channel.sqlmodel_update({"paused_because": "", "failures": 0, "resting_until": None})
    session.flush()
    held.unpause(session, channel.id or 0, now)


def remove(session: Session, channel: Channel, now: datetime) -> None:
    """Nothing is sent here any more: what waits is held; what was sent stays on record."""
    held.hold(session, channel.id or 0, "was removed", now, Reason.REMOVED)
    channel.sqlmodel_update({"removed_at": now, "enabled": False, "secret": "", "former_secret": ""})
    rules.bump(session)
