"""How soon a server may be asked again: what its headers and its feeds say of it. Pure.

Headers as RFC 9110 (Retry-After) and RFC 9111 (Cache-Control, Expires) have them; `ttl`, `skipHours` and `skipDays`
as RSS 2.0, `sy:updatePeriod` as the RSS 1.0 syndication module. What makes no sense says nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from wire.head import head

# Whatever a server says, it is asked once a day.
LONGEST_WAIT = 86_400.0
# Headers a later decision needs of an answer, in lower case; the others are not carried on.
HEADERS = ("retry-after", "cache-control", "expires", "date", "age", "link")

_DIGITS = re.compile(r"[0-9]{1,18}")
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,18})", re.IGNORECASE)
_NOT_KEPT = re.compile(r"(?:^|[\s,])no-(?:store|cache)(?=$|[\s,=])", re.IGNORECASE)
_PERIODS = {"hourly": 3_600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HEAD = 64 * 1024
_LONGEST_LIST = 4_000
_LAST_ENTRY = (b"</item>", b"</entry>")
_HOURS = 24
# A long weekend. What rests longer is asked in its sleep.
_LONGEST_REST = 3 * _HOURS


def retry_after(header: str, now: datetime) -> float | None:
    """Seconds to wait, from a count or a date, a day at most; None for garbage, and nothing for a moment past."""
    header = header.strip()
    if _DIGITS.fullmatch(header):
        return min(float(header), LONGEST_WAIT)
    when = _date(header)
    return min(max((when - now).total_seconds(), 0.0), LONGEST_WAIT) if when else None


def freshness(headers: Mapping[str, str]) -> float:
    """Seconds for which an answer says it stays as it is, a day at most; nothing where it says none."""
    control = headers.get("cache-control", "")
    if _NOT_KEPT.search(control):
        return 0.0
    if found := _MAX_AGE.search(control):
        return min(max(float(found[1]) - _age(headers), 0.0), LONGEST_WAIT)
    expires, asked = _date(headers.get("expires", "")), _date(headers.get("date", ""))
    return min(max((expires - asked).total_seconds(), 0.0), LONGEST_WAIT) if expires and asked else 0.0


def _age(headers: Mapping[str, str]) -> float:
    age = headers.get("age", "").strip()
    return float(age) if _DIGITS.fullmatch(age) else 0.0


def _date(written: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(written) if written else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found and found.tzinfo else None


@dataclass(frozen=True, slots=True)
class Pace:
    """What a feed says of itself: seconds between its changes, and hours (UTC) and weekdays (0 is Monday) it rests."""

    every: float = 0.0
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()

    @classmethod
    def kept(cls, values: Mapping[str, object]) -> "Pace":
        """A pace from what `asdict` made of it and JSON kept."""
        every, hours, days = values.get("every", 0.0), values.get("skip_hours", ()), values.get("skip_days", ())
        assert isinstance(every, (int, float))  # noqa: S101 -- our own writing
        assert isinstance(hours, (list, tuple))  # noqa: S101
        assert isinstance(days, (list, tuple))  # noqa: S101
        return cls(float(every), tuple(hours), tuple(days))


def pace(body: bytes) -> Pace:
    """What a feed says of its pace, wherever it stands outside of the entries."""
    before = head(body)
    last = max(body.rfind(end) for end in _LAST_ENTRY)
    after = body[last:][:_HEAD] if len(before) < len(body) and last >= 0 else b""
    around = (before[:_HEAD] + after).decode("latin-1")
    days = [_DAYS.index(day.lower()) for day in _inside(around, "skipDays", "day") if day.lower() in _DAYS]
    hours = [int(hour) % _HOURS for hour in _inside(around, "skipHours", "hour") if _DIGITS.fullmatch(hour)]
    return Pace(_every(around), tuple(sorted(set(hours))), tuple(sorted(set(days))))


def _every(around: str) -> float:
    minutes = _element(around, "ttl")
    period = _PERIODS.get(_element(around, r"\w{1,20}:updatePeriod").lower(), 0)
    times = _element(around, r"\w{1,20}:updateFrequency")
    ttl = float(minutes) * 60 if _DIGITS.fullmatch(minutes) else 0.0
    often = float(times) if _DIGITS.fullmatch(times) and float(times) else 1.0
    return min(max(ttl, period / often), LONGEST_WAIT)


def _element(around: str, name: str) -> str:
    found = re.search(rf"<{name}>([^<]{{0,60}})</", around)
    return found[1].strip() if found else ""


def _inside(around: str, outer: str, inner: str) -> list[str]:
    start = around.find(f"<{outer}>")
    inside = around[start : around.find(f"</{outer}", start)][:_LONGEST_LIST] if start >= 0 else ""
    return [word.strip() for word in re.findall(rf"<{inner}>([^<]{{1,30}})</", inside)]


def welcome(when: datetime, *, asked: datetime, fresh: float, pace: Pace, longest: float) -> datetime:
    """The first moment from `when` on at which asking again is welcome.

    `fresh` is for how many seconds the last answer said to stay as it is; neither it nor the pace holds us back for
    more than `longest` seconds. Hours of rest are waited out beyond that, for then there is nothing new.
    """
    floor = asked + timedelta(seconds=min(max(fresh, pace.every), longest))
    return awake(max(when, floor), pace)


def awake(when: datetime, pace: Pace) -> datetime:
    """The first moment from `when` on that lies in no hour or day the feed rests; `when` if that takes days."""
    moment = when
    for _ in range(_LONGEST_REST):
        if moment.hour not in pace.skip_hours and moment.weekday() not in pace.skip_days:
            return moment
        moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return when
