"""Webhooks: a JSON POST, signed as Standard Webhooks 1.0 has it (https://www.standardwebhooks.com)."""

import json
from datetime import datetime

import aiohttp
from standardwebhooks.webhooks import Webhook

from storage.outbox import Address
from wire import receivers, render
from wire.address import checked
from wire.courtesy import retry_after
from wire.errors import BadInput, DeliveryFailed
from wire.markup import clip, line
from wire.message import Message, payload
from worker.fetch import reason
from worker.guard import ForbiddenAddress
from worker.reveal import address_of, reveal

_MOST_READ = 500
# The receiver says that this will never be right: asking again would only annoy it.
_PERMANENT = frozenset({400, 401, 403, 404, 405, 410, 411, 413, 415, 422})
_OVERLOADED = frozenset({429, 503})


def signed(to: Address, key: str, body: str, now: datetime) -> dict[str, str]:
    """The headers of a webhook: its id, the same for every try, the time, and a signature by each secret."""
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "webhook-id": key,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    signatures = []
    for written in filter(None, (to.secret, to.former_secret)):
        try:
            secret = receivers.signing(reveal(written))
        except BadInput as error:
            raise DeliveryFailed(f"The channel's secret cannot sign. {error}", retry=True) from error
        signatures.append(Webhook(secret).sign(key, now, body))
    return headers | ({"webhook-signature": " ".join(signatures)} if signatures else {})


def body_of(to: Address, message: Message, pages: str) -> str:
    """What is posted: the payload, or what the channel's template makes of it."""
    if to.template:
        return render.by_template(to.template, message, pages=pages)
    return json.dumps(payload(message, pages=pages), ensure_ascii=False)


async def post(
    http: aiohttp.ClientSession, to: Address, message: Message, *, pages: str, patience: float, now: datetime
) -> str:
    """Posts a message; what the receiver said. Raises DeliveryFailed, and BadInput for its address or template."""
    url, body = address_of(to, checked), body_of(to, message, pages)
    headers = signed(to, message.key, body, now)
    try:
        async with http.post(
            url,
            data=body.encode(),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=patience),
            allow_redirects=False,
        ) as response:
            wait = retry_after(response.headers.get("Retry-After", ""), now)
            said = line((await response.content.read(_MOST_READ)).decode("utf-8", "replace"))
            return _judge(response.status, said, wait)
    except TimeoutError as error:
        raise DeliveryFailed("The receiver did not answer in time.", retry=True, silent=True, unsure=True) from error
    except aiohttp.ClientConnectorError as error:
        forbidden = isinstance(error.os_error, ForbiddenAddress)
        why = f"The receiver cannot be reached: {error.os_error}."
        raise DeliveryFailed(why, retry=not forbidden, silent=not forbidden) from error
    except ForbiddenAddress as error:  # behind a proxy it is found out before there is a connection
        raise DeliveryFailed(f"The receiver cannot be reached: {error}.", retry=False) from error
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise DeliveryFailed(f"The connection failed: {reason(error)}", retry=True, unsure=True) from error


def _judge(status: int, said: str, wait: float | None) -> str:
    answer = f"{status} {clip(said, 200)}".strip()
    if status < 300:  # noqa: PLR2004 -- 2xx is the one that means taken
        return answer
    if status < 400:  # noqa: PLR2004
        raise DeliveryFailed(f"The receiver redirects ({answer}). Give the channel the last address.", retry=False)
    raise DeliveryFailed(
        f"The receiver answered {answer}.",
        retry=status not in _PERMANENT,
        wait=wait,
        rests=status in _OVERLOADED and wait is not None,
    )
