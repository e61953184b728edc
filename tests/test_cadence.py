"""Three virtual days of a wire: nothing is lost, hardly a poll is wasted, and what was overrun is told."""

import math
import random
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from storage import polls
from tests.helpers import item, rss
from tests.world import World
from wire import cadence
from wire.cadence import Bounds

DAYS, DAY = 3, 86_400.0
BOUNDS = Bounds(60, 3_600)
WINDOW = 50


@dataclass
class Feed:
    """When a feed's stories came, in seconds, ascending; it shows the latest `window` of them."""

    arrivals: list[float]
    window: int = WINDOW

    def shown(self, at: float) -> range:
        """The stories in the feed then, by number."""
        newest = bisect_right(self.arrivals, at)
        return range(max(0, newest - self.window), newest)


def wire(dice: random.Random, regular: int, count: int = 60) -> list[Feed]:
    """The busiest brings a whole window every four minutes at its peak, the others after Zipf.

    The times between stories are `regular` (the shape of a gamma distribution; 1 is Poisson's), and nights are calmer.
    """
    return [Feed(arrivals(dice, WINDOW / 240 / rank, regular)) for rank in range(1, count + 1)]


def arrivals(dice: random.Random, peak: float, regular: int) -> list[float]:
    found, now = [], 0.0
    while now < DAYS * DAY:
        rate = peak * (0.75 + 0.25 * math.cos(2 * math.pi * now / DAY))
        now += dice.gammavariate(regular, 1 / (rate * regular))
        found.append(now)
    return found


class Watched(NamedTuple):
    """Polls made, stories lost, gaps told."""

    polls: int
    lost: int
    gaps: int


def watch(feed: Feed, dice: random.Random) -> Watched:
    """What comes of polling a feed as it is steered."""
    now, interval, polls, lost, gaps = 0.0, BOUNDS.shortest, 0, 0, 0
    last: range | None = None
    while now < DAYS * DAY:
        shown = feed.shown(now)
        polls += 1
        shared = None
        if last is not None and len(last) and len(shown):
            lost += max(0, shown.start - last.stop)
            gaps += shown.start >= last.stop
            shared = max(0, last.stop - shown.start) / len(shown)
        interval = cadence.steer(interval, BOUNDS, shared=shared, window=len(shown))
        last = shown if len(shown) else last
        now += cadence.next_poll(interval, dice.random)
    return Watched(polls, lost, gaps)


def fewest(feed: Feed) -> int:
    """The polls of one who knows the future: each just before a story would be lost, or as late as is allowed."""
    now, polls = 0.0, 1
    while True:
        unseen = bisect_right(feed.arrivals, now)
        overrun = unseen + feed.window
        now = min(now + BOUNDS.longest, feed.arrivals[overrun] if overrun < len(feed.arrivals) else math.inf)
        if now >= DAYS * DAY:
            return polls
        polls += 1


def three_days(seed: int, regular: int) -> tuple[float, Watched, int]:
    """Polls over the fewest possible, all that was watched, and how many stories there were."""
    dice = random.Random(seed)
    feeds = wire(dice, regular)
    watched = [watch(feed, dice) for feed in feeds]
    total = Watched(*map(sum, zip(*watched, strict=True)))
    return total.polls / sum(map(fewest, feeds)), total, sum(len(feed.arrivals) for feed in feeds)


@pytest.mark.parametrize("seed", range(3))
def test_three_days_lose_nothing_at_no_more_than_half_again_the_fewest_polls(
    seed: int, tell: Callable[[str], None]
) -> None:
    ratio, watched, stories = three_days(seed, regular=10)
    tell(f"three days of a wire: {stories} stories, {watched.polls} polls, {ratio:.2f} times the fewest possible")
    assert watched.lost == 0
    assert ratio <= 1.5


def test_where_stories_come_by_pure_chance_hardly_any_is_lost_and_each_loss_is_a_gap(
    tell: Callable[[str], None],
) -> None:
    ratio, watched, stories = three_days(0, regular=1)
    tell(f"the same by pure chance: {watched.lost} of {stories} lost in {watched.gaps} gaps, {ratio:.2f} times")
    assert watched.lost < stories / 400
    assert 0 < watched.gaps <= watched.lost


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_each_time_a_window_is_overrun_a_gap_is_recorded_and_the_interval_halved(world: World) -> None:
    world.feed("/a.xml", *map(item, range(1_110_000_000, 1_110_000_010)))
    world.run()
    gaps = []
    for turn in range(1, 13):
        missed = turn % 3 == 0
        first = 1_110_000_000 + turn * (7 if not missed else 0) + 1_000 * (turn // 3)
        world.server.pages["/a.xml"] = rss(*map(item, range(first, first + 10)))
        before = world.the_feed().interval
        world.run(4000)
        with world.database.reading() as session:
            gaps.append(polls.polls_of(session, 1, 1)[0].gap)
        if missed:
            assert world.the_feed().interval == max(before / 2, 60)
    assert gaps == [turn % 3 in (0, 1) if turn > 1 else False for turn in range(1, 13)]
