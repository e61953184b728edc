"""What is forgotten, and what never is."""

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from storage import canaries, channels, feeds, items, notices, retention, search, sketches
from storage.database import Database
from storage.items import NewStory
from storage.polls import record_polls
from storage.retention import BATCH, forgetting
from tests.helpers import NOON, item, rss
from tests.world import World
from wire import keeping
from wire.cadence import Bounds
from wire.query import parse
from wire.sketch import sketch
from wire.story import Identity, Story

DAY = timedelta(days=1)
FIRST = 1110448134


def forget(database: Database, written: str, *, days: int) -> int:
    """Forgets all there is to forget so many days later; in how many batches."""
    batches = 0
    for one in forgetting(keeping.parse(written)):
        more = True
        while more:
            with database.writing() as session:
                more = one(session, NOON + days * DAY)
            batches += 1
    return batches


def count(database: Database, table: str) -> int:
    with database.reading() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def told(world: World) -> None:
    """Two stories, of which one raised an alert, and both are gone from their feed; and one that it still shows."""
    world.rule("Fastiv")
    world.feed("/a.xml", item(FIRST), item(FIRST + 1, "Fastiv"))
    world.run()
    world.server.pages["/a.xml"] = rss(item(FIRST + 2))
    world.run(4000)
    assert len(world.items()) == 3


def left(world: World) -> set[str]:
    """Which of the three are there."""
    return {str(int(one.story_id) - FIRST + 1) for one in world.items()}


def test_by_default_stories_and_alerts_stay_for_ever(world: World) -> None:
    told(world)
    forget(world.database, "", days=10_000)
    assert left(world) == {"1", "2", "3"}
    assert count(world.database, "alert") == 1
    assert count(world.database, "poll") == 0


def test_old_stories_go_with_all_that_hangs_on_them_but_not_those_with_alerts_or_in_a_feed(world: World) -> None:
    told(world)
    forget(world.database, "items 10d", days=9)
    assert left(world) == {"1", "2", "3"}
    forget(world.database, "items 10d", days=11)
    assert left(world) == {"2", "3"}
    assert count(world.database, "sighting") == 2
    with world.database.reading() as session:
        assert len(search.portion(session, parse("story OR Fastiv"), below=10**9, most=9) or []) == 2
    world.run(11 * 86_400)
    assert left(world) == {"2", "3"}, "what a feed still shows is not news once more"


def test_alerts_that_wait_for_a_paused_channel_stay(world: World) -> None:
    world.rule("Fastiv")
    world.feed("/a.xml", item(FIRST))
    world.run()
    with world.database.writing() as session:
        channels.pause(session, channels.find(session, "1"), world.clock())
    world.server.pages["/a.xml"] = rss(item(FIRST + 1, "Fastiv"))
    world.run(4000)
    forget(world.database, "alerts 7d", days=20)
    with world.database.writing() as session:
        channels.resume(session, channels.find(session, "1"), world.clock())
    world.run(1)
    assert [told["story"]["title"] for told in world.hooks()] == ["Fastiv"]
    forget(world.database, "alerts 7d", days=20)
    assert count(world.database, "alert") == 0


def test_alerts_go_when_it_is_said_and_their_stories_after_them(world: World) -> None:
    told(world)
    assert count(world.database, "delivery") == 1
    forget(world.database, "alerts 20d, items 10d", days=21)
    assert left(world) == {"3"}
    assert {name: count(world.database, name) for name in ("alert", "delivery", "delivery_event")} == {
        "alert": 0,
        "delivery": 0,
        "delivery_event": 0,
    }


def test_an_alert_that_waits_to_be_told_stays(world: World) -> None:
    del world.server.pages["/hook"]
    world.rule("Fastiv")
    world.feed("/a.xml")
    world.run()
    world.server.pages["/a.xml"] = rss(item(FIRST + 1, "Fastiv"))
    world.run(4000)
    with world.database.writing() as session:
        session.execute(text("UPDATE delivery SET state = 'pending', due_at = created_at"))
    forget(world.database, "alerts 20d, items 10d", days=21)
    assert count(world.database, "alert") == 1


def test_much_is_forgotten_in_many_short_transactions(database: Database) -> None:
    stories = [NewStory(Story(Identity(f"menafn:{n}"), f"Storm {n}", "words")) for n in range(BATCH + 5)]
    line = {"at": NOON, "took": 0.1, "outcome": "read", "status": 200, "bytes": 1, "entries": 1, "new": 0}
    more = {"revised": 0, "gap": False, "error": "", "note": ""}
    with database.writing() as session:
        feed = _feed(session)
        items.keep(session, stories, now=NOON)
        record_polls(session, [{"feed_id": feed, **line, **more}] * (8 * BATCH + 1))
    batches = forget(database, "items 10d", days=40)
    assert count(database, "item") == count(database, "poll") == count(database, "item_search") == 0
    assert batches >= 2 + 3 + 3


def _feed(session: Session) -> int:
    return feeds.add(session, "http://127.0.0.1/a.xml", now=NOON, bounds=Bounds(60, 3600)).id or 0


def test_sketches_are_forgotten_with_their_numbers(database: Database) -> None:
    words = "The harbour of the northern town was closed on Monday after a storm broke two of its cranes. " * 4
    with database.writing() as session:
        kept = items.keep(session, [NewStory(Story(Identity("menafn:1"), "Storm", words))], now=NOON)
        sketches.cluster(session, {kept["menafn:1"]: sketch("Storm", words)}, NOON)
    forget(database, "", days=1)
    assert count(database, "sketch") == 1
    forget(database, "", days=30)
    assert count(database, "sketch") == count(database, "shingle") == 0


def test_notices_that_are_over_go_and_those_that_stand_stay(database: Database) -> None:
    with database.writing() as session:
        notices.tell(session, "disk", "The disk is full.", [], now=NOON)
        notices.tell(session, "canary", "It did not come out.", [], now=NOON, is_over=True)
    forget(database, "notices 30d", days=31)
    assert count(database, "notice") == 1


def test_a_canary_is_forgotten_with_its_story_and_all_that_was_told_of_it(world: World) -> None:
    told(world)
    with world.database.writing() as session:
        canaries.let_in(session, world.clock())
    for _ in range(3):
        world.run(4)
    before = {table: count(world.database, table) for table in ("item", "alert", "delivery", "sighting", "canary")}
    assert before == {"item": 4, "alert": 2, "delivery": 2, "sighting": 4, "canary": 1}
    forget(world.database, "", days=2)
    after = {table: count(world.database, table) for table in before}
    assert after == {"item": 3, "alert": 1, "delivery": 1, "sighting": 3, "canary": 1}
    forget(world.database, "", days=32)
    assert count(world.database, "canary") == 0


def test_a_scheduler_forgets_a_batch_a_round(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "_POLLS_TIMES", 1)
    world.feed("/a.xml")
    for _ in range(7):
        world.run(4000)
    assert count(world.database, "poll") == 7
    world.run(40 * 86_400)
    left = [count(world.database, "poll")]
    for _ in range(8):
        world.run(1)
        left.append(count(world.database, "poll"))
    assert left[-1] == 1
    assert all(before - after <= 2 for before, after in itertools.pairwise(left))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("stories 3d", "“stories” is none of items"),
        ("items", "write a time like"),
        ("items 3d", "seven days at least"),
        ("items 30 days", "write a time like"),
    ],
)
def test_what_is_not_understood_is_said(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        keeping.parse(written)


def test_what_is_said_is_kept_and_the_rest_stays_as_it_was() -> None:
    assert keeping.parse("items 730d, polls ever") == {**keeping.DEFAULTS, "items": 730 * DAY, "polls": None}
