"""A news wire of our own on loopback, in MENAFN's manner, traps included: for the demo, and to test against.

Seventeen regional feeds of the newest stories; a page for each story with a frozen clock, a dateline, an id line and
a disclaimer; the same story in several feeds; Arabic among them; now and then a correction; validators and 304.
It keeps a list of every story it ever published, so that what was kept can be held against the truth.
"""

import asyncio
import hashlib
import itertools
import json
import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from aiohttp import web

_STORIES = Path(__file__).with_name("sample_stories.toml")
REGIONS = (
    "Algeria", "Bahrain", "Egypt", "Iraq", "Jordan", "Kuwait", "Lebanon", "Morocco", "Oman", "Palestine", "Qatar",
    "Saudi_Arabia", "Syria", "Tunisia", "Turkey", "UAE", "Yemen",
)  # fmt: skip
_WINDOW = 25
_FIRST_ID = 1_111_900_000
# About 4,000 a day pass between the provider's ids, so neighbours on one wire differ by some tens.
_ID_STEPS = (3, 40)
_CORRECTED_EVERY = 9
_DISCLAIMER = (
    "MENAFN provides the information “as is” without warranty of any kind. We do not accept any responsibility or "
    "liability for the accuracy, content, images, videos, licenses, completeness, legality, or reliability of the "
    "information contained in this article. If you have any complaints or copyright issues related to this article, "
    "kindly contact the provider above."
)


@dataclass(frozen=True, slots=True)
class Published:
    """A story on the wire."""

    story_id: int
    title: str
    text: str
    provider: str
    code: str
    feeds: tuple[str, ...]
    arabic: bool
    at: datetime
    edition: int = 1

    @property
    def slug(self) -> str:
        return "-".join("".join(c if c.isalnum() and c.isascii() else " " for c in self.title).split()) or "story"

    @property
    def path(self) -> str:
        return f"/arabic/{self.story_id}/{self.slug}" if self.arabic else f"/{self.story_id}/{self.slug}"

    @property
    def dateline(self) -> str:
        return f"(MENAFN- {self.provider})" if self.provider else "(MENAFN)"

    @property
    def id_line(self) -> str:
        return f"MENAFN{self.at:%d%m%Y}{self.code}ID{self.story_id}"


@dataclass(slots=True)
class SampleWire:
    """The wire's state: what it published, newest last. `dice` makes it repeatable."""

    dice: random.Random
    stories: list[Published] = field(default_factory=list)
    inbox: list[dict[str, Any]] = field(default_factory=list)
    _coming: Iterator[dict[str, Any]] | None = None
    _number: int = _FIRST_ID

    def publish(self, now: datetime) -> Published:
        """One more story, or a correction of a recent one."""
        if len(self.stories) % _CORRECTED_EVERY == _CORRECTED_EVERY - 1 and self.dice.random() < 0.5:  # noqa: PLR2004
            self._correct()
        self._coming = self._coming or _stories(self.dice)
        raw = next(self._coming)
        self._number += self.dice.randint(*_ID_STEPS)
        story = Published(
            self._number,
            raw["title"],
            raw["text"].strip(),
            raw["provider"],
            raw["code"],
            tuple(raw["feeds"]),
            raw.get("arabic", False),
            now,
        )
        self.stories.append(story)
        return story

    def _correct(self) -> None:
        """The newest English story says `CORRECTED` and something else in its first sentence, under its old id."""
        index, story = next((i, s) for i, s in reversed(list(enumerate(self.stories))) if not s.arabic)
        first, _, rest = story.text.partition("\n")
        text = f"{first} An earlier version of this story gave a wrong figure.\n{rest}"
        title = story.title if story.edition > 1 else f"CORRECTED - {story.title}"
        self.stories[index] = replace(story, title=title, text=text, edition=story.edition + 1)

    def of(self, region: str) -> list[Published]:
        """What a region's feed shows now, newest first."""
        return [story for story in reversed(self.stories) if region in story.feeds][:_WINDOW]

    def truth(self) -> list[dict[str, Any]]:
        """Every story ever published."""
        return [{"story_id": str(story.story_id), "title": story.title, "feeds": story.feeds} for story in self.stories]


def _stories(dice: random.Random) -> Iterator[dict[str, Any]]:
    """First those that were written, in their order, then the templates filled in, for ever."""
    book = load_book()
    yield from book["story"]
    for template in itertools.cycle(book["template"]):
        filling = {name: dice.choice(choices) for name, choices in book["words"].items()}
        filling |= {name: str(dice.randint(3, 60)) for name in ("percent", "dividend", "number")}
        filling |= {name: str(dice.randint(12, 900)) for name in ("revenue", "expected")}
        written = {name: template[name].format(**filling) for name in ("title", "text", "provider")}
        yield {**written, "code": template["code"], "feeds": dice.sample(REGIONS, dice.randint(1, 4))}


def load_book() -> dict[str, Any]:
    """The stories, templates and starter rules of the sample wire."""
    return tomllib.loads(_STORIES.read_text(encoding="utf-8"))


def feed_xml(wire: SampleWire, region: str, base: str) -> str:
    """A region's feed: guids are the wire's own addresses, links lead to this machine."""
    items = "".join(_item_xml(story, base) for story in wire.of(region))
    title = f"MENAFN - {region.replace('_', ' ')} News"
    head = f"<title>{title}</title><link>{base}/</link><description>{title}</description><language>en-us</language>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>{head}{items}</channel></rss>'


def _item_xml(story: Published, base: str) -> str:
    started = escape(f"{story.dateline}{story.text}"[:190])
    return (
        f"<item><title>{escape(story.title)}</title><link>{base}{story.path}</link>"
        f'<guid isPermaLink="true">https://menafn.com{story.path}&amp;src=RSS</guid>'
        f"<author>marketing@menafn.com (MENAFN)</author><pubDate>{story.at:%a, %d %b %Y %H:%M:%S} GMT</pubDate>"
        f"<description>{started} ...</description></item>\n"
    )


def page_html(wire: SampleWire, story: Published) -> str:
    """A story's page, with all that stands around a story."""
    paragraphs = "".join(f"<p>{escape(part)}</p>" for part in f"{story.dateline} {story.text}".split("\n"))
    more = "".join(f'<li><a href="{other.path}">{escape(other.title)}</a></li>' for other in wire.stories[-5:])
    direction = ' dir="rtl" lang="ar"' if story.arabic else ""
    return (
        f"<!doctype html><html{direction}><head><meta charset='utf-8'><title>{escape(story.title)} | MENAFN.COM</title>"
        f"</head><body><header><p>Tuesday, 02 January 2024 12:17 GMT</p><nav><a href='/'>Home</a></nav></header>"
        f"<h1>{escape(story.title)}</h1><p>{story.at:%Y-%m-%d %H:%M:%S}</p>{paragraphs}<p>{story.id_line}</p>"
        f"<p>Legal Disclaimer:</p><p>{_DISCLAIMER}</p><h4>More Stories</h4><ul>{more}</ul><p>Search</p></body></html>"
    )


_WIRE = web.AppKey("wire", SampleWire)


def make_app(wire: SampleWire) -> web.Application:
    """The wire as a web application: feeds, pages, an inbox for alerts, and the truth."""
    application = web.Application()
    application[_WIRE] = wire
    application.add_routes(
        [
            web.get("/rss/menafn_{region}.xml", _feed),
            web.get("/{id:\\d+}/{slug}", _page),
            web.get("/arabic/{id:\\d+}/{slug}", _page),
            web.post("/inbox", _receive),
            web.get("/inbox", _inbox),
            web.get("/truth.json", _truth),
            web.post("/publish", _publish),
        ]
    )
    return application


async def _feed(request: web.Request) -> web.StreamResponse:
    region = request.match_info["region"]
    if region not in REGIONS:
        raise web.HTTPNotFound
    body = feed_xml(request.app[_WIRE], region, f"http://{request.host}").encode()
    etag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers={"ETag": etag})
    return web.Response(body=body, content_type="application/rss+xml", charset="utf-8", headers={"ETag": etag})


async def _page(request: web.Request) -> web.StreamResponse:
    wire = request.app[_WIRE]
    wanted = int(request.match_info["id"])
    story = next((story for story in wire.stories if story.story_id == wanted), None)
    if story is None:
        raise web.HTTPNotFound
    return web.Response(text=page_html(wire, story), content_type="text/html", charset="utf-8")


async def _receive(request: web.Request) -> web.StreamResponse:
    key, told = request.headers.get("Idempotency-Key", ""), await request.json()
    about = {"key": key, "maybe_twice": told["maybe_twice"]}
    request.app[_WIRE].inbox += [about | one for one in told.get("stories", [told])]
    return web.Response(text="taken")


async def _inbox(request: web.Request) -> web.StreamResponse:
    return _json(request.app[_WIRE].inbox)


async def _truth(request: web.Request) -> web.StreamResponse:
    return _json(request.app[_WIRE].truth())


async def _publish(request: web.Request) -> web.StreamResponse:
    """Some more stories at once: `POST /publish?count=50`."""
    count = int(request.query.get("count", "1"))
    stories = [request.app[_WIRE].publish(datetime.now(UTC)) for _ in range(count)]
    return _json([story.story_id for story in stories])


def _json(found: Any) -> web.Response:
    return web.Response(text=json.dumps(found, ensure_ascii=False, indent=1), content_type="application/json")


async def serve(wire: SampleWire, port: int, every: float) -> None:
    """Serves the wire on loopback until cancelled, with a new story every so many seconds (none when 0)."""
    runner = web.AppRunner(make_app(wire), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        while True:
            await asyncio.sleep(every or 3600)
            if every:
                wire.publish(datetime.now(UTC))
    finally:
        await runner.cleanup()
