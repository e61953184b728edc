"""How each kind of channel is told a message. A new kind is one function here."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from storage.outbox import Outgoing
from wire import render
from wire.errors import BadInput, DeliveryFailed
from wire.markup import line
from worker import apprised, mail, webhook

log = logging.getLogger("wirewatch.alerts")

# A receiver that has not taken it by then is slow enough to count as away.
PATIENCE = 15.0
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class World:
    """What a channel may use to reach its receiver, where the desk's pages are, and how many seconds it may take."""

    http: aiohttp.ClientSession
    patience: float = PATIENCE
    pages: str = ""
    clock: Clock = utc_now


Send = Callable[[World, Outgoing], Awaitable[str]]


async def send(world: World, outgoing: Outgoing) -> str:
    """Tells the channel; what the receiver said. Raises DeliveryFailed, which says whether to try again."""
    try:
        way = _WAYS[outgoing.to.kind]
    except KeyError as error:
        raise DeliveryFailed(f"This version knows no channel of kind {outgoing.to.kind!r}.", retry=False) from error
    try:
        return await way(world, outgoing)
    except BadInput as error:  # what a person wrote of the channel does not do; it can be mended while we try
        raise DeliveryFailed(str(error), retry=True) from error


async def _log(world: World, outgoing: Outgoing) -> str:
    template = outgoing.to.template
    told = render.by_template(template, outgoing.message, pages=world.pages).splitlines() if template else []
    for words in told or render.lines(outgoing.message):
        log.info("%s %s", "NOTICE" if outgoing.message.notice else "ALERT", line(words))
    return "written to the log"


async def _webhook(world: World, outgoing: Outgoing) -> str:
    return await webhook.post(
        world.http, outgoing.to, outgoing.message, pages=world.pages, patience=world.patience, now=world.clock()
    )


async def _email(world: World, outgoing: Outgoing) -> str:
    return await mail.hand_in(
        outgoing.to, outgoing.message, pages=world.pages, patience=world.patience, now=world.clock()
    )


async def _apprise(world: World, outgoing: Outgoing) -> str:
    return await apprised.notify(outgoing.to, outgoing.message, pages=world.pages, patience=world.patience)


async def _canary(_: World, outgoing: Outgoing) -> str:
    """The canary's own channel: that it was reached is all there is to it; `worker/delivering.py` notes when."""
    return f"arrived: {outgoing.message.alerts[0].title}"


_WAYS: dict[str, Send] = {
    "log": _log,
    "webhook": _webhook,
    "email": _email,
    "apprise": _apprise,
    "canary": _canary,
}
