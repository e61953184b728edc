"""Signing in and out."""

from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from desk import access
from desk.shapes import Short
from desk.web import looks, visitor
from desk.web.gate import READER, Asking, At
from desk.web.gate import Form as OurForm
from desk.web.site import Site
from storage import audit, users

router = APIRouter()
# Passwords are looked at one after the other; who waits for that holds a thread that others want.
_AT_THE_DOOR = BoundedSemaphore(8)


@router.get("/signin")
def ask(request: Request, next: Short = "/") -> Response:
    """The form."""
    return looks.render(request, "signin.html", {"next": next, "error": ""})


@router.post("/signin")
def sign_in(
    request: Request,
    at: At,
    name: Annotated[Short, Form()] = "",
    password: Annotated[Short, Form()] = "",
    next: Annotated[Short, Form()] = "/",
) -> Response:
    """Begins a session. After five wrong tries of a name it must be waited between tries, ever longer."""
    now, address = at.clock(), request.client.host if request.client else ""
    pair = f"{address} {name.casefold()}"
    wait = max(at.tries_of_name.take(pair, now), at.tries_of_address.take(address, now))
    if wait:
        said = f"Too many tries. Wait {looks.long(wait.total_seconds())}."
        return _again(request, next, said, HTTPStatus.TOO_MANY_REQUESTS, str(int(wait.total_seconds()) + 1))
    with at.reading() as session:
        user = users.named(session, name)
        kept = user.password if user else None
        cookie = visitor.begin(at.key(), user) if user else ""
    if not _AT_THE_DOOR.acquire(blocking=False):
        return _again(request, next, "Many sign in just now. Try again.", HTTPStatus.TOO_MANY_REQUESTS, "2")
    try:
        is_right = access.is_password(kept, password)
    finally:
        _AT_THE_DOOR.release()
    if not is_right:
        return _again(request, next, "The name or the password is wrong.", HTTPStatus.FORBIDDEN)
    at.tries_of_name.went_well(pair)
    at.tries_of_address.went_well(address)
    return _begun(at, name, cookie, next)


def _again(request: Request, next: str, error: str, status: HTTPStatus, wait: str = "") -> Response:
    headers = {"Retry-After": wait} if wait else {}
    return looks.render(request, "signin.html", {"next": next, "error": error}, status=status, headers=headers)


def _begun(at: Site, name: str, cookie: str, next: str) -> Response:
    with at.database.writing() as session:
        audit.record(session, name, "signed in", f"user {name}", before={}, after={}, now=at.clock())
    answer = RedirectResponse(_own(next), HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        visitor.COOKIE,
        cookie,
        max_age=visitor.LONGEST_SESSION,
        httponly=True,
        samesite="lax",
        secure=at.is_behind_tls,
    )
    return answer


def _own(address: str) -> str:
    """An address of ours; the first page for any other, be it written ever so cleverly."""
    is_ours = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if is_ours else "/"


@router.post("/signout", dependencies=[READER])
def sign_out(at: At, asking: Asking, form: OurForm) -> Response:  # noqa: ARG001 -- its proof was looked at
    """Ends all sessions of whoever asks: a cookie that was copied ends with them."""
    if asking.user_id is not None:
        with at.database.writing() as session:
            users.end_sessions(session, asking.user_id)
    answer = RedirectResponse("/signin", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(visitor.COOKIE)
    return answer
