"""Quiet hours, digests and budgets: as people write them, and over the days when clocks are changed."""

from datetime import UTC, datetime, timedelta

import pytest

from wire import hours
from wire.errors import BadInput

# Clocks in Berlin: forward at 01:00 UTC on 29 March 2026 (02:00 becomes 03:00), back at 01:00 UTC on 25 October.
BERLIN = hours.zone("Europe/Berlin")


def at(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        ("22:00-07:00", "2026-11-22T20:59:59", None),  # 21:59:59 in Berlin
        ("22:00-07:00", "2026-11-22T21:00:00", "2026-11-23T06:00:00"),
        ("22:00-07:00", "2026-11-23T05:59:59", "2026-11-23T06:00:00"),
        ("22:00-07:00", "2026-11-23T06:00:00", None),
        ("12:00-13:00", "2026-11-22T11:30:00", "2026-11-22T12:00:00"),
        ("12:00-13:00", "2026-11-22T12:00:00", None),
        # The night before clocks go forward is an hour shorter, the one before they go back an hour longer.
        ("22:00-07:00", "2026-03-28T21:00:00", "2026-03-29T05:00:00"),
        ("22:00-07:00", "2026-10-24T20:00:00", "2026-10-25T06:00:00"),
        ("22:00-07:00", "2026-10-25T01:30:00", "2026-10-25T06:00:00"),
        # An end that the clocks skip, and one that comes twice.
        ("22:00-02:30", "2026-03-28T22:00:00", "2026-03-29T01:30:00"),
        ("22:00-02:30", "2026-10-25T00:10:00", "2026-10-25T00:30:00"),
        ("22:00-02:30", "2026-10-25T01:10:00", "2026-10-25T01:30:00"),
    ],
)
def test_quiet_hours_end_at_their_local_time(quiet: str, now: str, until: str | None) -> None:
    read = hours.quiet_hours(quiet)
    assert read
    assert read.until(at(now), BERLIN) == (until and at(until))


@pytest.mark.parametrize(
    ("digest", "now", "told"),
    [
        ("hourly", "2026-11-22T12:00:00", "2026-11-22T13:00:00"),
        ("hourly", "2026-11-22T12:59:59", "2026-11-22T13:00:00"),
        ("daily 07:30", "2026-11-22T06:29:59", "2026-11-22T06:30:00"),
        ("daily 07:30", "2026-11-22T06:30:00", "2026-11-23T06:30:00"),
        ("Daily at 7:30", "2026-11-22T06:30:00", "2026-11-23T06:30:00"),
        ("weekly mon 07:30", "2026-11-22T12:00:00", "2026-11-23T06:30:00"),  # a Sunday
        ("weekly on Monday 07:30", "2026-11-23T06:30:00", "2026-11-30T06:30:00"),
        ("daily 07:30", "2026-03-28T12:00:00", "2026-03-29T05:30:00"),
        ("daily 07:30", "2026-10-24T12:00:00", "2026-10-25T06:30:00"),
        ("daily 02:30", "2026-03-28T12:00:00", "2026-03-29T01:30:00"),  # skipped: an hour later by the clock
        ("daily 02:30", "2026-10-24T12:00:00", "2026-10-25T00:30:00"),  # comes twice: at its first coming
        ("daily 02:30", "2026-10-25T00:30:00", "2026-10-26T01:30:00"),  # and not at its second
    ],
)
def test_a_digest_is_told_at_its_local_time(digest: str, now: str, told: str) -> None:
    read = hours.digest(digest)
    assert read
    assert read.next(at(now), BERLIN) == at(told)


def test_full_hours_are_those_of_the_zone() -> None:
    read = hours.digest("hourly")
    assert read
    assert read.next(at("2026-11-22T12:10:00"), hours.zone("Asia/Kolkata")) == at("2026-11-22T12:30:00")


@pytest.mark.parametrize(
    ("written", "most", "within"),
    [("20/h", 20, timedelta(hours=1)), ("5/10m", 5, timedelta(minutes=10)), (" 100 / 2d ", 100, timedelta(days=2))],
)
def test_a_budget_is_so_many_in_a_time(written: str, most: int, within: timedelta) -> None:
    assert hours.budget(written) == hours.Budget(most, within)


def test_nothing_written_is_nothing_wanted() -> None:
    assert (hours.quiet_hours(""), hours.digest(""), hours.digest("at once"), hours.budget(" ")) == (None,) * 4


@pytest.mark.parametrize(
    ("read", "written", "says"),
    [
        (hours.quiet_hours, "22-7", "Write them like 22:00-07:00"),
        (hours.quiet_hours, "25:00-07:00", "Write them like"),
        (hours.quiet_hours, "07:00-07:00", "Write them like"),
        (hours.digest, "sometimes", "Write hourly, daily 07:30 or weekly mon 07:30"),
        (hours.digest, "daily", "Write hourly"),
        (hours.digest, "weekly 07:30", "Write hourly"),
        (hours.digest, "daily 24:00", "Write hourly"),
        (hours.budget, "many", "like 20/h or 5/10m"),
        (hours.budget, "0/h", "like 20/h"),
        (hours.budget, "5/0m", "like 20/h"),
        (hours.zone, "Mars/Base", "Write one like Europe/Kyiv"),
        (hours.zone, "../etc/passwd", "Write one like"),
        (hours.zone, "", "Write one like"),
    ],
)
def test_what_cannot_be_read_is_refused_with_an_example(read: object, written: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read(written)  # type: ignore[operator]
