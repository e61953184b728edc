"""Story pages: fetched together, read each by its own rules, completed and matched in one transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
from sqlmodel import Session

from storage import items, readings
from storage.alerts import Met
from storage.readings import PageToRead
from wire import article
from wire.errors import NotAStory, PollFailed
from wire.markup import line
from wire.revision import is_revised
from wire.story import Story
from worker import ingest
from worker.fetch import Limits, fetch
from worker.ingest import Turn

# Seconds before the second and the third try. A page is often published a moment after its feed.
_TRIES_AFTER = (30.0, 120.0)


@dataclass(frozen=True, slots=True)
class PageRead:
    """What came of one page: its story, or why there is none."""

    page: PageToRead
    story: Story | None = None
    error: str = ""


async def read_all(session: aiohttp.ClientSession, pages: Sequence[PageToRead], limits: Limits) -> list[PageRead]:
    return list(await asyncio.gather(*(_read(session, page, limits) for page in pages)))


async def _read(session: aiohttp.ClientSession, page: PageToRead, limits: Limits) -> PageRead:
    try:
        answer = await fetch(session, page.url, limits)
        return PageRead(page, article.read(answer.body or b"", url=page.url))
    except (PollFailed, NotAStory) as error:
        return PageRead(page, error=line(str(error)))


def write(session: Session, pages: Sequence[PageRead], turn: Turn, claim: str) -> dict[int, list[int]]:
    """Completes items by their pages and matches them; after the last try they are matched as their feed gave them.

    Returns the deliveries to be sent, by channel.
    """
    met: list[Met] = []
    for one in pages:
        if one.story and readings.done(session, one.page.item.id, claim):
            met += _complete(session, one.page, one.story, turn)
        elif one.error:
            met += _after_failure(session, one, turn, claim)
    return ingest.raise_alerts(session, met, turn)


def _complete(session: Session, page: PageToRead, story: Story, turn: Turn) -> list[Met]:
    item = page.item
    if item.state == items.UNREAD:
        items.complete(session, item, story)
        return ingest.match(item.id, item.version, story.title or item.title, story.text, turn.rules)
    if is_revised(item, story):
        version = items.revise(session, item, story, turn.now)
        return ingest.match(item.id, version, story.title or item.title, story.text, turn.rules)
    return []


def _after_failure(session: Session, one: PageRead, turn: Turn, claim: str) -> list[Met]:
    item, tried = one.page.item, one.page.attempts
    wait = _TRIES_AFTER[tried - 1] if tried <= len(_TRIES_AFTER) else None
    due_at = turn.now + timedelta(seconds=wait) if wait else None
    mine = readings.failed(session, item.id, claim, error=one.error, due_at=due_at)
    if not mine or due_at or item.state != items.UNREAD:
        return []
    items.complete(session, item, None)
    return ingest.match(item.id, item.version, item.title, item.text, turn.rules)
