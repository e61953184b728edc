"""No flood: what is told when, over virtual time, as tables. One real worker, a real receiver, our own clock."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage import alerts, channels, feeds, raising, rules
from storage.channels import Terms
from storage.rules import Terms as RuleTerms
from storage.tables import Item
from tests.helpers import NOON, rss
from tests.world import World

# A sentence long enough that two stories that share it are known for one.
BODY = (
    "Emergency crews worked through the night near the harbour of Fastiv after a power line failed in the storm, and "
    "officials said that nobody was hurt while thousands of homes waited for the light to come back on Sunday morning."
)


class Desk:
    """A world with a rule and a channel, stories published one by one, and what came of them by the minute."""

    def __init__(self, world: World) -> None:
        self.world, self.stories, self.seen = world, list[dict[str, str]](), 0
        world.server.pages["/a.xml"] = rss()
        self.feed = world.feed("/a.xml", story(0, "A first story"))
        self.stories = [story(0, "A first story")]
        world.run()

    def channel(self, name: str = "desk", **terms: Any) -> None:
        with self.world.database.writing() as session:
            target = self.world.server.url("/hook")
            channels.add(session, name, "webhook", target, now=self.world.clock(), terms=Terms(**terms))

    def rule(self, query: str, name: str = "rule", to: tuple[str, ...] = ("desk",), **terms: Any) -> None:
        with self.world.database.writing() as session:
            called = [channels.find(session, one) for one in to]
            rules.add(session, name, query, called, now=self.world.clock(), terms=RuleTerms(**terms))

    def publish(self, number: int, title: str, text: str = "", **more: str) -> None:
        """One more story, polled at this very moment."""
        self.stories = [one for one in self.stories if one["guid"] != f"id-{number}"]
        self.stories.append(story(number, title, text, **more))
        self.world.server.pages["/a.xml"] = rss(*self.stories[-50:])
        self.poll()

    def poll(self) -> None:
        with self.world.database.writing() as session:
            feeds.poll_now(feeds.find(session, str(self.feed)), self.world.clock())
        self.world.run()

    def wait(self, until: str) -> None:
        """Lets the time pass, some hours at a step."""
        end = at(until)
        while self.world.clock() < end:
            step = min(timedelta(hours=6), end - self.world.clock())
            self.world.run(step.total_seconds())

    def came(self) -> list[str]:
        """What came since it was asked last: when, and the titles of each message."""
        posted = self.world.posted()
        new, self.seen = posted[self.seen :], len(posted)
        return [line(told) for told in new]

    def held(self) -> list[tuple[str, str]]:
        """Why deliveries are held: (reason, note)."""
        with self.world.database.reading() as session:
            return [(row.reason, row.note) for row in reversed(alerts.deliveries(session, limit=500, state="held"))]


def story(number: int, title: str, text: str = "", **more: str) -> dict[str, str]:
    return {
        "title": title,
        "guid": f"id-{number}",
        "link": f"https://example.org/{number}",
        "description": text,
        **more,
    }


def line(told: dict[str, Any]) -> str:
    if told["type"] == "notice":
        return f"notice: {told['text']}"
    titles = [one["story"]["title"] for one in told.get("stories", [told])]
    return f"{'digest: ' if told['type'] == 'alert.digest' else ''}{', '.join(titles)}"


def at(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("digest", "published", "told"),
    [
        ("hourly", ["12:10", "12:50"], "2026-11-22T13:00"),
        ("daily 07:30", ["12:10", "23:50"], "2026-11-23T05:30"),  # 07:30 in Kyiv
        ("weekly wed 09:00", ["12:10", "23:50"], "2026-11-25T07:00"),
    ],
)
def test_a_rules_digest_comes_at_its_time_and_says_so(desk: Desk, digest: str, published: list[str], told: str) -> None:
    desk.channel()
    desk.rule("storm", digest=digest, zone="Europe/Kyiv")
    for number, when in enumerate(published, 1):
        desk.wait(f"2026-11-22T{when}")
        desk.publish(number, f"Storm {number}")
    assert [reason for reason, _ in desk.held()] == ["digest", "digest"]
    local = at(told) + timedelta(hours=2)
    assert f"“rule” is told in a digest; told in one digest from {local:%Y-%m-%d %H:%M} EET" in desk.held()[0][1]
    desk.wait((at(told) - timedelta(minutes=1)).isoformat()[:16])
    assert desk.came() == []
    desk.wait(told)
    assert desk.came() == ["digest: Storm 1, Storm 2"]
    desk.wait((at(told) + timedelta(days=8)).isoformat()[:16])
    assert desk.came() == []


def test_quiet_hours_hold_over_a_change_of_clocks_and_then_send_one_digest(desk: Desk) -> None:
    desk.world.clock.now = at("2027-03-27T12:00")
    desk.channel(quiet="22:00-07:00", zone="Europe/Berlin")
    desk.rule("storm")
    desk.rule("quake", name="urgent", urgent=True)
    table = []
    for number, (when, title) in enumerate(
        [
            ("2027-03-27T20:59", "Storm before"),  # 21:59 in Berlin
            ("2027-03-27T21:00", "Storm at night"),
            ("2027-03-28T00:30", "A quake"),
            ("2027-03-28T01:30", "Storm in the morning"),  # 03:30, for 02:30 there was none
            ("2027-03-28T04:59", ""),
            ("2027-03-28T05:00", ""),  # 07:00 of summer time
            ("2027-03-28T05:01", "Storm after"),
        ],
        1,
    ):
        desk.wait(when)
        if title:
            desk.publish(number, title)
        table.append((when[-5:], desk.came()))
    assert table == [
        ("20:59", ["Storm before"]),
        ("21:00", []),
        ("00:30", ["A quake"]),
        ("01:30", []),
        ("04:59", []),
        ("05:00", ["digest: Storm at night, Storm in the morning"]),
        ("05:01", ["Storm after"]),
    ]


def test_a_budget_that_is_spent_overflows_into_a_digest(desk: Desk) -> None:
    desk.channel(budget="3/h")
    desk.rule("storm")
    table = []
    for number in range(1, 8):
        desk.wait(f"2026-11-22T12:{number * 5:02}")
        desk.publish(number, f"Storm {number}")
        table.append(desk.came())
    assert table == [["Storm 1"], ["Storm 2"], ["Storm 3"], [], [], [], []]
    assert {reason for reason, _ in desk.held()} == {"budget"}
    desk.wait("2026-11-22T13:04")
    assert desk.came() == []
    desk.wait("2026-11-22T13:05")  # an hour after the first of the three
    assert desk.came() == ["digest: Storm 4, Storm 5, Storm 6, Storm 7"]
    desk.publish(8, "Storm 8")  # 12:10, 12:15 and the digest are within the hour
    assert desk.came() == []
    desk.wait("2026-11-22T13:10")
    assert desk.came() == ["Storm 8"]


def test_nothing_waits_for_a_budget_or_a_morning_of_a_clock_that_was_ahead(desk: Desk) -> None:
    desk.channel(budget="1/h", quiet="22:00-07:00")
    desk.rule("storm")
    desk.wait("2026-11-22T12:05")
    desk.publish(1, "Storm 1")
    desk.wait("2026-11-22T23:05")
    desk.publish(2, "Storm 2")
    assert desk.came() == ["Storm 1"]
    desk.world.run(-11.5 * 3600)  # it is noon in truth
    assert desk.came() == ["Storm 2"]
    desk.world.run(2 * 3600)
    desk.publish(3, "Storm 3")
    assert desk.came() == ["Storm 3"]


def test_an_urgent_rule_spends_no_budget_that_is_not_there(desk: Desk) -> None:
    desk.channel(budget="1/h")
    desk.rule("storm")
    desk.rule("quake", name="urgent", urgent=True)
    for number, title in enumerate(("Storm 1", "Storm 2", "A quake"), 1):
        desk.publish(number, title)
    assert desk.came() == ["Storm 1", "A quake"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_rule_that_jumps_is_announced_once(desk: Desk) -> None:
    desk.channel()
    desk.rule("storm")
    number = 0
    for hour in range(48):  # its habit: one in an hour
        desk.wait((NOON + timedelta(hours=hour)).isoformat()[:16])
        number += 1
        desk.publish(number, f"Storm {number}")
    assert len(desk.came()) == 48
    begin = desk.world.clock() + timedelta(hours=1)
    told: list[tuple[int, str]] = []
    for minute in range(0, 150, 2):  # thirty in an hour, for an hour and a half
        desk.wait((begin + timedelta(minutes=minute)).isoformat()[:16])
        if minute < 90:
            number += 1
            desk.publish(number, f"Storm {number}")
        told += [(minute, came) for came in desk.came()]
    notices = [came for _, came in told if came.startswith("notice")]
    assert len(notices) == 1
    assert re.search(r"met 20 stories in the last hour; it usually meets 1\.0 an hour", notices[0])
    digests = [(minute, came.count(",") + 1) for minute, came in told if came.startswith("digest")]
    singles = [came for _, came in told if not came.startswith(("digest", "notice"))]
    assert [minute for minute, _ in digests] == [98]
    assert len(singles) + sum(count for _, count in digests) == 45
    assert len(singles) < 25
    desk.wait((desk.world.clock() + timedelta(hours=5)).isoformat()[:16])
    desk.publish(1000, "Storm at last")
    assert desk.came()[-1] == "Storm at last"


def test_one_alert_a_cluster_and_rule(desk: Desk) -> None:
    desk.channel()
    desk.rule("harbour")
    desk.publish(1, "Power line fails", BODY, author="First Wire")
    desk.publish(2, "Homes wait for light after storm", BODY, author="Second Wire")
    assert desk.came() == ["Power line fails"]
    assert desk.held() == [("copy", "held: this story was told already, of another copy (alert 1)")]
    with desk.world.database.reading() as session:
        assert alerts.find(session, 1).also == ("example.org",)


@pytest.mark.parametrize(
    ("title", "text", "kind"),
    [
        ("CORRECTED - Power line fails", "", "correction"),
        ("STORY WITHDRAWN: Power line", "This story was withdrawn.", "withdrawal"),
        ("UPDATE 1 - Power line fails", "", "update"),
        ("Power line fails, 14 hurt", "", "update"),
        ("Power line fails again", "", ""),
        ("Power line fails", BODY.replace("thousands of homes", "a whole quarter"), ""),
        ("Power line fails", BODY + " " + " ".join(f"Then word{n} came after{n} all." for n in range(20)), "update"),
    ],
)
def test_what_is_new_of_a_story_is_told_in_its_thread(desk: Desk, title: str, text: str, kind: str) -> None:
    desk.channel()
    desk.rule("harbour")
    desk.publish(1, "Power line fails", BODY)
    desk.publish(1, title, text or BODY)
    posted = desk.world.posted()
    if not kind:
        assert len(posted) == 1
        assert desk.held()[0][0] == "version"
        return
    first, second = posted
    assert (second["kind"], second["thread"]) == (kind, first["thread"])
    assert second["changed"]
    assert {one["sign"] for one in second["changed"]} <= {"+", "-"}


def test_a_correction_under_another_id_is_told_in_the_thread(desk: Desk) -> None:
    desk.channel()
    desk.rule("harbour")
    desk.publish(1, "Power line fails", BODY)
    desk.publish(2, "CORRECTED - Power line fails", BODY)
    desk.publish(3, "CORRECTED - Power line fails (again)", BODY)
    assert desk.came() == ["Power line fails", "CORRECTED - Power line fails"]


def test_rules_that_meet_one_story_make_one_message_naming_them(desk: Desk) -> None:
    desk.channel("desk")
    desk.channel("other")
    desk.rule("storm", name="first", to=("desk", "other"))
    desk.rule("harbour", name="second")
    desk.rule("Fastiv", name="daily", digest="daily 07:30")
    desk.publish(1, "A storm", BODY)
    told = desk.world.posted()
    assert sorted([rule["name"] for rule in one["rules"]] for one in told) == [["first"], ["first", "second", "daily"]]
    with desk.world.database.reading() as session:
        rows = alerts.deliveries(session, limit=9)
    assert {row.state for row in rows} == {"sent"}
    assert sorted(row.note for row in rows) == ["", "", "told in delivery 1", "told in delivery 1"]


@pytest.mark.parametrize(
    ("published", "tells_old", "held"),
    [
        ("Fri, 20 Nov 2026 11:59:00 GMT", False, True),
        ("Fri, 20 Nov 2026 12:01:00 GMT", False, False),
        ("Wed, 01 Jan 2020 00:00:00 GMT", True, False),
        ("", False, False),
    ],
)
def test_a_story_long_past_when_first_seen_is_kept_and_held_as_old(
    desk: Desk, published: str, tells_old: bool, held: bool
) -> None:
    desk.channel()
    desk.rule("storm", tells_old=tells_old)
    desk.publish(1, "A storm", **({"pubDate": published} if published else {}))
    assert desk.came() == ([] if held else ["A storm"])
    assert [reason for reason, _ in desk.held()] == (["old"] if held else [])
    assert len(desk.world.items()) == 2


@pytest.mark.parametrize(("count", "messages"), [(3, 3), (4, 1), (40, 1)])
def test_a_feeds_first_poll_never_floods(desk: Desk, count: int, messages: int) -> None:
    desk.channel()
    desk.rule("storm")
    desk.world.feed("/new.xml", *(story(100 + n, f"Storm {n}") for n in range(count)))
    desk.world.run()
    assert len(desk.world.posted()) == messages
    assert len(desk.world.hooks()) == count


def test_a_digest_says_why_it_was_held_and_each_delivery_where_it_was_told(desk: Desk) -> None:
    desk.channel(quiet="11:00-13:00")
    desk.rule("storm")
    for number in (1, 2, 3):
        desk.publish(number, f"Storm {number}")
    desk.wait("2026-11-22T13:00")
    (told,) = desk.world.posted()
    assert told["reasons"] == ["quiet"]
    with desk.world.database.reading() as session:
        rows = alerts.deliveries(session, limit=9)
    assert sorted((row.state, row.note) for row in rows) == [("sent", ""), *[("sent", "told in delivery 1")] * 2]


def test_what_waited_for_a_paused_channel_comes_when_it_is_resumed(desk: Desk) -> None:
    desk.channel()
    desk.rule("storm")
    database = desk.world.database
    with database.writing() as session:
        channels.pause(session, channels.find(session, "desk"), desk.world.clock())
    desk.publish(1, "Storm 1")
    desk.publish(2, "Storm 2")
    desk.wait("2026-11-23T12:00")
    assert desk.came() == []
    assert {reason for reason, _ in desk.held()} == {"paused"}
    with database.writing() as session:
        channels.resume(session, channels.find(session, "desk"), desk.world.clock())
    desk.world.run()
    assert desk.came() == ["digest: Storm 1, Storm 2"]


def test_a_story_is_as_old_as_its_own_date_says() -> None:
    def item(**more: Any) -> Item:
        return Item(identity="x", first_seen_at=NOON, **more)

    def age(row: Any) -> timedelta | None:
        return raising._age(row, NOON)

    assert age(item()) is None
    assert age(item(published_at=NOON - timedelta(hours=3))) == timedelta(hours=3)
    assert age(item(wire_date=NOON.date() - timedelta(days=2))) == timedelta(hours=36, seconds=0, microseconds=1)
