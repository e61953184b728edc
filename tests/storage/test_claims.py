"""Work is taken by one conditional update: each piece by one taker, given back when its lease ends."""

import threading
from collections import Counter
from datetime import timedelta

import pytest

from storage import feeds
from storage.database import Database
from storage.feeds import DueFeed
from storage.work import new_claim
from tests.helpers import NOON, Clock
from wire.cadence import Bounds
from wire.errors import BadInput

BOUNDS = Bounds(60, 3600)
LEASE = timedelta(seconds=60)


def add_feeds(database: Database, count: int, host: str = "h{}.example.org") -> None:
    with database.writing() as session:
        for number in range(count):
            feeds.add(session, f"https://{host.format(number)}/{number}.xml", now=NOON, bounds=BOUNDS)


def claim(database: Database, clock: Clock, limit: int = 1000, token: str = "") -> list[DueFeed]:
    with database.writing() as session:
        return feeds.claim_due_feeds(session, now=clock(), lease=LEASE, limit=limit, claim=token or new_claim())


def take(database: Database, clock: Clock, token: str, ids: list[int]) -> list[int]:
    with database.writing() as session:
        return [feed.id for feed in feeds.take(session, ids, token, until=clock() + LEASE)]


def test_a_due_feed_is_claimed_once_and_again_when_its_lease_ends(database: Database, clock: Clock) -> None:
    add_feeds(database, 3)
    assert len(claim(database, clock)) == 3
    assert claim(database, clock) == []
    clock.tick(61)
    assert len(claim(database, clock)) == 3


def test_a_late_worker_finds_its_claim_gone(database: Database, clock: Clock) -> None:
    add_feeds(database, 1)
    claim(database, clock, token="first")
    clock.tick(61)
    claim(database, clock, token="second")
    assert take(database, clock, "first", [1]) == []
    assert take(database, clock, "second", [1]) == [1]


def test_a_claim_never_taken_up_is_no_loss(database: Database, clock: Clock) -> None:
    """A flushed broker must not look like a poisoned feed."""
    add_feeds(database, 1)
    for _ in range(5):
        assert [feed.losses for feed in claim(database, clock)] == [0]
        clock.tick(61)


def test_a_feed_lost_three_times_in_a_row_is_paused_with_the_reason(database: Database, clock: Clock) -> None:
    add_feeds(database, 2)
    for losses in (0, 1, 2):
        claimed = claim(database, clock, token=f"t{losses}")
        assert (1, losses) in [(feed.id, feed.losses) for feed in claimed]
        take(database, clock, f"t{losses}", [1])
        clock.tick(61)
    assert [feed.id for feed in claim(database, clock)] == [2]
    with database.reading() as session:
        feed = feeds.find(session, "1")
        assert not feed.enabled
        assert "Three polls in a row" in feed.paused_because


def test_two_schedulers_never_get_the_same_feed(database: Database, clock: Clock) -> None:
    """Real threads on real connections, each taking all it can, for several leases."""
    add_feeds(database, 200)
    taken: list[list[int]] = []
    gate = threading.Barrier(2)

    def schedule() -> None:
        gate.wait()
        for _ in range(12):
            taken.append([feed.id for feed in claim(database, clock, limit=20)])  # noqa: PERF401 -- as it comes

    threads = [threading.Thread(target=schedule) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    counts = Counter(feed for batch in taken for feed in batch)
    assert sorted(counts) == list(range(1, 201))
    assert set(counts.values()) == {1}


def test_a_poll_now_does_not_take_a_feed_from_its_poller(database: Database, clock: Clock) -> None:
    add_feeds(database, 1)
    claim(database, clock)
    with database.writing() as session:
        feeds.poll_now(feeds.find(session, "1"), clock())
    assert claim(database, clock) == []


def test_paused_and_removed_feeds_are_not_due(database: Database, clock: Clock) -> None:
    add_feeds(database, 3)
    with database.writing() as session:
        feeds.pause(feeds.find(session, "1"), "by hand")
        feeds.remove(feeds.find(session, "2"), clock())
    assert [feed.id for feed in claim(database, clock)] == [3]
    clock.tick(61)
    with database.writing() as session:
        feeds.resume(feeds.find(session, "1"), clock())
    assert sorted(feed.id for feed in claim(database, clock)) == [1, 3]


def test_a_removed_feed_comes_back_as_itself(database: Database) -> None:
    add_feeds(database, 1, host="example.org")
    with database.writing() as session:
        feeds.remove(feeds.find(session, "1"), NOON)
    with database.writing() as session, pytest.raises(BadInput, match="No feed"):
        feeds.find(session, "1")
    add_feeds(database, 1, host="example.org")
    with database.writing() as session:
        assert feeds.find(session, "https://example.org/0.xml").id == 1
        with pytest.raises(BadInput, match="already, as number 1"):
            feeds.add(session, "https://example.org/0.xml", now=NOON, bounds=BOUNDS)


def test_a_feed_is_found_by_number_address_or_letters(database: Database) -> None:
    add_feeds(database, 2)
    with database.reading() as session:
        assert feeds.find(session, "2").id == 2
        assert feeds.find(session, "https://h0.example.org/0.xml").id == 1
        assert feeds.find(session, "h1").id == 2
        with pytest.raises(BadInput, match="2 feeds fit"):
            feeds.find(session, "example")
        with pytest.raises(BadInput, match="No feed is"):
            feeds.find(session, "%")
