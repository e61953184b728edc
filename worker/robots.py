"""What a site's robots.txt says of its story pages (RFC 9309). Asked only when the operator wants it obeyed."""

import asyncio
import logging
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

import aiohttp
from protego import Protego

from wire.errors import PollFailed
from worker.bounded import bounded
from worker.fetch import Limits, fetch

log = logging.getLogger(__name__)

# RFC 9309, section 2.4: what was read is used for a day at most.
_KEPT_FOR = timedelta(days=1)
_MOST_SITES = 500
# "Too many requests" says nothing of what is allowed (section 2.3.1.4 speaks of 5xx only).
_OVERLOADED = 429
# A crawler must read at least 500 KiB (section 2.5); nobody writes more.
_LARGEST = 512 * 1024


class Robots:
    """The robots.txt of the sites a process reads from, each asked for once a day."""

    def __init__(self, session: aiohttp.ClientSession, limits: Limits, user_agent: str) -> None:
        self._session = session
        self._limits = Limits(limits.seconds, limits.idle, _LARGEST, beginning=True)
        self._name = user_agent.split("/", maxsplit=1)[0].split(maxsplit=1)[0] if user_agent.strip() else "*"
        self._sites: dict[str, tuple[datetime, asyncio.Task[Protego | None]]] = {}

    async def check(self, url: str, now: datetime) -> None:
        """Raises PollFailed when the site does not want this page read, or its wish could not be had."""
        rules = await self._of_site(url, now)
        if rules is None:
            raise PollFailed("The site's robots.txt could not be had, so its pages are left alone for now.")
        if not bounded(partial(rules.can_fetch, url, self._name)):
            raise PollFailed("The site's robots.txt asks not to read this page.")

    async def _of_site(self, url: str, now: datetime) -> Protego | None:
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        asked, task = self._sites.get(site, (now, None))
        if task is None or not timedelta(0) <= now - asked < _KEPT_FOR or (task.done() and task.result() is None):
            if len(self._sites) > _MOST_SITES:
                self._sites.clear()
            task = asyncio.ensure_future(self._ask(site))
            self._sites[site] = (now, task)
        return await task

    async def _ask(self, site: str) -> Protego | None:
        """A site without robots.txt allows all; one whose server is in trouble, nothing (section 2.3.1)."""
        try:
            answer = await fetch(self._session, f"{site}/robots.txt", self._limits)
        except PollFailed as error:
            is_missing = error.status is not None and 400 <= error.status < 500  # noqa: PLR2004 -- the class of status
            return Protego.parse("") if is_missing and error.status != _OVERLOADED else None
        try:
            return bounded(partial(Protego.parse, (answer.body or b"").decode("utf-8", "replace")))
        except Exception:  # foreign text made the parser stumble: nothing is known of what the site wants
            log.exception("the robots.txt of %s could not be read", site)
            return None
