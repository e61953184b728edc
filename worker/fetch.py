"""The one way out to the world: an address → an answer, within limits of time and size.

Redirects are followed by hand, one hop at a time: each hop is a new connection and passes the guard.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp

from wire.errors import PollFailed
from worker.guard import ForbiddenAddress, Network, socket_factory

# At once: in all, so that sockets and memory stay bounded; and to one host, so that it is not stormed.
_MOST_CONNECTIONS = 200
MOST_PER_HOST = 8
_MOST_REDIRECTS = 5
_CHUNK = 64 * 1024
_LONGEST_VALIDATOR = 1_000
_OK, _NOT_MODIFIED = 200, 304
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ACCEPT = "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one answer: seconds in all, and bytes after unpacking."""

    seconds: float = 20.0
    size: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is None when the server said that nothing changed. `url` is where it came from."""

    url: str
    status: int
    body: bytes | None
    etag: str = ""
    last_modified: str = ""
    content_type: str = ""


def open_session(user_agent: str, allowed: Iterable[Network]) -> aiohttp.ClientSession:
    """A session for the life of a process. Close it in the same event loop."""
    connector = aiohttp.TCPConnector(
        limit=_MOST_CONNECTIONS,
        limit_per_host=MOST_PER_HOST,
        socket_factory=socket_factory(allowed),
        ttl_dns_cache=60,
    )
    headers = {"User-Agent": user_agent, "Accept": _ACCEPT}
    # Cookies would let one feed's site know us from poll to poll, and nothing here needs them.
    return aiohttp.ClientSession(connector=connector, headers=headers, cookie_jar=aiohttp.DummyCookieJar())


async def fetch(
    session: aiohttp.ClientSession, url: str, limits: Limits, *, etag: str = "", last_modified: str = ""
) -> Answer:
    """Gets an address, asking only for what changed since the validators (RFC 9110, section 13).

    Raises PollFailed with a sentence for a person, and the status if there was an answer.
    """
    conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    try:
        async with asyncio.timeout(limits.seconds):
            return await _follow(session, url, {name: value for name, value in conditions.items() if value}, limits)
    except TimeoutError as error:
        raise PollFailed(f"No whole answer within {limits.seconds:g} seconds.") from error
    except aiohttp.ClientConnectorDNSError as error:
        raise PollFailed(f"The name {urlsplit(url).hostname} is not known. Is the address right?") from error
    except aiohttp.ClientConnectorError as error:
        raise PollFailed(_unreachable(error)) from error
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise PollFailed(f"The connection failed: {type(error).__name__}: {str(error)[:200]}") from error


async def _follow(session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], limits: Limits) -> Answer:
    for _ in range(_MOST_REDIRECTS + 1):
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status not in _REDIRECTS:
                return await _answer(response, url, limits)
            url = _next_hop(url, response)
    raise PollFailed(f"More than {_MOST_REDIRECTS} redirects, one after the other.", response.status)


def _next_hop(url: str, response: aiohttp.ClientResponse) -> str:
    target = urljoin(url, response.headers.get("Location", ""))
    scheme = urlsplit(target).scheme
    if scheme not in ("http", "https") or target == url:
        raise PollFailed(f"It redirects to {target[:200]!r}, which is no way on.", response.status)
    if scheme == "http" and urlsplit(url).scheme == "https":
        raise PollFailed("It redirects from https to plain http, which is not followed.", response.status)
    return target


async def _answer(response: aiohttp.ClientResponse, url: str, limits: Limits) -> Answer:
    if response.status == _NOT_MODIFIED:
        body = None
    elif response.status == _OK:
        body = await _body(response, limits)
    else:
        raise PollFailed(
            f"The server answered {response.status} {response.reason or ''}".rstrip() + ".", response.status
        )
    headers = response.headers
    return Answer(
        url,
        response.status,
        body,
        _echoable(headers.get("ETag", "")),
        _echoable(headers.get("Last-Modified", "")),
        headers.get("Content-Type", ""),
    )


def _echoable(validator: str) -> str:
    """A validator as it was given, if it can be sent back as a header at all."""
    return validator if validator.isascii() and validator.isprintable() and len(validator) <= _LONGEST_VALIDATOR else ""


async def _body(response: aiohttp.ClientResponse, limits: Limits) -> bytes:
    """The body, unpacked, counted while it comes: a small answer can unpack to gigabytes."""
    parts, size = [], 0
    async for part in response.content.iter_chunked(_CHUNK):
        size += len(part)
        if size > limits.size:
            raise PollFailed(
                f"The answer is larger than {limits.size:,} bytes. Raise WIREWATCH_MAX_BODY if it should be.",
                _OK,
            )
        parts.append(part)
    return b"".join(parts)


def _unreachable(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error.os_error, ForbiddenAddress) or "is not a public address" in str(error):
        return f"{error.os_error}; allow its network with WIREWATCH_ALLOW_NETWORKS if it is meant."
    return f"{error.host} does not answer at port {error.port}: {error.os_error.strerror or error.os_error}."
