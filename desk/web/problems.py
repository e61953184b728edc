"""What could not be done, said plainly: as problem+json (RFC 9457) to programs, as a page to people."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolIsEmpty
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from desk.hand import CROSSED
from desk.shapes import in_words
from desk.web.looks import HEADERS, render
from wire.errors import DeliveryFailed, NotThere, PollFailed, QueryError, Taken, WirewatchError
from wire.markup import line

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"


class Problem(BaseModel):
    """What could not be done and why (RFC 9457). `position`: the character of a query that cannot be read, from 0."""

    model_config = ConfigDict(frozen=True)

    title: str
    status: int
    detail: str
    position: int | None = None


def answer(
    request: Request,
    status: HTTPStatus,
    detail: str,
    *,
    position: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The problem, in the form that whoever asks can read."""
    if request.url.path.startswith("/api/"):
        problem = Problem(title=status.phrase, status=status, detail=detail, position=position)
        return Response(
            problem.model_dump_json(exclude_none=True), status, media_type=PROBLEM, headers=dict(headers or {})
        )
    seen = {"title": status.phrase, "detail": detail, "position": position}
    return render(request, "problem.html", seen, status=status, headers=headers)


def status_of(error: WirewatchError) -> HTTPStatus:
    """What an error of ours is in HTTP's words."""
    match error:
        case NotThere():
            return HTTPStatus.NOT_FOUND
        case Taken():
            return HTTPStatus.CONFLICT
        case PollFailed() | DeliveryFailed():
            return HTTPStatus.BAD_GATEWAY
        case _:
            return HTTPStatus.UNPROCESSABLE_ENTITY


def handle(app: FastAPI) -> None:
    """Sees to it that every error becomes a problem; what nobody foresaw stays a 500, and its trace goes to the log."""

    @app.exception_handler(WirewatchError)
    def ours(request: Request, error: WirewatchError) -> Response:
        position = error.position if isinstance(error, QueryError) else None
        return answer(request, status_of(error), str(error), position=position)

    @app.exception_handler(RequestValidationError)
    def unreadable(request: Request, error: RequestValidationError) -> Response:
        return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, _first(error.errors()))

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        detail = str(error.detail) if error.detail != status.phrase else _USUAL.get(status, str(error.detail))
        headers = dict(error.headers or {})
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods_of(app, request.url.path))
        return answer(request, status, detail, headers=headers)

    @app.exception_handler(IntegrityError)
    def crossed(request: Request, error: IntegrityError) -> Response:
        log.warning("what two did at once, or we did wrong: %s", line(str(error.orig)))
        return answer(request, HTTPStatus.CONFLICT, CROSSED)

    @app.exception_handler(OperationalError)
    @app.exception_handler(PoolIsEmpty)
    def away(request: Request, error: Exception) -> Response:  # noqa: ARG001 -- its details are nobody's business
        return answer(request, HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer just now. Try again.")

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:  # noqa: ARG001 -- its trace goes to the log
        said = "Something went wrong here that nobody foresaw; the desk's log has it."
        return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, said, headers=HEADERS)


def _methods_of(app: FastAPI, path: str) -> list[str]:
    """All that can be done at a path: its routes are several, and each knows only of itself."""
    found: set[str] = set()
    for route in iter_route_contexts(app.routes):
        if route.methods and compile_path(str(route.path))[0].fullmatch(path):
            found |= route.methods
    return sorted(found)


_USUAL = {
    HTTPStatus.NOT_FOUND: "There is nothing here.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This cannot be done here.",
}


def _first(errors: Sequence[Any]) -> str:
    return in_words(errors[0]) if errors else "The request cannot be read."


def refuse(needed: str) -> HTTPException:
    """Somebody may not do what they ask for."""
    return HTTPException(HTTPStatus.FORBIDDEN, f"This needs the role of {needed}. `wirewatch users role` gives it.")
