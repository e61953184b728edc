"""Story pages: fetched together, read each by its own rules, completed and matched in one transaction."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import aiohttp
from sqlmodel import Session

from storage import items, readings
from storage.items import Known
from storage.readings import PageToRead
from wire import article, courtesy
from wire.errors import NotAStory, PollFailed
from wire.markup import line
from wire.revision import is_revised
from wire.story import Identity, Story
from worker import ingest
from worker.bounded import TookTooLong, bounded
from worker.fetch import Limits, fetch
from worker.ingest import Kept, Turn
from worker.matching import Standing, match, set_beside
from worker.robots import Robots
from worker.telling import Telling

log = logging.getLogger(__name__)

# Seconds before the second and the third try. A page is often published a moment after its feed.
_TRIES_AFTER = (30.0, 120.0)
_MOST_TRIES = len(_TRIES_AFTER) + 1
# A story waits no longer for a server that wants to rest: it is matched as its feed gave it.
_LONGEST_WAIT = 600.0
_NEVER_CAME_BACK = "Whoever read this page never came back."


@dataclass(frozen=True, slots=True)
class PageRead:
    """What came of one page: its story, or why there is none, and for how many seconds its server wants to rest."""

    page: PageToRead
    story: Story | None = None
    error: str = ""
    wait: float | None = None


async def read_all(
    session: aiohttp.ClientSession,
    pages: Sequence[PageToRead],
    limits: Limits,
    *,
    now: datetime,
    robots: Robots | None = None,
) -> list[PageRead]:
    """Reads pages together; with `robots`, only those that their sites allow.

    One that was begun again and again and never came back is not asked for: it may be what ended its worker.
    """
    begun_too_often = [PageRead(page, error=_NEVER_CAME_BACK) for page in pages if page.attempts > _MOST_TRIES]
    asked = (_read(session, page, limits, now, robots) for page in pages if page.attempts <= _MOST_TRIES)
    return [*begun_too_often, *await asyncio.gather(*asked)]


async def _read(
    session: aiohttp.ClientSession, page: PageToRead, limits: Limits, now: datetime, robots: Robots | None
) -> PageRead:
    try:
        if robots:
            await robots.check(page.url, now)
        answer = await fetch(session, page.url, limits)
        read = partial(article.read, answer.body or b"", url=page.url, content_type=answer.content_type)
        return PageRead(page, bounded(read))
    except PollFailed as error:
        wait = courtesy.retry_after(error.retry_after, now) if error.retry_after else None
        return PageRead(page, error=line(str(error)), wait=wait)
    except (NotAStory, TookTooLong) as error:
        return PageRead(page, error=line(str(error)))
    except Exception as error:  # a page is foreign: whatever it makes a parser do, its neighbours are read
        log.exception("page %s could not be read", page.url)
        return PageRead(page, error=f"The page could not be read: {type(error).__name__}.")


def as_broken(one: PageRead, error: Exception) -> PageRead:
    """A page whose story could not be written: a failure with the reason, so that its neighbours are kept."""
    return PageRead(
        one.page, error=f"What it holds could not be kept: {type(error).__name__}: {line(str(error))[:300]}"
    )


def write(session: Session, pages: Sequence[PageRead], turn: Turn, claim: str) -> Kept:
    """Completes items by their pages and matches them; after the last try they are matched as their feed gave them."""
    done: dict[int, Standing] = {}
    for one in sorted(pages, key=lambda one: one.page.item.id):
        item = items.locked(session, one.page.item.id)
        if one.story and readings.done(session, item.id, claim):
            done |= _complete(session, item, one.story, turn)
        elif one.error:
            done |= _after_failure(session, item, one, turn, claim)
    set_beside(session, list(done.values()), turn.now)
    facts = items.facts(session, list(done))
    bulk = {one.page.item.id for one in pages if one.page.bulk}
    met = [
        found
        for item_id, one in done.items()
        for found in match(session, replace(one, bulk=item_id in bulk), facts[item_id], turn.rules)
    ]
    by_story = ingest.rules_by_story(met, {one.page.item.id: one.page.item.identity for one in pages})
    return Kept(met=by_story, deliveries=ingest.raise_alerts(session, met, turn))


def _complete(session: Session, item: Known, story: Story, turn: Turn) -> dict[int, Standing]:
    """The item's version to be matched, if there is one."""
    if item.state == items.UNREAD:
        items.complete(session, item, story, turn.now)
        return {item.id: Standing(item.id, item.version, Telling(story))}
    if not is_revised(item, story):
        items.note_read(session, item, turn.now)
        return {}
    version = items.revise(session, item, story, turn.now)
    items.complete(session, item, story, turn.now)
    return {item.id: Standing(item.id, version, Telling(story))}


def _after_failure(session: Session, item: Known, one: PageRead, turn: Turn, claim: str) -> dict[int, Standing]:
    tried = one.page.attempts
    wait = max(_TRIES_AFTER[tried - 1], one.wait or 0.0) if tried <= len(_TRIES_AFTER) else None
    due_at = turn.now + timedelta(seconds=wait) if wait and wait <= _LONGEST_WAIT else None
    mine = readings.failed(session, item.id, claim, error=one.error, due_at=due_at)
    if not mine or due_at or item.state != items.UNREAD:
        return {}
    items.complete(session, item, None, turn.now)
    as_fed = Story(Identity(item.identity), item.title, item.text, url=item.url)
    return {item.id: Standing(item.id, item.version, Telling(as_fed))}
