"""A large made-up wire on loopback, to measure against: feeds by the thousand, and the truth of what they told.

Feeds hold the newest 25 to 50 stories of 240 to 800 words, and get new ones as often as Zipf's law has it. A sixth of
what a feed tells stands in another too, slightly edited, under the same MENAFN number and another guid. Servers give
validators and answer 304, a third of them pack with gzip; all that, a clock in the channel and faults are switched
while it runs. Seeded: two runs measure the same.
"""

import argparse
import asyncio
import gzip
import hashlib
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import accumulate
from typing import Any

from aiohttp import web

from bench.corpus import Corpus

# How many stories a feed holds, and how much of what it tells it has from another.
_WINDOWS = (25, 50)
_COPIED = 1 / 6
_FIRST_ID = 1_110_000_000
_BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
# Feeds stand on so many addresses of loopback: servers of the world are many, and a host is asked a few at a time.
HOSTS = 50
# One feed in so many is Atom, and one in so many packs.
_ATOM, _PACKED = 5, 3
# With faults on, one answer in so many is one.
_FAULTY = 12


@dataclass(frozen=True, slots=True)
class Told:
    """A story as a feed tells it."""

    number: int
    title: str
    text: str
    at: datetime
    guid: str

    @property
    def url(self) -> str:
        return f"https://menafn.com/{self.number}/{'-'.join(self.title.split()[:6])}"


@dataclass(slots=True)
class _Feed:
    """A feed: its entries as they stand in it, newest first, already written."""

    number: int
    window: int
    entries: list[tuple[int, bytes]] = field(default_factory=list)
    body: bytes = b""
    packed: bytes = b""
    etag: str = ""

    @property
    def is_atom(self) -> bool:
        return self.number % _ATOM == 0

    def write(self) -> None:
        """The document anew, after its entries changed."""
        self.body = self.document()
        self.packed = gzip.compress(self.body, 1) if self.number % _PACKED == 0 else b""
        self.etag = f'"{hashlib.blake2b(self.body, digest_size=8).hexdigest()}"'

    def document(self, clock: str = "Sun, 01 Nov 2026 00:00:00 GMT") -> bytes:
        head, foot = (_ATOM_HEAD, _ATOM_FOOT) if self.is_atom else (_RSS_HEAD, _RSS_FOOT)
        return (
            head.format(number=self.number, clock=clock).encode() + b"".join(entry for _, entry in self.entries) + foot
        )


_RSS_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Wire {number}</title>'
    "<link>https://wire{number}.example/</link><description>News of wire {number}</description>"
    "<language>en</language><lastBuildDate>{clock}</lastBuildDate>\n"
)
_RSS_FOOT = b"</channel></rss>\n"
_ATOM_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><title>Wire {number}</title>'
    "<id>tag:wire{number}.example,2026:feed</id><updated>2026-11-01T00:00:00Z</updated>"
    "<generator>{clock}</generator>\n"
)
_ATOM_FOOT = b"</feed>\n"


def _entry(told: Told, is_atom: bool) -> bytes:
    paragraphs = "".join(f"<p>{part}</p>\n" for part in told.text.split("\n"))
    summary = escape(f"(MENAFN- Provider {told.number % 90}) {told.text[:180]} ...")
    if is_atom:
        return (
            f'<entry><title>{told.title}</title><link href="{told.url}"/><id>{told.guid}</id>'
            f"<updated>{told.at:%Y-%m-%dT%H:%M:%SZ}</updated><author><name>Desk</name></author>"
            f'<summary>{summary}</summary><content type="html">{escape(paragraphs)}</content></entry>\n'
        ).encode()
    return (
        f'<item><title>{told.title}</title><link>{told.url}</link><guid isPermaLink="false">{told.guid}</guid>'
        f"<pubDate>{told.at:%a, %d %b %Y %H:%M:%S} GMT</pubDate><dc:creator>Desk</dc:creator><category>news</category>"
        f"<description>{summary}</description><content:encoded><![CDATA[{paragraphs}]]></content:encoded></item>\n"
    ).encode()


@dataclass(slots=True)
class Switches:
    """How the servers answer: with validators and 304, with a clock in each channel, with faults."""

    validators: bool = True
    clock: bool = False
    faults: bool = False


class Wire:
    """The wire's state. `truth` holds the numbers of all stories that were ever told."""

    def __init__(self, feeds: int, seed: int = 7) -> None:
        self._dice = random.Random(seed)
        self._corpus = Corpus(random.Random(seed))
        self._number, self._now = _FIRST_ID, _BEGIN
        self.truth: set[int] = set()
        self.switches = Switches()
        self.feeds = [_Feed(number, self._dice.randint(*_WINDOWS)) for number in range(1, feeds + 1)]
        self._weights = list(accumulate(1 / (rank + 20) for rank in range(feeds)))
        self._lately: list[Told] = []
        self._answers = 0
        # All windows are full before anybody looks: feeds in turn, so that copies lie near each other.
        for place in range(_WINDOWS[1]):
            for feed in self.feeds:
                if place < feed.window:
                    self._tell(feed)
        for feed in self.feeds:
            feed.write()

    def publish(self, share: float, most: int = 3, flag: str = "") -> list[int]:
        """One to `most` new stories in a share of the feeds, busy ones rather than others; the stories' numbers.

        With a `flag` it stands in their titles, and all are new ones, no copies.
        """
        chosen: dict[int, _Feed] = {}
        while len(chosen) < max(1, round(share * len(self.feeds))):
            feed = self._dice.choices(self.feeds, cum_weights=self._weights)[0]
            chosen[feed.number] = feed
        numbers: list[int] = []
        for feed in chosen.values():
            numbers += [self._tell(feed, flag) for _ in range(self._dice.randint(1, most))]
            feed.write()
        return numbers

    def _tell(self, feed: _Feed, flag: str = "") -> int:
        self._now += timedelta(seconds=2)
        if self._lately and not flag and self._dice.random() < _COPIED:
            told = self._edited(self._dice.choice(self._lately), feed)
        else:
            told = self._new(feed, flag)
            self._lately = [*self._lately[-40:], told]
        self.truth.add(told.number)
        feed.entries = [(told.number, _entry(told, feed.is_atom)), *feed.entries][: feed.window]
        return told.number

    def _new(self, feed: _Feed, flag: str = "") -> Told:
        self._number += self._dice.randint(3, 40)
        story = self._corpus.story()
        sentences = story.text.split(". ")
        paragraphs = [". ".join(sentences[start : start + 4]) + "." for start in range(0, len(sentences), 4)]
        text = "\n".join(paragraphs)
        return Told(
            self._number,
            f"{flag} {story.title} {self._number}".lstrip(),
            text,
            self._now,
            f"{feed.number}-{self._number}",
        )

    def _edited(self, told: Told, feed: _Feed) -> Told:
        """The same story under another guid, with a word more in its title and its last paragraph cut."""
        text = told.text.rpartition("\n")[0] or told.text
        return replace(told, title=f"{told.title} Update", text=text, guid=f"{feed.number}-{told.number}")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A feed, as the switches say."""
        feed = self.feeds[int(request.match_info["number"]) - 1]
        self._answers += 1
        if self.switches.faults and self._answers % _FAULTY == 0:
            return self._fault(feed)
        headers = {"Content-Type": "application/rss+xml; charset=utf-8"}
        if self.switches.validators:
            if request.headers.get("If-None-Match") == feed.etag:
                return web.Response(status=304, headers={"ETag": feed.etag})
            headers |= {"ETag": feed.etag, "Last-Modified": "Sun, 01 Nov 2026 00:00:00 GMT"}
        if self.switches.clock:
            return web.Response(body=feed.document(f"{self._answers} answers ago"), headers=headers)
        if feed.packed and "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=feed.packed, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=feed.body, headers=headers)

    def _fault(self, feed: _Feed) -> web.StreamResponse:
        """What servers do on bad days: errors, pages instead of feeds, and bodies that end in the middle."""
        kind = self._answers // _FAULTY % 4
        if kind == 0:
            return web.Response(status=503, text="busy")
        if kind == 1:
            return web.Response(text="<!doctype html><title>Down for maintenance</title>", content_type="text/html")
        if kind == 2:
            return web.Response(status=404)
        return web.Response(body=feed.body[: len(feed.body) * 2 // 3], content_type="application/rss+xml")


def make_app(wire: Wire) -> web.Application:
    """The wire as a web application: its feeds, and how it is told what to do."""

    async def switch(request: web.Request) -> web.StreamResponse:
        wire.switches = Switches(**await request.json())
        return web.json_response({})

    async def publish(request: web.Request) -> web.StreamResponse:
        told: dict[str, Any] = await request.json()
        return web.json_response(wire.publish(**told))

    async def standing(_: web.Request) -> web.StreamResponse:
        return web.json_response(sorted({number for feed in wire.feeds for number, _ in feed.entries}))

    application = web.Application()
    application.add_routes(
        [
            web.get("/feeds/{number:\\d+}.xml", wire.answer),
            web.post("/switch", switch),
            web.post("/publish", publish),
            web.get("/standing", standing),
        ]
    )
    return application


async def serve(wire: Wire, port: int) -> None:
    """Serves the wire on the addresses of loopback until cancelled."""
    runner = web.AppRunner(make_app(wire), access_log=None)
    await runner.setup()
    try:
        for host in range(1, HOSTS + 1):
            await web.TCPSite(runner, f"127.0.0.{host}", port, backlog=1024).start()
        print("ready", flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def addresses(feeds: int, port: int) -> list[str]:
    """Where the wire's feeds are."""
    return [f"http://127.0.0.{number % HOSTS + 1}:{port}/feeds/{number}.xml" for number in range(1, feeds + 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--feeds", type=int, default=1_000)
    asked = parser.parse_args()
    asyncio.run(serve(Wire(asked.feeds), asked.port))


if __name__ == "__main__":
    main()
