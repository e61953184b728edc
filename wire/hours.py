"""When people want to be told: quiet hours, digests at local times, budgets. As people write them, read here. Pure.

Times are those of a zone of the tz database. One that the clocks skip is taken when the same time since midnight has
gone by; one that comes twice, at its first coming.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wire.cadence import parse_duration
from wire.errors import BadInput

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_QUIET = re.compile(r"(\d{1,2}:\d{2})\s*[-\u2013]\s*(\d{1,2}:\d{2})")
_DAILY = re.compile(r"daily\s+(?:at\s+)?(\d{1,2}:\d{2})")
_DAY = "mon(?:day)?|tue(?:sday)?|wed(?:nesday)?|thu(?:rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?"
_WEEKLY = re.compile(rf"weekly\s+(?:on\s+)?({_DAY})\s+(?:at\s+)?(\d{{1,2}}:\d{{2}})")
_BUDGET = re.compile(r"(\d{1,6})\s*/\s*(\d{0,3}\s*(?:m|h|d))")
_WEEK = 7


def zone(name: str) -> tzinfo:
    """A time zone by its name in the tz database. Raises BadInput."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(f"“{name}” is no time zone. Write one like Europe/Kyiv, Asia/Dubai or UTC.") from error


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the day in which nothing is told, over midnight if the end comes first."""

    begin: time
    end: time

    def until(self, now: datetime, where: tzinfo) -> datetime | None:
        """When the quiet hours that hold this moment end; None outside of them."""
        local = now.astimezone(where)
        clock = local.time().replace(fold=0)
        over_midnight = self.begin > self.end
        if over_midnight:
            if self.end <= clock < self.begin:
                return None
        elif not self.begin <= clock < self.end:
            return None
        day = local.date() + timedelta(days=1 if over_midnight and clock >= self.begin else 0)
        end = datetime.combine(day, self.end, where)
        first = end.astimezone(UTC)
        return first if first > now else end.replace(fold=1).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Digest:
    """When a digest is told: at each full hour, or at a time of each day, or of one day of the week (Monday is 0)."""

    at: time | None = None
    weekday: int | None = None

    def next(self, now: datetime, where: tzinfo) -> datetime:
        """The first time after now."""
        local = now.astimezone(where)
        if self.at is None:
            return (local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)) + timedelta(hours=1)
        for days in range(_WEEK + 1):
            day = local.date() + timedelta(days=days)
            when = datetime.combine(day, self.at, where).astimezone(UTC)
            if when > now and self.weekday in (None, day.weekday()):
                return when
        raise AssertionError("a week has all its days")


@dataclass(frozen=True, slots=True)
class Budget:
    """At most so many messages within any such time."""

    most: int
    within: timedelta


def quiet_hours(written: str) -> Quiet | None:
    """`22:00-07:00`; nothing for no quiet hours. Raises BadInput."""
    if not written.strip():
        return None
    found = _QUIET.fullmatch(written.strip())
    begin, end = (_time(found[1]), _time(found[2])) if found else (None, None)
    if begin is None or end is None or begin == end:
        raise BadInput(f"“{written}” are no quiet hours. Write them like 22:00-07:00.")
    return Quiet(begin, end)


def digest(written: str) -> Digest | None:
    """`hourly`, `daily 07:30`, `weekly mon 07:30`; nothing for at once. Raises BadInput."""
    said = " ".join(written.lower().split())
    if said in ("", "at once"):
        return None
    if said == "hourly":
        return Digest()
    daily, weekly = _DAILY.fullmatch(said), _WEEKLY.fullmatch(said)
    at = _time(daily[1]) if daily else _time(weekly[2]) if weekly else None
    if at is None:
        raise BadInput(f"“{written}” is no time for a digest. Write hourly, daily 07:30 or weekly mon 07:30.")
    return Digest(at, _DAYS.index(weekly[1][:3]) if weekly else None)


def budget(written: str) -> Budget | None:
    """`20/h`, `5/10m`, `100/d`; nothing for no budget. Raises BadInput."""
    if not written.strip():
        return None
    found = _BUDGET.fullmatch(written.strip().lower())
    number = found[2].replace(" ", "") if found else ""
    within = parse_duration(number if number[:1].isdigit() else f"1{number}") if found else timedelta(0)
    if not found or int(found[1]) < 1 or within <= timedelta(0):
        raise BadInput(f"“{written}” is no budget. Write how many messages in which time, like 20/h or 5/10m.")
    return Budget(int(found[1]), within)


def _time(written: str) -> time | None:
    hour, _, minute = written.partition(":")
    return time(int(hour), int(minute)) if int(hour) < 24 and int(minute) < 60 else None  # noqa: PLR2004 -- a clock's
