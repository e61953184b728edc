"""Hubs: asking them for pushes, and the small server they call back (WebSub, sections 5 to 8)."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import aiohttp
from aiohttp import web

from storage import feeds, subscriptions
from storage.database import Database
from storage.subscriptions import Asking
from wire.address import is_usual
from wire.markup import clip, line
from wire.websub import is_signed
from worker.fetch import Limits, reason

log = logging.getLogger(__name__)

# What we ask for; the hub decides. Long enough to cost nothing, short enough that a lost hub is found out.
_LEASE = timedelta(days=7)
_TAKEN = range(200, 300)
_LONGEST_REASON = 300
_LONGEST_CHALLENGE = 1_000
_LONGEST_LEASE = 10  # digits: three centuries of seconds
PATH = "/websub/"


async def ask_all(
    session: aiohttp.ClientSession, asking: Sequence[Asking], public_url: str, limits: Limits
) -> list[tuple[int, str]]:
    """Asks each hub; (feed number, what went wrong or nothing) each. That it pushes it says later, by calling back."""
    return list(await asyncio.gather(*(_ask(session, one, public_url, limits) for one in asking)))


async def _ask(session: aiohttp.ClientSession, one: Asking, public_url: str, limits: Limits) -> tuple[int, str]:
    form = {
        "hub.mode": "subscribe",
        "hub.topic": one.topic,
        "hub.callback": f"{public_url.rstrip('/')}{PATH}{one.token}",
        "hub.secret": one.secret,
        "hub.lease_seconds": str(int(_LEASE.total_seconds())),
    }
    patience = aiohttp.ClientTimeout(total=limits.seconds)
    try:
        if not is_usual(one.hub):
            return one.feed_id, "The hub's address is odd."
        async with session.post(one.hub, data=form, timeout=patience, allow_redirects=False) as response:
            said = line((await response.content.read(_LONGEST_REASON)).decode("utf-8", "replace"))
            taken = response.status in _TAKEN
            return one.feed_id, "" if taken else clip(f"The hub answered {response.status} {said}", _LONGEST_REASON)
    except TimeoutError:
        return one.feed_id, "The hub did not answer in time."
    except (aiohttp.ClientError, ValueError, OSError) as error:
        return one.feed_id, f"The hub cannot be reached: {reason(error)}"


def receiver(database: Database, *, clock: Callable[[], datetime], largest: int) -> web.Application:
    """The server that hubs call. Its addresses hold a secret of their own, and what it is sent must be signed.

    A push is a bell: the feed is polled at once. So nothing but its own server tells what a feed holds, and an old
    push, told again, does no harm.
    """

    async def confirm(request: web.Request) -> web.Response:
        """A hub asks whether we meant it, or tells that it will not (section 5.3)."""
        said, now = request.query, clock()
        with database.writing() as session:
            found = subscriptions.of_token(session, request.match_info["token"])
            if found is None or said.get("hub.topic") != found.topic:
                return web.Response(status=404)
            mode = said.get("hub.mode", "")
            if mode == "denied":
                why = clip(line(said.get("hub.reason", "")), _LONGEST_REASON)
                subscriptions.denied(session, found, f"The hub refuses: {why or 'it does not say why'}", now)
                return web.Response(status=200)
            challenge, lease = said.get("hub.challenge", ""), said.get("hub.lease_seconds", "")
            if mode != "subscribe" or not 0 < len(challenge) <= _LONGEST_CHALLENGE:
                return web.Response(status=404)  # we never unsubscribe: leases end by themselves
            seconds = int(lease) if lease.isascii() and lease.isdecimal() and len(lease) <= _LONGEST_LEASE else 0
            subscriptions.verified(session, found, timedelta(seconds=seconds), now)
        return web.Response(text=challenge, content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})

    async def take(request: web.Request) -> web.Response:
        """A push. One whose signature is wrong is taken and dropped, as section 8 wants it."""
        body = await request.read()
        with database.reading() as session:
            found = subscriptions.of_token(session, request.match_info["token"])
            known = (found.feed_id, found.secret) if found else None
        if known is None:
            return web.Response(status=410)  # the hub may forget us
        feed_id, secret = known
        if is_signed(body, request.headers.get("X-Hub-Signature", ""), secret):
            with database.writing() as session:
                feeds.ring(session, feed_id, clock())
        else:
            log.warning("a push for feed %s is not signed by its hub and was dropped", feed_id)
        return web.Response(status=202)

    application = web.Application(client_max_size=largest)
    application.router.add_get(PATH + "{token}", confirm)
    application.router.add_post(PATH + "{token}", take)
    return application
