"""Channels: how they stand, and how their messages read."""

from datetime import datetime

from sqlmodel import Session

from desk.answers.base import Answer
from desk.shapes import ChannelFacts, for_eyes, of_channel
from storage import alerts, channels
from storage.tables import Channel
from storage.work import number
from wire import render
from wire.errors import BadInput
from wire.message import Message
from wire.samples import samples

SAMPLES = ("alert", "correction", "digest", "notice")


class ChannelLine(ChannelFacts):
    """A channel as it stands; what is secret is not shown. `dead_letters` counts deliveries that were given up."""

    id: int
    state: str
    paused_because: str
    failures: int
    resting_until: datetime | None
    has_former_secret: bool
    dead_letters: int
    created_at: datetime


class Channels(Answer):
    """All channels, by name."""

    channels: list[ChannelLine]


class Preview(Answer):
    """How a message reads on a channel."""

    subject: str
    words: str


def all_channels(session: Session) -> Channels:
    """All channels with how they stand."""
    dead = alerts.dead_letters(session)
    found = [channel_line(one, dead.get(one.id or 0, 0)) for one in channels.all_channels(session)]
    return Channels(channels=sorted(found, key=lambda one: one.name))


def channel(session: Session, which: str) -> ChannelLine:
    """A channel by its name or number. Raises NotThere."""
    row = channels.find(session, which)
    return channel_line(row, alerts.dead_letters(session).get(row.id or 0, 0))


def channel_line(row: Channel, dead_letters: int) -> ChannelLine:
    return ChannelLine(
        **for_eyes(of_channel(row).model_dump()),
        id=row.id or 0,
        state=state(row),
        paused_because=row.paused_because,
        failures=row.failures,
        resting_until=row.resting_until,
        has_former_secret=bool(row.former_secret),
        dead_letters=dead_letters,
        created_at=row.created_at,
    )


def state(channel: Channel) -> str:
    """How a channel does, in a word."""
    if channel.paused_because:
        return "paused"
    return f"failing ({channel.failures})" if channel.failures else "well"


def preview(
    session: Session, which: str, now: datetime, *, of: str = "alert", template: str | None = None, pages: str = ""
) -> Preview:
    """How a sample, or the alert of a number, reads there; with a template instead of its own. Raises BadInput."""
    row = channels.find(session, which)
    if of in SAMPLES:
        message = samples(now)[SAMPLES.index(of)]
    elif (key := number(of)) is not None:
        message = Message(0, (alerts.find(session, key),))
    else:
        raise BadInput(f"“{of}” is neither a sample ({', '.join(SAMPLES)}) nor an alert's number.")
    if template:
        render.checked_template(template, samples(now), as_json=row.kind == "webhook")
    own = row.template if template is None else template
    return Preview(subject=render.subject(message), words=render.words(message, own, pages=pages))
