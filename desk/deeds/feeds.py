"""What is done to feeds."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from desk.hand import Hand
from desk.shapes import FeedFacts, of_feed
from desk.times import duration
from storage import feeds
from storage.tables import Feed
from wire import opml
from wire.address import basic_login, checked, header, shown, split_login
from wire.cadence import Bounds
from wire.errors import BadInput

_LONGEST_INTERVAL = 7 * 86400


def add(hand: Hand, facts: FeedFacts, usual: Bounds) -> Feed:
    """Watches an address; without times of its own it is polled within the `usual` bounds. Raises BadInput."""
    address, login = split_login(checked(facts.url))
    feed = feeds.add(
        hand.session,
        address,
        now=hand.now,
        bounds=bounds(usual, facts.min_interval, facts.max_interval),
        full_text=facts.full_text,
        title=facts.title,
        headers=headers(facts.headers, login),
    )
    if facts.paused:
        feeds.pause(feed, feeds.PAUSED_BY_HAND)
    hand.note("added", f"feed {feed.url}", after=of_feed(feed))
    return feed


def change(hand: Hand, feed: Feed, given: Mapping[str, Any]) -> None:
    """Changes what is given, by the names of FeedFacts; its address stays. Raises BadInput."""
    before = of_feed(feed)
    FeedFacts.read({**before.model_dump(), **given})
    if "url" in given and given["url"] != feed.url:
        raise BadInput("A feed's address is what it is known by. Add the new address, and remove this one.")
    within = bounds(
        Bounds(feed.min_interval, feed.max_interval), given.get("min_interval", ""), given.get("max_interval", "")
    )
    own = headers(given["headers"], "") if "headers" in given else dict(feed.headers)
    feeds.change(feed, bounds=within, headers=own, title=given.get("title"), full_text=given.get("full_text"))
    feeds.poll_now(feed, hand.now)
    hand.note("changed", f"feed {feed.url}", before, of_feed(feed))
    if given.get("paused") is not None:
        _set_paused(hand, feed, paused=given["paused"])


def _set_paused(hand: Hand, feed: Feed, *, paused: bool) -> None:
    if feeds.is_paused_by_hand(feed) if paused else feed.enabled:
        return
    if paused:
        feeds.pause(feed, feeds.PAUSED_BY_HAND)
    else:
        feeds.resume(feed, hand.now)
    hand.note("paused" if paused else "resumed", f"feed {feed.url}")


def pause(hand: Hand, feed: Feed) -> None:
    """Stops polling it until it is resumed."""
    _set_paused(hand, feed, paused=True)


def resume(hand: Hand, feed: Feed) -> None:
    """Polls it again, at once."""
    _set_paused(hand, feed, paused=False)


def poll(hand: Hand, feed: Feed) -> None:
    """Makes it due now."""
    feeds.poll_now(feed, hand.now)
    hand.note("made due", f"feed {feed.url}")


def remove(hand: Hand, feed: Feed) -> None:
    """Watches it no more; its stories stay."""
    feeds.remove(feed, hand.now)
    hand.note("removed", f"feed {feed.url}", before=of_feed(feed))


class Imported(NamedTuple):
    """What an OPML file brought: feeds that are new, how many were known, addresses that are none."""

    added: int
    known: int
    bad: list[str]


def import_opml(hand: Hand, document: bytes, usual: Bounds, *, full_text: bool = False) -> Imported:
    """Watches all feeds of an OPML file; those that are watched already stay as they are. Raises BadInput."""
    offered, bad = opml.read(document)
    there = {feed.url for feed in feeds.watched(hand.session)}
    new = {key: one for one in reversed(offered) if (key := address(one.url)) not in there}
    added = 0
    for one in reversed(new.values()):
        try:
            add(hand, FeedFacts.read({"url": one.url, "title": one.title, "full_text": full_text}), usual)
        except BadInput:  # half a login, say: the others are good all the same
            bad.append(shown(one.url))
        else:
            added += 1
    return Imported(added, len(offered) - len(new), bad)


def bounds(there: Bounds, min_interval: str, max_interval: str) -> Bounds:
    """The bounds that were given, as 30s or 2h; what is empty stays as it is there. Raises BadInput."""
    shortest = duration(min_interval).total_seconds() if min_interval else there.shortest
    longest = duration(max_interval).total_seconds() if max_interval else max(there.longest, shortest)
    if not (1 <= shortest <= _LONGEST_INTERVAL and 1 <= longest <= _LONGEST_INTERVAL):
        raise BadInput("Polls are between a second and a week apart.")
    if shortest > longest:
        raise BadInput("The longest time between two polls must not be shorter than the shortest.")
    return Bounds(shortest, longest)


def address(url: str) -> str:
    """An address as its feed is known by: tidied, without its login. Raises BadInput."""
    return split_login(checked(url))[0]


def headers(given: Mapping[str, str], login: str) -> dict[str, str]:
    """A feed's own headers, with a user:password among them if there is one. Raises BadInput."""
    named = [header(f"{name}: {value}") for name, value in given.items()]
    return dict([*named, *([basic_login(login)] if login else [])])
