"""One batch of feeds: fetched together, judged as they come, written in one transaction."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from sqlmodel import Session

from storage import feeds
from storage.feeds import FeedToPoll
from storage.work import still_claimed
from wire import cadence
from wire.address import host_of
from wire.entries import parse, to_story
from wire.errors import NotAFeed, PollFailed
from wire.identity import digest, identify_all
from wire.markup import line
from wire.story import Document
from worker import ingest
from worker.fetch import MOST_PER_HOST, Answer, Limits, fetch
from worker.ingest import Kept, Telling, Turn

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll of one feed brought: a document, or nothing new, or an error."""

    feed: FeedToPoll
    took: float
    status: int | None = None
    size: int = 0
    answer: Answer | None = None
    body_digest: str = ""
    document: Document | None = None
    error: str = ""

    @property
    def outcome(self) -> str:
        if self.error:
            return "failed"
        if self.document is not None:
            return "read"
        return "not modified" if self.answer and self.answer.body is None else "same bytes"


async def poll_all(session: aiohttp.ClientSession, batch: Sequence[FeedToPoll], limits: Limits) -> list[Polled]:
    """Fetches a batch together; each answer is read as it comes, while the others are still on the way.

    A host's feeds wait for each other, and their time begins when their turn does.
    """
    gates = {host_of(feed.url): asyncio.Semaphore(MOST_PER_HOST) for feed in batch}

    async def poll(feed: FeedToPoll) -> Polled:
        async with gates[host_of(feed.url)]:
            return await _poll(session, feed, limits)

    return list(await asyncio.gather(*map(poll, batch)))


async def _poll(session: aiohttp.ClientSession, feed: FeedToPoll, limits: Limits) -> Polled:
    started = time.monotonic()
    try:
        answer = await fetch(session, feed.url, limits, etag=feed.etag, last_modified=feed.last_modified)
        polled = read_answer(feed, answer)
    except PollFailed as error:
        polled = Polled(feed, 0.0, status=error.status, error=line(str(error)))
    except Exception as error:  # whatever one feed does to us, the others of its batch are polled
        log.exception("feed %s could not be polled", feed.id)
        polled = Polled(feed, 0.0, error=f"It could not be polled: {type(error).__name__}.")
    return replace(polled, took=time.monotonic() - started)


def read_answer(feed: FeedToPoll, answer: Answer) -> Polled:
    """Judges an answer: not modified, the same bytes as last time, entries to be kept, or no feed at all."""
    if answer.body is None:
        return Polled(feed, 0.0, answer.status, answer=answer)
    body_digest = digest(answer.body.decode("latin-1"))
    known = Polled(feed, 0.0, answer.status, len(answer.body), answer, body_digest)
    if body_digest == feed.body_digest:
        return known
    try:
        return replace(known, document=parse(answer.body, url=answer.url, content_type=answer.content_type))
    except NotAFeed as error:
        return replace(known, error=line(str(error)))


def write(session: Session, polled: Sequence[Polled], turn: Turn, claim: str, dice: cadence.Dice) -> Kept:
    """Writes what a batch brought, in the caller's transaction. Feeds whose claim was lost meanwhile are left out."""
    ids = [one.feed.id for one in polled]
    mine = {row.id for row in still_claimed(session, feeds.FEED, ids, claim, feeds.FEED.c.id)}
    ours = [one for one in polled if one.feed.id in mine]
    kept = ingest.keep(session, [telling for one in ours for telling in _tellings(one, turn.now)], turn)
    _finish(session, ours, kept, now=turn.now, claim=claim, dice=dice)
    return kept


def _tellings(polled: Polled, now: datetime) -> list[Telling]:
    entries = polled.document.entries if polled.document else ()
    title = polled.feed.title or (polled.document.title if polled.document else "")
    named = zip(entries, identify_all(entries, str(polled.feed.id)), strict=True)
    return [Telling(to_story(entry, identity, now=now), polled.feed, entry, title) for entry, identity in named]


def _finish(
    session: Session,
    polled: Sequence[Polled],
    kept: Kept,
    *,
    now: datetime,
    claim: str,
    dice: cadence.Dice,
) -> None:
    quiet, lines = [], []
    told_by = _by_feed(kept.told)
    for one in polled:
        if one.error:
            changes = _after_failure(one, now, dice)
            feeds.finish(session, one.feed.id, claim, now, changes)
            lines.append(_line(one, now))
        elif one.document is None:
            interval = cadence.steer(one.feed.interval, one.feed.bounds, shared=1.0)
            when = now + timedelta(seconds=cadence.next_poll(interval, dice))
            quiet.append((one.feed.id, when, interval, one.status or 0))
            lines.append(_line(one, now))
        else:
            news = _news(one.feed, told_by[one.feed.id], kept)
            feeds.finish(session, one.feed.id, claim, now, _after_reading(one, one.document, news, now, dice))
            lines.append({**_line(one, now), **news.counts})
    feeds.finish_quiet(session, claim, now, quiet)
    feeds.record_polls(session, lines)


@dataclass(frozen=True, slots=True)
class _News:
    """How a document compares with the feed's last: `shared` is the part of it that was there, None at first.

    `window` tells the stories of this document from others, shortly: 64 bits each, in hex.
    """

    window: list[str]
    new: int
    revised: int
    shared: float | None

    @property
    def gap(self) -> bool:
        """Nothing in common with the last poll: what came and went between was missed."""
        return self.shared == 0.0

    @property
    def counts(self) -> dict[str, Any]:
        return {"entries": len(self.window), "new": self.new, "revised": self.revised, "gap": self.gap}


def _by_feed(told: Sequence[Telling]) -> dict[int, list[Telling]]:
    found: dict[int, list[Telling]] = defaultdict(list)
    for telling in told:
        if telling.feed:
            found[telling.feed.id].append(telling)
    return found


def _news(feed: FeedToPoll, told: Sequence[Telling], kept: Kept) -> _News:
    keys = {telling.key for telling in told}
    window = [digest(telling.key)[:16] for telling in told]
    before = set(feed.entry_digests)
    shared = sum(mark in before for mark in window) / len(window) if window and before else None
    return _News(window, len(keys & kept.new.keys()), len(keys & kept.revised.keys()), shared)


def _after_failure(polled: Polled, now: datetime, dice: cadence.Dice) -> dict[str, Any]:
    failures = polled.feed.failures + 1
    wait = cadence.after_failure(polled.feed.interval, failures, polled.feed.bounds, dice)
    return {
        "due_at": now + timedelta(seconds=wait),
        "failures": failures,
        "last_status": polled.status,
        "last_error": polled.error,
    }


def _after_reading(
    polled: Polled, document: Document, news: _News, now: datetime, dice: cadence.Dice
) -> dict[str, Any]:
    """Validators are kept in the transaction that keeps the stories: kept before, a crash would lose these for ever."""
    feed, answer = polled.feed, polled.answer
    interval = cadence.steer(feed.interval, feed.bounds, shared=news.shared)
    changes = {
        "title": feed.title or document.title,
        "due_at": now + timedelta(seconds=cadence.next_poll(interval, dice)),
        "interval": interval,
        "etag": answer.etag if answer else "",
        "last_modified": answer.last_modified if answer else "",
        "body_digest": polled.body_digest,
        # An empty answer tells nothing of what came and went: the next is held against the last that had entries.
        "entry_digests": news.window or list(feed.entry_digests),
        "failures": 0,
        "last_status": polled.status,
        "last_error": "",
    }
    return changes | ({"last_new_at": now} if news.new else {})


def _line(polled: Polled, now: datetime) -> dict[str, Any]:
    return {
        "feed_id": polled.feed.id,
        "at": now,
        "took": polled.took,
        "outcome": polled.outcome,
        "status": polled.status,
        "bytes": polled.size,
        "entries": 0,
        "new": 0,
        "revised": 0,
        "gap": False,
        "error": polled.error,
    }


def as_broken(polled: Polled, error: Exception) -> Polled:
    """A poll whose entries could not be written: a failure with the reason, so that its neighbours are kept."""
    log.error("feed %s could not be written: %s", polled.feed.id, error)
    why = f"What it brought could not be kept: {type(error).__name__}: {line(str(error))[:300]}"
    return Polled(polled.feed, polled.took, polled.status, polled.size, error=why)
