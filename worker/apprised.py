"""Everything else, by way of Apprise (https://github.com/caronc/apprise): Slack, Discord, Telegram, ntfy, Matrix, …

Apprise blocks, so it works in a thread of its own. What it is told is plain text without mentions.
"""

import asyncio
import re

from storage.outbox import Address
from wire import render
from wire.errors import DeliveryFailed
from wire.markup import clip, line
from wire.message import Message
from worker.reveal import reveal

_STATUS = re.compile(r"error=(\d{3})")
_PERMANENT = frozenset({"400", "401", "403", "404", "405", "410"})
# Signs that make chat programs ring for everybody: @here, <!channel>, <@U123>. A story may say them, and calls nobody.
_MENTION = re.compile(r"https?://[^\s<>]+|@(?=\w)|<(?=[!@#&])")
_ZERO_WIDTH = "\u200b"


def without_mentions(text: str) -> str:
    """Text that reads the same and calls nobody; an address in it leads to the same page (RFC 3986, section 2)."""
    return _MENTION.sub(lambda found: _calls_nobody(found[0]), text)


def _calls_nobody(found: str) -> str:
    return found.replace("@", "%40") if found.startswith("http") else found + _ZERO_WIDTH


async def notify(to: Address, message: Message, *, pages: str, patience: float) -> str:
    """Tells an Apprise address; what came of it. Raises DeliveryFailed, and BadInput for its template."""
    title = without_mentions(render.subject(message))
    body = without_mentions(render.words(message, to.template, pages=pages))
    try:
        async with asyncio.timeout(patience):
            return await asyncio.to_thread(_notify, reveal(to.target), title, body)
    except TimeoutError as error:
        raise DeliveryFailed("The receiver did not answer in time.", retry=True, silent=True, unsure=True) from error


def _notify(address: str, title: str, body: str) -> str:
    import apprise  # a hundred services take their time to load: only where one is told

    asset = apprise.AppriseAsset(app_id="Wirewatch", app_desc="Wirewatch", async_mode=False, http_redirects=False)
    service = apprise.Apprise(asset=asset)
    if not service.add(address):
        raise DeliveryFailed("Apprise does not know this address. Look it up in its wiki.", retry=False)
    for one in service:
        if one.overflow_mode == apprise.OverflowMode.UPSTREAM:  # which leaves it to the receiver to refuse what is long
            one.overflow_mode = apprise.OverflowMode.SPLIT
    result = service.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
    said = clip(line("; ".join(str(entry.message) for entry in result.logs())), 300)
    if result:
        return said or "taken"
    status = _STATUS.search(said)
    raise DeliveryFailed(
        f"Apprise could not tell it: {said or 'it does not say why'}",
        retry=status is None or status[1] not in _PERMANENT,
        silent=status is None,
        unsure=status is None,
    )
