"""The one way out to the world: an address → an answer, within limits of time and size.

Redirects are followed by hand, one hop at a time: each hop is a new connection and passes the guard.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import aiohttp

from wire.address import escaped, host_of, shown
from wire.courtesy import HEADERS
from wire.errors import PollFailed
from wire.markup import clip, line
from worker.guard import ForbiddenAddress, Guard

# At once: in all, so that sockets and memory stay bounded; and to one host, so that it is not stormed.
_MOST_CONNECTIONS = 200
MOST_PER_HOST = 8
_MOST_REDIRECTS = 5
_CHUNK = 64 * 1024
_LONGEST_VALIDATOR = 1_000
_OK, _NOT_MODIFIED = 200, 304
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOR_GOOD = frozenset({301, 308})
_ACCEPT = "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one answer: seconds in all, seconds without a byte, and bytes after unpacking.

    What is larger fails, unless only its beginning is wanted.
    """

    seconds: float = 20.0
    idle: float = 10.0
    size: int = 16 * 1024 * 1024
    beginning: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is None when the server said that nothing changed. `url` is where it came from.

    `moved_to` is that address too when every redirect on the way was one for good, else nothing. `headers` are those
    of `courtesy.HEADERS`.
    """

    url: str
    status: int
    body: bytes | None
    etag: str = ""
    last_modified: str = ""
    content_type: str = ""
    moved_to: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def open_session(
    user_agent: str, guard: Guard, *, proxy: str = "", per_host: int = MOST_PER_HOST
) -> aiohttp.ClientSession:
    """A session for the life of a process. Close it in the same event loop. `per_host` 0 sets no bound for a host.

    Behind a proxy the proxy connects, so it is what must keep us from private networks; addresses written as numbers
    are still refused here.
    """
    connector = aiohttp.TCPConnector(
        limit=_MOST_CONNECTIONS,
        limit_per_host=per_host if not proxy else 0,
        socket_factory=None if proxy else guard.socket,
        ttl_dns_cache=60,
    )
    headers = {"User-Agent": user_agent, "Accept": _ACCEPT}
    return aiohttp.ClientSession(
        connector=connector,
        headers=headers,
        # Cookies would let one feed's site know us from poll to poll, and nothing here needs them.
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=proxy or None,
        middlewares=(guard.by_name,) if proxy else (),
    )


async def fetch(
    session: aiohttp.ClientSession,
    url: str,
    limits: Limits,
    *,
    etag: str = "",
    last_modified: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Gets an address, asking only for what changed since the validators (RFC 9110, section 13).

    `headers` are this address's own, and go to no other host. Raises PollFailed with a sentence for a person, and the
    status if there was an answer.
    """
    conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    asked = {name: value for name, value in conditions.items() if value}
    try:
        async with asyncio.timeout(limits.seconds):
            return await _follow(session, url, asked, headers or {}, limits)
    except TimeoutError as error:
        raise PollFailed(
            f"No whole answer within {limits.seconds:g} seconds, or nothing for {limits.idle:g}."
        ) from error
    except aiohttp.ClientConnectorDNSError as error:
        raise PollFailed(f"The name {urlsplit(url).hostname} is not known. Is the address right?") from error
    except aiohttp.ClientConnectorError as error:
        raise PollFailed(_unreachable(error)) from error
    except ForbiddenAddress as error:
        raise PollFailed(f"{error}; {_HOW_TO_ALLOW}") from error
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise PollFailed(f"The connection failed: {reason(error)}") from error


def reason(error: Exception) -> str:
    """What went wrong, for a person. Errors of aiohttp print addresses, and a proxy's holds its password."""
    said = f"{error.status} {error.message}" if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return f"{type(error).__name__}: {clip(line(said), 200)}"


async def _follow(
    session: aiohttp.ClientSession, url: str, asked: Mapping[str, str], own: Mapping[str, str], limits: Limits
) -> Answer:
    first, for_good = url, True
    patience = aiohttp.ClientTimeout(total=None, sock_read=limits.idle, sock_connect=limits.idle)
    for _ in range(_MOST_REDIRECTS + 1):
        headers = {**asked, **(own if _same_origin(url, first) else {})}
        async with session.get(url, headers=headers, allow_redirects=False, timeout=patience) as response:
            if response.status not in _REDIRECTS:
                moved_to = url if for_good and url != first else ""
                return await _answer(response, url, limits, moved_to, conditional=bool(asked))
            for_good = for_good and response.status in _FOR_GOOD
            url = _next_hop(url, response)
    raise PollFailed(f"More than {_MOST_REDIRECTS} redirects, one after the other.", response.status)


def _same_origin(one: str, other: str) -> bool:
    return urlsplit(one).scheme == urlsplit(other).scheme and host_of(one) == host_of(other)


def _next_hop(url: str, response: aiohttp.ClientResponse) -> str:
    target = escaped(urljoin(url, response.headers.get("Location", "")))
    scheme = urlsplit(target).scheme
    if scheme not in ("http", "https") or target == url:
        raise PollFailed(f"It redirects to “{shown(target)}”, which is no way on.", response.status)
    if scheme == "http" and urlsplit(url).scheme == "https":
        raise PollFailed("It redirects from https to plain http, which is not followed.", response.status)
    return target


async def _answer(
    response: aiohttp.ClientResponse, url: str, limits: Limits, moved_to: str, *, conditional: bool
) -> Answer:
    headers = response.headers
    if response.status == _NOT_MODIFIED and conditional:
        body = None
    elif response.status == _NOT_MODIFIED:
        raise PollFailed("The server says that nothing changed (304), but it was asked for everything.", 304)
    elif response.status == _OK:
        body = await _body(response, limits)
    else:
        said = f"The server answered {response.status} {response.reason or ''}".rstrip()
        later = headers.get("Retry-After", "")
        raise PollFailed(f"{said}.", response.status, retry_after=later, host=host_of(url))
    return Answer(
        url,
        response.status,
        body,
        _echoable(headers.get("ETag", "")),
        _echoable(headers.get("Last-Modified", "")),
        headers.get("Content-Type", ""),
        moved_to,
        {name: ", ".join(headers.getall(name)) for name in HEADERS if name in headers},
    )


def _echoable(validator: str) -> str:
    """A validator as it was given, if it can be sent back as a header at all."""
    return validator if validator.isascii() and validator.isprintable() and len(validator) <= _LONGEST_VALIDATOR else ""


async def _body(response: aiohttp.ClientResponse, limits: Limits) -> bytes:
    """The body, unpacked, counted while it comes: a small answer can unpack to gigabytes."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(_CHUNK):
        size += len(part)
        if size > limits.size and limits.beginning:
            return b"".join([*parts, part])[: limits.size]
        if size > limits.size:
            raise PollFailed(
                f"The answer is larger than {limits.size:,} bytes. Raise WIREWATCH_MAX_BODY if it should be.",
                _OK,
            )
        parts.append(part)
    return b"".join(parts)


_HOW_TO_ALLOW = "allow its network with WIREWATCH_ALLOW_NETWORKS, its port with WIREWATCH_PORTS, if it is meant."


def _unreachable(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error.os_error, ForbiddenAddress) or "is not a public address" in str(error):
        return f"{error.os_error}; {_HOW_TO_ALLOW}"
    return f"{error.host} does not answer at port {error.port}: {error.os_error.strerror or error.os_error}."
