"""How soon a server may be asked again, by what it says: headers and elements, sane and absurd."""

from datetime import timedelta

import pytest

from tests.helpers import NOON, rss
from wire.courtesy import Pace, awake, freshness, pace, retry_after, welcome

DAY = 86_400.0
_SKIPPED = (
    "<skipHours><hour>0</hour><hour>24</hour><hour>3</hour></skipHours>"
    "<skipDays><day>Sunday</day><day>Funday</day></skipDays>"
)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0), (" 120 ", 120.0), ("0", 0.0), ("1" + "0" * 12, DAY), ("9" * 40, None), ("-5", None),
        ("Sun, 22 Nov 2026 12:10:00 GMT", 600.0), ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2099 12:10:00 GMT", DAY), ("Sunday, 22-Nov-26 12:10:00 GMT", 600.0),
        ("soon", None), ("", None), ("12.5", None), ("Sun, 99 Nov 2026 12:10:00 GMT", None), ("٣", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_and_at_most_a_day(header: str, seconds: float | None) -> None:
    assert retry_after(header, NOON) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"cache-control": "max-age=900"}, 900.0),
        ({"cache-control": "public, Max-Age=900", "age": "300"}, 600.0),
        ({"cache-control": "max-age=900", "age": "5000"}, 0.0),
        ({"cache-control": "no-cache, max-age=900"}, 0.0),
        ({"cache-control": "s-maxage=900"}, 0.0),
        ({"cache-control": "max-age=99999999999999"}, DAY),
        ({"cache-control": "max-age=soon"}, 0.0),
        ({"expires": "Sun, 22 Nov 2026 12:10:00 GMT", "date": "Sun, 22 Nov 2026 12:00:00 GMT"}, 600.0),
        ({"expires": "0", "date": "Sun, 22 Nov 2026 12:00:00 GMT"}, 0.0),
        ({"expires": "Sun, 22 Nov 2026 12:10:00 GMT"}, 0.0),
        (
            {
                "cache-control": "max-age=60",
                "expires": "Sun, 22 Nov 2026 12:10:00 GMT",
                "date": "Sun, 22 Nov 2026 12:00:00 GMT",
            },
            60.0,
        ),
    ],
)
def test_freshness_is_what_the_headers_promise(headers: dict[str, str], seconds: float) -> None:
    assert freshness(headers) == seconds


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ("", Pace()),
        ("<ttl>60</ttl>", Pace(3_600.0)),
        ("<ttl> 15 </ttl>", Pace(900.0)),
        ("<ttl>soon</ttl>", Pace()),
        ("<skipHours><hour>\u00b2</hour><hour>3</hour></skipHours>", Pace(0.0, (3,))),
        ("<ttl>99999999</ttl>", Pace(DAY)),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", Pace(1_800.0)),
        ("<sy:updatePeriod>daily</sy:updatePeriod>", Pace(DAY)),
        ("<sy:updatePeriod>fortnightly</sy:updatePeriod>", Pace()),
        (
            _SKIPPED,
            Pace(0.0, (0, 3), (6,)),
        ),
    ],
)
def test_a_feed_says_its_pace_before_or_after_its_entries(elements: str, said: Pace) -> None:
    body = rss({"title": "One", "description": "<ttl>7</ttl>"}, before=elements)
    assert pace(body) == said
    assert pace(rss({"title": "One"}).replace(b"</channel>", elements.encode() + b"</channel>")) == said


def test_an_hour_of_rest_is_waited_out() -> None:
    assert awake(NOON, Pace(skip_hours=(12, 13))) == NOON + timedelta(hours=2)
    assert awake(NOON, Pace(skip_days=(6,))) == NOON + timedelta(hours=12)
    assert awake(NOON, Pace(skip_hours=tuple(range(24)))) == NOON


def test_the_next_poll_is_when_it_is_welcome_but_no_later_than_the_longest_interval() -> None:
    soon = NOON + timedelta(minutes=1)

    def when(longest: float = 7_200.0, *, fresh: float = 0.0, pace: Pace | None = None) -> float:
        found = welcome(soon, asked=NOON, fresh=fresh, pace=pace or Pace(), longest=longest)
        return (found - NOON).total_seconds()

    assert when() == 60
    assert when(fresh=900) == 900
    assert when(fresh=900, pace=Pace(1_800)) == 1_800
    assert when(fresh=DAY) == 7_200
    assert when(pace=Pace(skip_hours=(12,))) == 3_600
    assert when(longest=10) == 60
