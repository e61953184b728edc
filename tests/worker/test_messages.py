"""What a message can do, and what it holds: Redis may be in other hands."""

import os
import pickle
from typing import Any

import pytest
from kombu.exceptions import ContentDisallowed
from kombu.serialization import loads

from tests.helpers import item, rss
from tests.world import World
from worker.app import app


def test_a_message_without_a_claim_of_ours_does_nothing(world: World) -> None:
    world.rule("Fastiv")
    world.feed("/a.xml", item(1110448134, "Fastiv"))
    forged = "f" * 32
    for ids in ([1], [1, 2, 3], [-1], []):
        world.process.poll(forged, ids)
        world.process.read(forged, ids)
        world.process.deliver(forged, ids)
        world.process.subscribe(forged, ids)
    world.process.settle()
    assert world.server.asked == []
    assert world.items() == []
    world.run()
    assert len(world.items()) == 1


def test_a_message_told_again_does_nothing_more(world: World) -> None:
    world.rule("Fastiv")
    world.feed("/a.xml")
    world.run()
    world.server.pages["/a.xml"] = rss(item(1110448135, "Fastiv"))
    world.clock.tick(4000)
    world.scheduler.round()
    told = list(world.sent)
    world.run()
    asked = len(world.server.asked)
    for task, _, arguments in told:
        if task != "beat":
            getattr(world.process, task)(*arguments)
    world.process.settle()
    assert len(world.server.asked) == asked


def test_no_message_can_carry_code() -> None:
    class Harm:
        def __reduce__(self) -> Any:
            return (os._exit, (1,))

    with pytest.raises(ContentDisallowed):
        loads(  # type: ignore[no-untyped-call]
            pickle.dumps(Harm()), "application/x-python-serialize", "binary", accept=app.conf.accept_content
        )


def test_messages_hold_numbers_and_claims_alone(world: World) -> None:
    world.rule("Fastiv")
    world.feed("/a.xml", full_text=True)
    world.run()
    world.server.pages["/a.xml"] = rss(item(1110448135, "Fastiv", link=world.server.url("/1110448135/story")))
    sent: list[Any] = []
    world.clock.tick(4000)
    world.scheduler.round()
    while world.sent:
        task, _, arguments = world.sent.pop(0)
        sent.append((task, arguments))
        if task != "beat":
            getattr(world.process, task)(*arguments)
    assert {task for task, _ in sent} >= {"poll", "read"}
    for task, arguments in sent:
        if task == "beat":
            continue
        claim, ids = arguments
        assert int(claim, 16) > 0
        assert all(isinstance(one, int) for one in ids)
