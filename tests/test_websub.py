"""Feeds that name a hub: subscribed, verified, pushed to, renewed; polled seldom but for ever."""

import hashlib
import hmac
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from aiohttp import web

from scheduler.loop import Scheduler
from storage import feeds, subscriptions
from storage.database import Database
from storage.tables import Subscription
from tests.helpers import NOON, Clock, Server, item, rss, serving
from tests.world import World
from wire.websub import Hub, advertised, is_signed
from worker import websub
from worker.process import Process

HUB = '<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="{}" href="{}"/>'


@pytest.mark.parametrize(
    ("body", "header", "hub"),
    [
        (rss(before=HUB.format("hub", "/hub")), "", Hub("https://e.org/hub", "https://e.org/f")),
        (rss(before=HUB.format("self", "/me") + HUB.format("hub", "https://h.org/?a=1&amp;b=2")), "",
         Hub("https://h.org/?a=1&b=2", "https://e.org/me")),
        (rss(), '<https://h.org/>; rel="hub", </me>; rel=self', Hub("https://h.org/", "https://e.org/me")),
        (b'{"items": [], "feed_url": "https://e.org/me", "hubs": [{"type": "rssCloud"}, {"type": "WebSub", "url": "https://h.org/"}]}', "",
         Hub("https://h.org/", "https://e.org/me")),
        (rss(item(1)), "", None),
        (rss(item(1, text=HUB.format("hub", "https://evil.org/"))), "", None),
        (rss(before=HUB.format("hub", "javascript:1")), "", None),
    ],
)  # fmt: skip
def test_a_hub_is_named_in_headers_or_the_feeds_head(body: bytes, header: str, hub: Hub | None) -> None:
    assert advertised(body, url="https://e.org/f", link_header=header) == hub


def signature(body: bytes, secret: str, algorithm: str = "sha256") -> str:
    return f"{algorithm}={hmac.new(secret.encode(), body, algorithm).hexdigest()}"


def test_a_push_is_believed_when_it_is_signed() -> None:
    assert is_signed(b"x", signature(b"x", "s"), "s")
    assert is_signed(b"x", signature(b"x", "s", "sha1").upper().replace("SHA1", "sha1"), "s")
    for wrong in ("", "sha256=", "md5=" + hashlib.md5(b"x").hexdigest(), signature(b"y", "s"), signature(b"x", "t")):  # noqa: S324 -- that it is no signature is what is tested
        assert not is_signed(b"x", wrong, "s")


class Hubbed:
    """A world whose worker is reached by hubs, and what a hub would do to it."""

    def __init__(self, world: World, port: int) -> None:
        self.world, self.port = world, port

    def call(self, url: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(url, body, headers)  # noqa: S310 -- our own server
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    def asked(self) -> dict[str, str]:
        """What the hub was last asked."""
        forms = [
            body
            for (_, path, _), body in zip(self.world.server.asked, self.world.server.bodies, strict=True)
            if path == "/hub"
        ]
        return {name: values[0] for name, values in parse_qs(forms[-1].decode()).items()}

    def verify(self, asked: dict[str, str], **changed: str) -> tuple[int, str]:
        said = {
            "hub.mode": "subscribe",
            "hub.topic": asked["hub.topic"],
            "hub.challenge": "c-1",
            "hub.lease_seconds": "864000",
        }
        return self.call(f"{asked['hub.callback']}?{urlencode(said | changed)}")

    def push(self, asked: dict[str, str], body: bytes, secret: str = "") -> int:
        signed = signature(body, secret or asked["hub.secret"])
        return self.call(asked["hub.callback"], body, **{"X-Hub-Signature": signed, "Content-Type": "text/xml"})[0]

    def subscription(self) -> Subscription:
        with self.world.database.reading() as session:
            found = session.get(Subscription, 1)
            assert found
            session.expunge(found)
        return found


@pytest.fixture
def hubbed(
    database: Database, server: Server, make_process: Callable[..., Process], clock: Clock, sent: list[Any]
) -> Iterator[Hubbed]:
    application = websub.receiver(database, clock=clock, largest=100_000)
    with serving(application) as port:
        process = make_process(public_url=f"http://127.0.0.1:{port}/")
        world = World(database, server, process, clock, sent)
        world.scheduler = Scheduler(database, clock, process.config.lease, stopwatch=lambda: 0.0, subscribes=True)
        server.pages |= {"/hook": "taken", "/hub": "accepted"}
        yield Hubbed(world, port)


def subscribed(hubbed: Hubbed, *stories: dict[str, str]) -> dict[str, str]:
    world = hubbed.world
    world.feed("/a.xml")
    world.server.pages["/a.xml"] = rss(*stories, before=HUB.format("hub", world.server.url("/hub")))
    world.run()
    world.run(1)
    return hubbed.asked()


def test_a_feed_with_a_hub_is_subscribed_verified_pushed_and_polled_seldom(hubbed: Hubbed) -> None:
    world = hubbed.world
    world.rule("Fastiv")
    asked = subscribed(hubbed, item(1_110_000_000))
    assert asked["hub.topic"] == world.server.url("/a.xml")
    assert asked["hub.callback"].startswith(f"http://127.0.0.1:{hubbed.port}/websub/")
    assert hubbed.verify(asked) == (200, "c-1")
    assert world.the_feed().pushed_until == world.clock() + timedelta(days=10)
    world.run(4000)
    assert world.the_feed().due_at >= world.clock() + timedelta(seconds=3_200)
    world.server.pages["/a.xml"] = rss(item(1_110_000_001, "Fastiv struck"), item(1_110_000_000))
    assert hubbed.push(asked, b"whatever it holds") == 202
    world.run()
    assert len(world.hooks()) == 1


def test_a_feed_whose_hub_rings_while_it_is_polled_is_polled_again(hubbed: Hubbed) -> None:
    world = hubbed.world
    asked = subscribed(hubbed, item(1_110_000_000))
    hubbed.verify(asked)
    world.clock.tick(4_000)
    world.scheduler.round()
    (message,) = [arguments for task, _, arguments in world.sent if task == "poll"]
    world.sent.clear()

    async def ring_in_between(request: web.Request) -> web.StreamResponse:
        with world.database.writing() as session:
            feeds.ring(session, 1, world.clock())
        return web.Response(body=rss(item(1_110_000_000)))

    world.server.pages["/a.xml"] = ring_in_between
    world.process.poll(*message)
    assert world.the_feed().due_at == world.clock()


def test_what_is_not_the_hubs_is_dropped(hubbed: Hubbed) -> None:
    asked = subscribed(hubbed, item(1_110_000_000))
    assert hubbed.verify(asked, **{"hub.topic": "https://other.example/"})[0] == 404
    assert hubbed.verify(asked, **{"hub.mode": "unsubscribe"})[0] == 404
    assert hubbed.verify({**asked, "hub.callback": asked["hub.callback"] + "x"})[0] == 404
    assert hubbed.subscription().state == subscriptions.ASKED
    hubbed.verify(asked)
    assert hubbed.push(asked, b"x", secret="guessed") == 202
    assert hubbed.world.the_feed().due_at > hubbed.world.clock()
    assert hubbed.push({**asked, "hub.callback": asked["hub.callback"] + "x"}, rss()) == 410
    assert hubbed.push(asked, b"x" * 200_000) == 413
    assert len(hubbed.world.items()) == 1


def test_a_lease_is_renewed_before_it_ends_and_a_hub_that_is_silent_or_refuses_is_asked_again(hubbed: Hubbed) -> None:
    world = hubbed.world
    asked = subscribed(hubbed, item(1_110_000_000))
    count = sum(path == "/hub" for _, path, _ in world.server.asked)
    world.run(3_700)
    assert sum(path == "/hub" for _, path, _ in world.server.asked) == count + 1
    hubbed.verify(asked, **{"hub.lease_seconds": "1"})
    assert world.the_feed().pushed_until == world.clock() + timedelta(seconds=1)
    world.run(0.95 * 3_600)
    assert sum(path == "/hub" for _, path, _ in world.server.asked) == count + 2
    assert hubbed.verify(asked, **{"hub.mode": "denied", "hub.reason": "no <b>room</b>"})[0] == 200
    refused = hubbed.subscription()
    assert (refused.state, refused.error) == (subscriptions.DENIED, "The hub refuses: no room")
    assert world.the_feed().pushed_until is None
    del world.server.pages["/hub"]
    world.run(90_000)
    assert "The hub answered 404" in hubbed.subscription().error


def test_without_a_public_address_no_hub_is_asked(world: World) -> None:
    world.feed("/a.xml")
    world.server.pages["/a.xml"] = rss(item(1), before=HUB.format("hub", world.server.url("/hub")))
    world.run()
    world.run(90_000)
    assert not any(path == "/hub" for _, path, _ in world.server.asked)
    assert world.clock() > NOON
