"""The door: what every request passes before anything else, and what every answer gets on its way out."""

import ipaddress
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from sqlalchemy.exc import DatabaseError
from sqlalchemy.exc import TimeoutError as PoolIsEmpty
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.web import problems, visitor
from desk.web.looks import HEADERS, MOST_COUNTED, Lately
from desk.web.site import Site
from desk.web.stream import newest
from desk.web.visitor import Visitor
from storage import inbox, users
from wire.address import is_loopback

# What anybody may ask for: it tells nothing, or asks for a secret of its own.
# What machines ask to see whether we are there: no matter who asks, and also without a database.
PROBES = frozenset({"/healthz", "/livez", "/readyz"})
PUBLIC = (*PROBES, "/alerts.atom", "/signin", "/static/")
# The largest that is sent is an OPML file of many thousand feeds.
_LARGEST = 8_000_000
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Door:
    """ASGI middleware: host names, who is asking, that no other site's page asks in their name, headers."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app, self._site = app, site
        named = urlsplit(site.pages).hostname
        self._names = {named} if named else set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def harden(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = await self._refuse(scope)
        await (refused or self._app)(scope, _bounded(receive), harden)

    async def _refuse(self, scope: Scope) -> Response | None:
        """What is answered instead; nothing when the request may go on. Leaves the visitor in its state."""
        request, headers, path = Request(scope), Headers(scope=scope), str(scope["path"])
        host = _host(headers)
        if not self._is_known(host):
            return problems.answer(request, HTTPStatus.BAD_REQUEST, f"There is no “{host}” here.")
        if path in PROBES:
            scope.setdefault("state", {})["visitor"] = None
            return None
        unsafe = scope["method"] not in _SAFE
        if unsafe and visitor.is_from_elsewhere(headers):
            return problems.answer(request, HTTPStatus.FORBIDDEN, "Another site's page sent this; it was not done.")
        try:
            found, lately = await run_in_threadpool(self._look_up, headers, request.cookies, host, path)
        except (DatabaseError, PoolIsEmpty):
            return problems.answer(request, HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer just now.")
        state = scope.setdefault("state", {})
        state["visitor"], state["lately"] = found, lately
        state["may_still"] = lambda: self._look_up(headers, request.cookies, host, path)[0] is not None
        if found is None and not any(path == one or (one.endswith("/") and path.startswith(one)) for one in PUBLIC):
            return self._ask_to_sign_in(request, path, unsafe=unsafe)
        if found and unsafe and path.startswith("/api/") and found.came_by == visitor.SESSION:
            given = headers.get("x-csrf-token", "")
            if not visitor.is_proof(found, given):
                return problems.answer(
                    request, HTTPStatus.FORBIDDEN, "X-CSRF-Token is missing or wrong; programs use a token instead."
                )
        return None

    def _look_up(
        self, headers: Headers, cookies: dict[str, str], host: str, path: str
    ) -> tuple[Visitor | None, Lately | None]:
        """Who is asking, and for a page what all pages show: in a session that ends before others."""
        key = self._site.key()
        with self._site.reading() as session:
            found = self._visitor(session, key, headers, cookies, host)
            is_page = found is not None and not path.startswith(("/api/", "/static/"))
            return found, Lately(inbox.count_new(session, MOST_COUNTED), newest(session)) if is_page else None

    def _visitor(
        self, session: Session, key: str, headers: Headers, cookies: dict[str, str], host: str
    ) -> Visitor | None:
        if (header := headers.get("authorization")) is not None:
            return visitor.by_token(session, header)
        if (cookie := cookies.get(visitor.COOKIE)) and (found := visitor.by_cookie(session, key, cookie)):
            return found
        if self._site.is_local and is_loopback(host) and not users.are_there_any(session):
            return visitor.on_this_machine(key)
        return None

    def _is_known(self, host: str) -> bool:
        """Whether we go by this name. A bare address is none that a page elsewhere could make lead here."""
        if host in self._names or is_loopback(host):
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return not self._site.is_local

    def _ask_to_sign_in(self, request: Request, path: str, *, unsafe: bool) -> Response:
        if path.startswith("/api/") or unsafe:
            refused = problems.answer(request, HTTPStatus.UNAUTHORIZED, "Sign in, or bring a token.")
            refused.headers["WWW-Authenticate"] = 'Bearer realm="Wirewatch"'
            return refused
        asked = path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/signin?next={quote(asked, safe='')}", HTTPStatus.SEE_OTHER)


def _bounded(receive: Receive) -> Receive:
    """A request's body, as long as it is of a size that anything here could want."""
    size = 0

    async def receive_some() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > _LARGEST:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {_LARGEST:,} bytes are taken.")
        return message

    return receive_some


def _host(headers: Headers) -> str:
    """The host's name without its port, in lower case."""
    try:
        return (urlsplit(f"//{headers.get('host', '')}").hostname or "").lower()
    except ValueError:
        return ""
