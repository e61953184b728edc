"""Channels: where alerts go."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col
from sqlmodel import select as select_model

from storage import rules
from storage.tables import Channel, Delivery, table
from storage.work import number
from wire.address import checked
from wire.errors import BadInput

DELIVERY = table(Delivery)
KINDS = ("log", "webhook")


def add(session: Session, name: str, kind: str, target: str, *, now: datetime) -> Channel:
    """A new channel. Raises BadInput when its kind is unknown, its target unusable or its name taken."""
    if kind not in KINDS:
        raise BadInput(f"A channel is one of {', '.join(KINDS)}, not “{kind}”.")
    if kind == "webhook" and not target:
        raise BadInput("A webhook needs the address it sends to.")
    if not name.strip() or name.isdigit() or "\n" in name:
        raise BadInput("A channel's name needs a letter: a bare number would be mistaken for the channel's own.")
    address = checked(target) if kind == "webhook" else target
    channel = session.exec(select_model(Channel).where(Channel.name == name)).one_or_none()
    if channel and channel.removed_at is None:
        raise BadInput(f"There is a channel “{name}” already. Choose another name, or remove that one first.")
    channel = channel or Channel(name=name, kind=kind, created_at=now)
    channel.sqlmodel_update({"kind": kind, "target": address, "removed_at": None, "enabled": True})
    session.add(channel)
    session.flush()
    rules.bump(session)  # one that comes back is still called by its rules
    return channel


def find(session: Session, which: str) -> Channel:
    """The channel of this name or number."""
    key = number(which)
    fits = Channel.name == which if key is None else Channel.id == key
    channel = session.exec(select_model(Channel).where(fits, col(Channel.removed_at).is_(None))).one_or_none()
    if channel is None:
        raise BadInput(f"No channel is “{which}”. `wirewatch channels list` shows them.")
    return channel


def all_channels(session: Session) -> Sequence[Channel]:
    return session.exec(select_model(Channel).where(col(Channel.removed_at).is_(None)).order_by(col(Channel.id))).all()


def remove(session: Session, channel: Channel, now: datetime) -> None:
    """Nothing is sent here any more: what waits is held; what was sent stays on record."""
    pending = (DELIVERY.c.channel_id == channel.id, DELIVERY.c.state == "pending")
    held = {"state": "held", "note": "held: the channel was removed", "due_at": None, "claim": None}
    session.execute(update(DELIVERY).where(*pending).values(**held))
    channel.sqlmodel_update({"removed_at": now, "enabled": False})
    rules.bump(session)
