"""How each kind of channel is told an alert. A new kind is one function here."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from storage.alerts import Outgoing
from wire.errors import DeliveryFailed
from wire.markup import clip, line
from wire.message import one_line, payload
from worker.fetch import reason
from worker.guard import ForbiddenAddress

log = logging.getLogger("wirewatch.alerts")

# A receiver that has not taken it by then is slow enough to count as away.
PATIENCE = 15.0
_MOST_READ = 500
# The receiver says that this will never be right: asking again would only annoy it.
_PERMANENT = frozenset({400, 401, 403, 404, 405, 410, 411, 413, 415, 422})


@dataclass(frozen=True, slots=True)
class World:
    """What a channel may use to reach its receiver, and how many seconds it may take."""

    http: aiohttp.ClientSession
    patience: float = PATIENCE


Send = Callable[[World, Outgoing], Awaitable[str]]


async def send(world: World, outgoing: Outgoing) -> str:
    """Tells the channel; what the receiver said. Raises DeliveryFailed, which says whether to try again."""
    try:
        way = _WAYS[outgoing.kind]
    except KeyError as error:
        raise DeliveryFailed(f"This version knows no channel of kind {outgoing.kind!r}.", retry=False) from error
    return await way(world, outgoing)


def idempotency_key(outgoing: Outgoing) -> str:
    """The same for every try of one delivery, so that a receiver can tell a repetition from a second alert."""
    return f"wirewatch-delivery-{outgoing.id}"


async def _log(_: World, outgoing: Outgoing) -> str:
    log.info("ALERT %s", one_line(outgoing.alert))
    return "written to the log"


async def _webhook(world: World, outgoing: Outgoing) -> str:
    headers = {"Idempotency-Key": idempotency_key(outgoing)}
    patience = aiohttp.ClientTimeout(total=world.patience)
    try:
        async with world.http.post(
            outgoing.target,
            json=payload(outgoing.alert),
            headers=headers,
            timeout=patience,
            allow_redirects=False,
        ) as response:
            said = line((await response.content.read(_MOST_READ)).decode("utf-8", "replace"))
            return _judge(response.status, said)
    except TimeoutError as error:
        raise DeliveryFailed("The receiver did not answer in time.", retry=True, silent=True) from error
    except aiohttp.ClientConnectorError as error:
        forbidden = isinstance(error.os_error, ForbiddenAddress)
        raise DeliveryFailed(f"The receiver cannot be reached: {error.os_error}.", retry=not forbidden) from error
    except ForbiddenAddress as error:  # behind a proxy it is found out before there is a connection
        raise DeliveryFailed(f"The receiver cannot be reached: {error}.", retry=False) from error
    except (aiohttp.ClientError, ValueError) as error:
        raise DeliveryFailed(f"The connection failed: {reason(error)}", retry=True) from error


def _judge(status: int, said: str) -> str:
    answer = f"{status} {clip(said, 200)}".strip()
    if status < 300:  # noqa: PLR2004 -- 2xx is the one that means taken
        return answer
    if status < 400:  # noqa: PLR2004
        raise DeliveryFailed(f"The receiver redirects ({answer}). Give the channel the last address.", retry=False)
    raise DeliveryFailed(f"The receiver answered {answer}.", retry=status not in _PERMANENT)


_WAYS: dict[str, Send] = {"log": _log, "webhook": _webhook}
