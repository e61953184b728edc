"""What is done to channels."""

from collections.abc import Mapping
from typing import Any

from desk.hand import Hand
from desk.shapes import ChannelFacts, of_channel
from storage import channels
from storage.channels import Terms
from storage.tables import Channel
from wire.errors import BadInput


def add(hand: Hand, facts: ChannelFacts) -> Channel:
    """A new place where alerts go. Raises BadInput."""
    given = {name: getattr(facts, name) for name in Terms.__slots__ if name != "target"}
    channel = channels.add(hand.session, facts.name, facts.kind, facts.target, now=hand.now, terms=Terms(**given))
    if facts.paused:
        channels.pause(hand.session, channel, hand.now)
    hand.note("added", f"channel {channel.name}", after=of_channel(channel))
    return channel


def change(hand: Hand, channel: Channel, given: Mapping[str, Any], *, forget_former: bool = False) -> None:
    """Changes what is given, by the names of ChannelFacts; what it is called and its kind stay. Raises BadInput."""
    before = of_channel(channel)
    ChannelFacts.read({**before.model_dump(), **given})
    for name in ("name", "kind"):
        if given.get(name, getattr(channel, name)) != getattr(channel, name):
            raise BadInput(f"A channel's {name} stays. Add another channel, and remove this one.")
    terms = Terms(**{name: given[name] for name in Terms.__slots__ if name in given})
    channels.change(hand.session, channel, terms, hand.now)
    if forget_former and channel.former_secret:
        channels.forget_former_secret(channel)
        hand.note("forgot the former secret of", f"channel {channel.name}")
    hand.note("changed", f"channel {channel.name}", before, of_channel(channel))
    # One that was paused for its failures is not declared so, and is resumed all the same when that is asked for.
    if given.get("paused") and not before.paused:
        pause(hand, channel)
    elif given.get("paused") is False and channel.paused_because:
        resume(hand, channel)


def pause(hand: Hand, channel: Channel) -> None:
    """Holds what it is to be told until it is resumed."""
    channels.pause(hand.session, channel, hand.now)
    hand.note("paused", f"channel {channel.name}")


def resume(hand: Hand, channel: Channel) -> None:
    """Tells it again, first what it missed."""
    channels.resume(hand.session, channel, hand.now)
    hand.note("resumed", f"channel {channel.name}")


def remove(hand: Hand, channel: Channel) -> None:
    """Sends nothing there any more."""
    hand.note("removed", f"channel {channel.name}", before=of_channel(channel))
    channels.remove(hand.session, channel, hand.now)
