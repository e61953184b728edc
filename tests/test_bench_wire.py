"""The wire that is measured against tells the truth, and the same each time."""

from bench.wire import Switches, Wire
from wire.entries import parse
from wire.identity import identify_all


def identities(wire: Wire) -> list[str]:
    return [
        one.key
        for feed in wire.feeds
        for one in identify_all(parse(feed.body, content_type="application/rss+xml; charset=utf-8").entries, "1")
    ]


def test_two_wires_of_one_seed_tell_the_same() -> None:
    one, other = Wire(6), Wire(6)
    assert one.publish(0.5) == other.publish(0.5)
    assert [feed.body for feed in one.feeds] == [feed.body for feed in other.feeds]
    assert [feed.body for feed in Wire(6, seed=8).feeds] != [feed.body for feed in one.feeds]


def test_its_feeds_hold_its_truth_and_some_stories_twice() -> None:
    wire = Wire(6)
    told = identities(wire)
    assert set(told) == {f"menafn:{number}" for number in wire.truth}
    assert len(told) > len(set(told))
    assert all(25 <= len(feed.entries) <= 50 for feed in wire.feeds)


def test_a_flagged_story_stands_on_top_and_a_clock_changes_the_body_alone() -> None:
    wire = Wire(3)
    (number,) = wire.publish(0.1, most=1, flag="zebrafish")
    (feed,) = [feed for feed in wire.feeds if feed.entries[0][0] == number]
    assert b"<title>zebrafish " in feed.entries[0][1]
    assert feed.document("later") != feed.body
    assert wire.switches == Switches()
