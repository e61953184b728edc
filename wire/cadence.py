"""When to look again: the next poll of a feed, and the next try of a delivery. Pure; the dice are handed in."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

# A uniform draw from [0, 1): `random.random` in life, a constant in a test.
Dice = Callable[[], float]

# Failures push a feed back one interval at a time. With long intervals a doubling would be extreme (a day after
# five failures); a straight line reaches a dead feed's slowest pace in an hour or two and forgives a short outage.
_MOST_FAILURES = 12
# Peers that were created together must not be asked together for ever.
_JITTER = 0.1
# How far one poll may change the interval. A burst must be met at once; a lull can be believed sooner than a draw of
# luck, which is what changes of less than `_LUCK` mostly are: of those a quarter (as an exponent) is believed.
_QUICKEN, _SLOW = 0.5, 2.0
_LUCK, _BELIEVED = 1.4, 0.25
# So many new entries as came may come again, and three deviations more (news come about as Poisson's law has it),
# and three for good measure.
_DEVIATIONS, _SPARE = 3.0, 3
# Polls share a third of their entries at least, and where the window allows it not more than two thirds.
_LEAST_ROOM, _MOST_ROOM = 1.5, 3.0
_ANY_WINDOW = 30


@dataclass(frozen=True, slots=True)
class Bounds:
    """The shortest and the longest time between two polls of a feed, in seconds."""

    shortest: float
    longest: float

    def within(self, interval: float) -> float:
        return min(max(interval, self.shortest), self.longest)


_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,12}(?:\.\d+)?)\s*(ms|s|m|h|d|)")
# Nothing here waits longer, and dates end in the year 9999.
_LONGEST = timedelta(days=3650)


def parse_duration(written: str) -> timedelta:
    """`30s`, `15m`, `48h`, `7d`; a bare number counts seconds. Raises ValueError saying how to write it."""
    found = _DURATION.fullmatch(written.strip())
    seconds = float(found[1]) * _UNITS[found[2] or "s"] if found else 0.0
    if not found or seconds > _LONGEST.total_seconds():
        raise ValueError("write a time like 30s, 15m, 48h or 7d, of ten years at most")
    return timedelta(seconds=seconds)


def written_duration(seconds: float) -> str:
    """A time as parse_duration reads it: in the largest unit that it is a whole number of."""
    whole = next((unit for unit in ("d", "h", "m") if seconds and seconds % _UNITS[unit] == 0), "s")
    return f"{seconds / _UNITS[whole]:.12g}{whole}"


def steer(interval: float, bounds: Bounds, *, shared: float | None, window: int = _ANY_WINDOW) -> float:
    """The interval, in seconds, that lets the feed's window hold what may come before the next poll.

    `shared` is the part of this poll's entries that the last one had, from 0 to 1; None when there was no last.
    `window` is how many entries the feed holds. After a gap (nothing shared) the interval is halved. It settles where
    polls share a third to two thirds of their entries.
    """
    if shared is None:
        return bounds.within(interval)
    if shared <= 0:
        return bounds.within(interval * _QUICKEN)
    fits = max(window, 1) / _room((1 - shared) * window)
    if 1 / _LUCK <= fits <= _LUCK:
        fits **= _BELIEVED
    return bounds.within(interval * min(max(fits, _QUICKEN), _SLOW))


def _room(new: float) -> float:
    """How many entries a window must hold for `new` to come again without loss."""
    wanted = new + _DEVIATIONS * math.sqrt(new) + _SPARE
    return min(max(wanted, _LEAST_ROOM * new), max(_MOST_ROOM * new, 1.0))


def next_poll(interval: float, dice: Dice) -> float:
    """Seconds until the next poll, a tenth earlier or later by chance."""
    return interval * (1 + _JITTER * (2 * dice() - 1))


def after_failure(interval: float, failures: int, bounds: Bounds, dice: Dice) -> float:
    """Seconds until the next try after that many failures in a row."""
    return next_poll(bounds.within(interval * min(failures + 1, _MOST_FAILURES)), dice)


# Seconds before the 2nd, 3rd… try of a delivery: soon enough for a hiccup, long enough for a weekend's outage.
_TRIES_AFTER = (10.0, 60.0, 300.0, 1_800.0, 7_200.0, 21_600.0, 43_200.0)


def next_try(attempts: int, dice: Dice) -> float | None:
    """Seconds until a delivery that failed `attempts` times is tried again; None when it is given up."""
    if attempts > len(_TRIES_AFTER):
        return None
    return next_poll(_TRIES_AFTER[attempts - 1], dice)
