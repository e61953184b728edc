"""A look at an address before it is watched: a feed, or a page and the feeds it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import aiohttp

from wire.discovery import Offered, offered
from wire.entries import parse
from wire.errors import NotAFeed
from wire.story import Document
from worker.bounded import TookTooLong, bounded
from worker.fetch import Limits, fetch


@dataclass(frozen=True, slots=True)
class Found:
    """What is at an address: a feed's document, or the feeds a page offers instead. `url` is where it was at last."""

    url: str
    document: Document | None
    offered: tuple[Offered, ...] = ()


async def look(session: aiohttp.ClientSession, url: str, limits: Limits, headers: Mapping[str, str]) -> Found:
    """Fetches an address once. Raises PollFailed, or NotAFeed when it is neither a feed nor names any."""
    answer = await fetch(session, url, limits, headers=headers)
    body = answer.body or b""
    try:
        read = partial(parse, body, url=answer.url, content_type=answer.content_type)
        return Found(answer.url, bounded(read))
    except TookTooLong as error:
        raise NotAFeed(str(error)) from error
    except NotAFeed:
        others = tuple(one for one in offered(body, url=answer.url) if one.url != answer.url)
        if not others:
            raise
        return Found(answer.url, None, others)
