"""One batch of feeds, fetched together and judged as they come. What is made of it: `worker/outcome.py`."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import aiohttp

from storage.feeds import FeedToPoll
from wire import courtesy
from wire.address import host_of, shown
from wire.entries import parse
from wire.errors import NotAFeed, PollFailed
from wire.identity import digest_of_bytes
from wire.markup import line
from wire.story import Document
from wire.websub import Hub, advertised
from worker import figures
from worker.bounded import TookTooLong, bounded
from worker.fetch import MOST_PER_HOST, Answer, Limits, fetch

log = logging.getLogger(__name__)

# Some servers say "not modified" for ever; once a day they are asked for all there is.
_FULL_EVERY = timedelta(days=1)
# Answers that speak for the whole host when they say how long to wait (RFC 9110, section 15.6.4; RFC 6585).
_OVERLOADED = frozenset({429, 503})
GONE = 410
# For so long, in seconds, what has come waits for what is still to come: a story must not wait for another feed's
# server to time out.
_PATIENCE = 0.3
# Half a second's work.
_ENTRIES_A_PORTION = 300


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll of one feed brought: a document, or nothing new, or an error.

    Once it is read, the answer is kept without its body; `is_full` says that there was one. `wait` is for how many
    seconds the server wants to be left alone; `resting` the host of which it spoke, if it spoke for all of it.
    """

    feed: FeedToPoll
    took: float
    status: int | None = None
    size: int = 0
    answer: Answer | None = None
    is_full: bool = False
    body_digest: str = ""
    document: Document | None = None
    pace: courtesy.Pace = field(default_factory=courtesy.Pace)
    hub: Hub | None = None
    error: str = ""
    wait: float | None = None
    resting: str = ""
    held: bool = False

    @property
    def outcome(self) -> str:
        if self.held:
            return "held"
        if self.error:
            return "failed"
        if self.document is not None:
            return "read"
        return "same bytes" if self.is_full else "not modified"


class _Host:
    """One host within a batch: how many of its feeds are asked at once, how far apart, and for how long it rests."""

    def __init__(self, spacing: float) -> None:
        self.gate = asyncio.Semaphore(MOST_PER_HOST)
        self.rest: float | None = None
        self._spacing = spacing
        self._next = 0.0

    async def turn(self) -> None:
        """Waits until the last request to this host is long enough ago."""
        now = time.monotonic()
        self._next = max(now, self._next + self._spacing)
        if self._next > now:
            await asyncio.sleep(self._next - now)


async def poll_all(
    session: aiohttp.ClientSession,
    batch: Sequence[FeedToPoll],
    limits: Limits,
    *,
    now: datetime,
    spacing: float = 0.0,
    made_up: bytes = b"",
) -> AsyncGenerator[list[Polled], None]:
    """Fetches a batch together; what has come is handed on in portions, while the others are still on the way.

    While one portion is written, the next is read, and of the others the answers wait as they came: what is in them
    takes several times their room. A host's feeds wait for each other, `spacing` seconds apart, and their time begins
    when their turn does. Private feeds are asked for nowhere: they hold what is `made_up`.
    """
    hosts = {host: _Host(spacing) for host in {host_of(feed.url) for feed in batch}}
    come: asyncio.Queue[Polled] = asyncio.Queue()

    async def ask(feed: FeedToPoll) -> Polled:
        if feed.private:
            return Polled(feed, 0.0, answer=Answer(feed.url, 200, made_up))
        host = hosts[host_of(feed.url)]
        async with host.gate:
            if host.rest is None:
                await host.turn()
            if host.rest is not None:
                return Polled(feed, 0.0, wait=host.rest, held=True)
            polled = await _ask(session, feed, limits, now)
            if polled.resting in hosts:
                hosts[polled.resting].rest = polled.wait
            return polled

    async def hand_in(feed: FeedToPoll) -> None:
        try:
            polled = await ask(feed)
        except Exception as error:
            log.exception(_BEYOND_US, feed.id)
            polled = _not_polled(feed, error)
        come.put_nowait(polled)

    under_way = [asyncio.create_task(hand_in(feed)) for feed in batch]
    left = len(batch)
    following = asyncio.create_task(_portion(come, left))
    try:
        while left:
            portion = await following
            left -= len(portion)
            following = asyncio.create_task(_portion(come, left))
            yield portion
    finally:
        for task in (following, *under_way):
            task.cancel()


async def _portion(come: asyncio.Queue[Polled], left: int) -> list[Polled]:
    """What is written together: so much that a transaction pays, so little that nobody waits long for it."""
    portion: list[Polled] = []
    entries, loop = 0, asyncio.get_running_loop()
    until = None  # its time begins with the first that came
    while len(portion) < left and entries < _ENTRIES_A_PORTION and (until is None or loop.time() < until):
        try:
            async with asyncio.timeout_at(until):
                polled = await come.get()
        except TimeoutError:
            break
        until = until or loop.time() + _PATIENCE
        portion.append(_read(polled))
        entries += len(portion[-1].document.entries) if portion[-1].document else 0
        await asyncio.sleep(0)  # the others' sockets are served meanwhile
    return portion


async def _ask(session: aiohttp.ClientSession, feed: FeedToPoll, limits: Limits, now: datetime) -> Polled:
    """A poll with its answer as it came."""
    started = time.monotonic()
    try:
        answer = await fetch(session, feed.url, limits, headers=feed.headers, **_validators(feed, now))
        polled = Polled(feed, 0.0, answer=answer)
    except PollFailed as error:
        polled = _failed(feed, error, now)
    return replace(polled, took=time.monotonic() - started)


def _read(polled: Polled) -> Polled:
    """The same poll with what is in its answer."""
    if polled.answer is None:
        return polled
    started = time.monotonic()
    try:
        read = read_answer(polled.feed, polled.answer)
    except Exception as error:
        log.exception(_BEYOND_US, polled.feed.id)
        read = _not_polled(polled.feed, error)
    return replace(read, took=polled.took + time.monotonic() - started)


_BEYOND_US = "feed %s could not be polled"


def _not_polled(feed: FeedToPoll, error: Exception) -> Polled:
    """Whatever one feed does to us, the others of its batch are polled."""
    return Polled(feed, 0.0, error=f"It could not be polled: {type(error).__name__}.")


def _validators(feed: FeedToPoll, now: datetime) -> Mapping[str, str]:
    if feed.full_at is None or not timedelta(0) <= now - feed.full_at < _FULL_EVERY:
        return {}
    return {"etag": feed.etag, "last_modified": feed.last_modified}


def _failed(feed: FeedToPoll, error: PollFailed, now: datetime) -> Polled:
    wait = courtesy.retry_after(error.retry_after, now) if error.retry_after else None
    is_own = error.host == host_of(feed.url)  # whom a feed redirects to, it cannot silence
    resting = error.host if wait and is_own and error.status in _OVERLOADED else ""
    return Polled(feed, 0.0, status=error.status, error=line(str(error)), wait=wait, resting=resting)


def _asides(body: bytes, answer: Answer) -> tuple[courtesy.Pace, Hub | None]:
    """What a feed says beside its stories. Nothing that is odd there may cost them."""
    try:
        return courtesy.pace(body), advertised(body, url=answer.url, link_header=answer.headers.get("link", ""))
    except ValueError:
        log.exception("what %s says of its pace and hub could not be read", shown(answer.url))
        return courtesy.Pace(), None


def read_answer(feed: FeedToPoll, answer: Answer) -> Polled:
    """Judges an answer: not modified, the same bytes as last time, entries to be kept, or no feed at all."""
    if answer.body is None:
        return Polled(feed, 0.0, answer.status, answer=answer, pace=feed.pace)
    body_digest = digest_of_bytes(answer.body)
    kept = replace(answer, body=None)
    known = Polled(
        feed, 0.0, answer.status, len(answer.body), kept, is_full=True, body_digest=body_digest, pace=feed.pace
    )
    if body_digest == feed.body_digest:
        return known
    seen = {one.piece for one in feed.carried if one.piece}
    read = partial(parse, answer.body, url=answer.url, content_type=answer.content_type, seen=seen)
    try:
        with figures.PARSE_SECONDS.time():
            document = bounded(read)
        pace, hub = _asides(answer.body, answer)
        return replace(known, document=document, pace=pace, hub=hub)
    except (NotAFeed, TookTooLong) as error:
        return replace(known, error=line(str(error)))


def as_broken(polled: Polled, error: Exception) -> Polled:
    """A poll whose entries could not be written: a failure with the reason, so that its neighbours are kept."""
    log.error("feed %s could not be written: %s", polled.feed.id, error)
    why = f"What it brought could not be kept: {type(error).__name__}: {line(str(error))[:300]}"
    return Polled(polled.feed, polled.took, polled.status, polled.size, error=why)
