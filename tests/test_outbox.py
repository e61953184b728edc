"""What could leave a delivery stuck, told twice or told to the wrong: each found once, and kept from coming back."""

from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import text

from storage import alerts, backtest, canaries, channels, held, history, notices, raising, rules
from storage.channels import Terms
from storage.rules import Terms as RuleTerms
from tests.helpers import NOON, item, rss
from tests.world import World
from wire.errors import BadInput, DeliveryFailed
from wire.message import payload
from wire.samples import samples
from worker import channels as sending
from worker import reveal
from worker.process import Process


def add(world: World, name: str = "desk", query: str = "Fastiv", kind: str = "webhook", **terms: Any) -> None:
    with world.database.writing() as session:
        target = world.server.url("/hook") if kind == "webhook" else ""
        channel = channels.add(session, name, kind, target, now=world.clock(), terms=Terms(**terms))
        rules.add(session, f"rule of {name}", query, [channel], now=world.clock())


def publish(world: World, *titles: str) -> None:
    """The feed now holds these; none of them is its first."""
    stories = [item(1110448100 + n, title, f"What happened there, number {n}") for n, title in enumerate(titles, 1)]
    if world.count("feed") == 0:
        world.feed("/a.xml", item(1110448100))
        world.run()
    world.server.pages["/a.xml"] = rss(item(1110448100), *stories)
    world.run(4000)


def pause(world: World, *, on: bool) -> None:
    with world.database.writing() as session:
        (channels.pause if on else channels.resume)(session, channels.find(session, "desk"), world.clock())


def states(world: World) -> list[tuple[str, str]]:
    with world.database.reading() as session:
        return [(row.state, row.reason) for row in reversed(alerts.deliveries(session, limit=50))]


def test_a_pause_that_ends_while_an_alert_is_written_strands_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(world)
    pause(world, on=True)
    publish(world)
    terms = raising._channel_terms

    def read_just_before_the_resume(session: Any, ids: Any) -> Any:
        found = terms(session, ids)
        channels.resume(session, channels.find(session, "desk"), world.clock())
        return found

    monkeypatch.setattr(raising, "_channel_terms", read_just_before_the_resume)
    publish(world, "Fastiv struck")
    assert states(world) == [("held", "paused")]
    with world.database.writing() as session:
        held.heal(session, world.clock())
    world.run(1)
    assert [told["story"]["title"] for told in world.hooks()] == ["Fastiv struck"]


def test_what_may_have_arrived_is_told_by_itself_under_its_own_key(world: World) -> None:
    add(world)
    pause(world, on=True)
    publish(world, "Fastiv 1", "Fastiv 2", "Fastiv 3")
    with world.database.writing() as session:
        session.execute(text("UPDATE delivery SET maybe_twice = :yes WHERE id = 1"), {"yes": True})
    pause(world, on=False)
    world.run(1)
    alone, digest = world.posted()
    assert (alone["type"], alone["delivery"], alone["maybe_twice"]) == ("alert.matched", 1, True)
    assert (digest["type"], len(digest["stories"])) == ("alert.digest", 2)


@pytest.mark.parametrize("how", ["moved", "removed", "made a shadow"])
def test_a_rule_tells_a_channel_nothing_any_more_that_it_was_taken_from(world: World, how: str) -> None:
    """Of what is held together, what other rules tell goes out all the same."""
    add(world)
    with world.database.writing() as session:
        desk = channels.find(session, "desk")
        rules.add(session, "other", '"Fastiv 2"', [desk], now=world.clock())
    pause(world, on=True)
    publish(world, "Fastiv 1", "Fastiv 2")
    pause(world, on=False)
    with world.database.writing() as session:
        held.release(session, world.clock())
        rule = rules.find(session, "rule of desk")
        if how == "removed":
            rules.remove(session, rule, world.clock())
        elif how == "moved":
            rules.change(session, rule, channels=[], now=world.clock())
        else:
            rules.change(session, rule, shadow=True, now=world.clock())
    world.run(1)
    assert [(told["story"]["title"], [one["name"] for one in told["rules"]]) for told in world.hooks()] == [
        ("Fastiv 2", ["other"])
    ]
    assert states(world) == [("held", "removed"), ("held", "removed"), ("sent", "paused")]
    with world.database.writing() as session:
        assert held.resend(session, [1], world.clock()) == 1
    world.run(1)
    assert [told["story"]["title"] for told in world.hooks()] == ["Fastiv 2", "Fastiv 1"]


def test_what_is_held_for_a_rule_that_was_taken_away_waits_no_more(world: World) -> None:
    add(world)
    pause(world, on=True)
    publish(world, "Fastiv 1", "Fastiv 2")
    with world.database.writing() as session:
        rules.remove(session, rules.find(session, "rule of desk"), world.clock())
    pause(world, on=False)
    world.run(1)
    assert world.posted() == []


def test_a_notice_for_the_morning_holds_up_no_alert_of_a_channel_that_keeps_the_order(world: World) -> None:
    add(world, ordered=True)
    publish(world)
    morning = world.clock() + timedelta(hours=8)
    with world.database.writing() as session:
        notices.tell(session, "surge", "A rule surges.", [1], now=world.clock(), later={1: morning})
    publish(world, "Fastiv struck")
    assert [told["story"]["title"] for told in world.hooks()] == ["Fastiv struck"]


def test_in_order_an_alert_waits_for_an_earlier_one_until_that_is_tried_again(world: World) -> None:
    add(world, ordered=True)

    async def busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    world.server.pages["/hook"] = busy
    publish(world, "Fastiv 1")
    publish(world, "Fastiv 1", "Fastiv 2")
    world.run(2)
    with world.database.reading() as session:
        later, first = (row.due_at for row in alerts.deliveries(session, limit=2))
    assert first is not None
    assert later == first
    world.server.pages["/hook"] = "taken"
    for _ in range(3):
        world.run(600)
    assert [told["story"]["title"] for told in world.hooks()][-2:] == ["Fastiv 1", "Fastiv 2"]


def test_a_digest_that_is_paused_again_and_again_stays_one_message(world: World) -> None:
    add(world)
    pause(world, on=True)
    publish(world, "Fastiv 1", "Fastiv 2")
    pause(world, on=False)
    with world.database.writing() as session:
        held.release(session, world.clock())
    pause(world, on=True)
    assert states(world) == [("held", "paused")] * 2
    pause(world, on=False)
    world.run(1)
    world.run(100)
    assert [len(told["stories"]) for told in world.posted()] == [2]
    assert {state for state, _ in states(world)} == {"sent"}


def test_a_fault_of_ours_is_tried_again_and_given_up_as_others_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> str:
        raise IndexError("ours")

    monkeypatch.setitem(sending._WAYS, "log", broken)
    add(world, kind="log")
    publish(world, "Fastiv struck")
    for _ in range(10):
        world.run(50_000)
    (state,) = states(world)
    assert state == ("failed", "")
    with world.database.reading() as session:
        (row,) = alerts.deliveries(session, limit=5)
        said = [event.said for event in history.of_deliveries(session, [row.id])]
    assert said == ["It could not be sent: IndexError."] * 8


@pytest.mark.parametrize(
    "template", ['{{ "{0}".format() }}', "{{ type.nothing.at.all }}", "{{ [].pop() }}", "{{ 1 // 0 }}"]
)
def test_a_template_that_breaks_is_refused_with_a_sentence(world: World, template: str) -> None:
    with pytest.raises(BadInput, match="The template"), world.database.writing() as session:
        channels.add(session, "own", "log", "", now=world.clock(), terms=Terms(template=template))


def test_nothing_goes_to_a_channel_that_was_removed_meanwhile(world: World) -> None:
    async def refuse_and_remove(request: web.Request) -> web.Response:
        with world.database.writing() as session:
            channels.remove(session, channels.find(session, "desk"), world.clock())
        return web.Response(status=500)

    world.server.pages["/hook"] = refuse_and_remove
    add(world)
    publish(world, "Fastiv struck")
    for _ in range(5):
        world.run(4000)
    assert len(world.posted()) == 1
    assert states(world) == [("held", "removed")]
    with world.database.writing() as session:
        assert held.resend(session, [1], world.clock()) == 0


def test_what_came_in_bulk_is_no_surge(world: World) -> None:
    add(world)
    world.feed("/a.xml", item(1110448100))
    world.run()
    world.clock.tick(2 * 86_400)
    world.feed(
        "/new.xml", *(item(1110449000 + n, f"Fastiv {n}", f"What happened there, number {n}") for n in range(40))
    )
    world.run()
    with world.database.writing() as session:
        rule = rules.find(session, "rule of desk")
        backtest.backfill(session, rule, backtest.past(session, rule, since=None), now=world.clock(), send=False)
    world.server.pages["/a.xml"] = rss(item(1110448100), item(1110448101, "Fastiv at last"))
    world.run(900)
    world.run(4000)
    assert world.hooks()[-1]["story"]["title"] == "Fastiv at last"
    assert [told["type"] for told in world.posted()] == ["alert.digest", "alert.matched"]


def test_what_is_told_in_a_message_under_way_is_not_sent_beside_it(world: World) -> None:
    add(world)
    with world.database.writing() as session:
        rules.add(session, "other", "struck", [channels.find(session, "desk")], now=world.clock())
    publish(world)
    world.server.pages["/a.xml"] = rss(item(1110448100), item(1110448101, "Fastiv struck"))
    world.clock.tick(4000)
    world.scheduler.round()
    ((_, _, poll),) = [one for one in world.sent if one[0] == "poll"]
    world.process.poll(*poll)  # the message is claimed, and its bell rung
    with world.database.writing() as session:
        assert held.resend(session, [1, 2], world.clock()) == 0


def test_an_urgent_digest_opens_the_night_for_nothing_else(world: World) -> None:
    add(world, quiet="22:00-07:00")
    with world.database.writing() as session:
        desk = channels.find(session, "desk")
        session.execute(rules.RULE_CHANNEL.delete())
        for name, digest, urgent in (("calm", "daily 23:00", False), ("urgent", "hourly", True)):
            terms = RuleTerms(digest=digest, urgent=urgent)
            rules.add(session, name, name, [desk], now=world.clock(), terms=terms)
    publish(world)
    world.clock.now = NOON.replace(hour=21, minute=0)
    publish(world, "A calm story", "An urgent story")  # at 22:06
    world.run(3300)
    assert [told["story"]["title"] for told in world.hooks()] == ["An urgent story"]


def test_a_secret_target_that_is_wrong_is_not_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "hooks.example.org/services/hunter2")
    monkeypatch.setenv("MAIL", "smtp://user:hunter2?from=a@b.c")
    for name, kind in (("HOOK", "webhook"), ("MAIL", "email")):
        with world.database.writing() as session:
            channel = channels.add(session, name, kind, f"env:{name}", now=world.clock())
            rules.add(session, name, "Fastiv", [channel], now=world.clock())
    publish(world, "Fastiv struck")
    with world.database.reading() as session:
        notes = {row.channel: row.note for row in alerts.deliveries(session, limit=5)}
    assert notes == {
        "HOOK": "What env:HOOK holds is no address for a webhook channel.",
        "MAIL": "What env:MAIL holds is no address for a email channel.",
    }


def test_a_secret_that_cannot_be_read_is_said_by_its_place() -> None:
    with pytest.raises(DeliveryFailed, match="no-such-file cannot be read"):
        reveal.reveal("file:/no-such-file")


def test_the_canary_is_polled_when_it_is_let_in_and_not_otherwise(world: World, process: Process) -> None:
    with world.database.writing() as session:
        canaries.let_in(session, world.clock())
    for _ in range(30):
        world.run(10)
    assert world.count("poll") == 1


def test_samples_are_of_every_type(world: World) -> None:
    assert [payload(one)["type"] for one in samples(world.clock())] == [
        "alert.sample", "alert.sample", "alert.digest", "notice",
    ]  # fmt: skip
