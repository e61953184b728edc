"""Signing in and out."""

from http import HTTPStatus
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
    """Begins a session. After five wrong tries a name, and an address, must wait between tries, ever longer."""
    now, from_where = at.clock(), request.client.host if request.client else ""
    keys = (f"name {name.casefold()}", f"address {from_where}")
    wait = max(at.throttle.wait(key, now) for key in keys)
    if wait:
        said = f"Too many tries. Wait {looks.long(wait.total_seconds())}."
        return _again(request, next, said, HTTPStatus.TOO_MANY_REQUESTS, str(int(wait.total_seconds()) + 1))
    with at.reading() as session:
        user = users.named(session, name)
        kept = user.password if user else None
        cookie = visitor.begin(at.key(), user) if user else ""
    if not access.is_password(kept, password):
        for key in keys:
            at.throttle.failed(key, now)
        return _again(request, next, "The name or the password is wrong.", HTTPStatus.FORBIDDEN)
    for key in keys:
        at.throttle.went_well(key)
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
