"""What routes ask of a request: a role, a form of our own, a page's bounds, that nothing changed meanwhile."""

import hashlib
import re
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Query, Request
from pydantic import BaseModel, BeforeValidator
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from desk.access import Role
from desk.answers import stories
from desk.shapes import ChannelFacts, Facts, FeedFacts, ListFacts, RuleFacts, Short
from desk.web import looks, problems
from desk.web.site import Site
from desk.web.visitor import Visitor, is_proof
from storage.listing import Wanted
from wire.errors import BadInput


def needs(role: Role) -> Any:
    """A dependency: whoever asks has this role at least."""

    def check(request: Request) -> None:
        visitor: Visitor = request.state.visitor
        if not visitor.role.may(role):
            raise problems.refuse(role)

    return Depends(check)


READER, ANALYST, OPERATOR = needs(Role.READER), needs(Role.ANALYST), needs(Role.OPERATOR)


def site_of(request: Request) -> Site:
    found: Site = request.app.state.site
    return found


def visitor_of(request: Request) -> Visitor:
    found: Visitor = request.state.visitor
    return found


At = Annotated[Site, Depends(site_of)]
Asking = Annotated[Visitor, Depends(visitor_of)]


async def _form(request: Request) -> FormData:
    """What a form of our own sends. One that brings no proof was made elsewhere, or before somebody signed in anew."""
    try:
        form = await request.form(max_files=1, max_fields=200)
    except HTTPException as error:
        raise BadInput(f"The form cannot be read: {error.detail}.") from error
    visitor: Visitor = request.state.visitor
    if not is_proof(visitor, str(form.get("proof", ""))):
        raise HTTPException(HTTPStatus.FORBIDDEN, "This form is not of this session. Open its page again.")
    return form


Form = Annotated[FormData, Depends(_form)]


def text(form: FormData, name: str) -> str:
    """A field of a form; lines end as they are kept. Raises BadInput."""
    written = str(form.get(name, "")).replace("\r\n", "\n").strip()
    if "\0" in written:
        raise BadInput(f"{name}: a NUL is no character that anybody types.")
    return written


def go(address: str, said: str = "") -> Response:
    """On to another page, where what was done is said once."""
    answer = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    if said:
        answer.set_cookie(looks.SAID, quote(said[:300]), max_age=60, httponly=True, samesite="lax")
    return answer


_NUMBER = re.compile(r"\s*[-+]?[\d.]+\s*")


def _no_number(written: Any) -> Any:
    """Pydantic takes a bare number for seconds since 1970, which nobody means."""
    if isinstance(written, str) and _NUMBER.fullmatch(written):
        raise ValueError("write a time like 2026-11-22T12:00:00Z")
    return written


Moment = Annotated[datetime, BeforeValidator(_no_number)]


def asked_stories(
    at: At,
    q: Short = "",
    feed: Short = "",
    rule: Short = "",
    provider: Short = "",
    language: Short = "",
    kind: Short = "",
    since: Moment | None = None,
    until: Moment | None = None,
) -> Wanted:
    """Which stories: `q` in the rules' language, feed and rule by number or name, times of first being seen (UTC)."""
    with at.reading() as session:
        return stories.wanted(
            session,
            query=q,
            feed=feed,
            rule=rule,
            provider=provider,
            language=language,
            kind=kind,
            since=looks.aware(since),
            until=looks.aware(until),
        )


AskedStories = Annotated[Wanted, Depends(asked_stories)]
Limit = Annotated[int, Query(ge=1, le=200)]
Before = Annotated[int | None, Query(ge=1, lt=2**62)]
After = Annotated[int, Query(ge=0, lt=2**31)]


def etag(answer: BaseModel, body: str) -> str:
    """What a representation is known by. A thing that can be changed is known by what is declared of it, weakly
    (RFC 9110, 8.8.1): that its counts move while somebody edits it is no change that was missed.
    """
    declared = next((kind for kind in type(answer).__mro__ if kind in FACTS), None)
    said = answer.model_dump_json(include={*declared.model_fields, "id"}) if declared else body
    digest = hashlib.sha256(said.encode()).hexdigest()[:32]
    return f'W/"{digest}"' if declared else f'"{digest}"'


FACTS: tuple[type[Facts], ...] = (FeedFacts, RuleFacts, ListFacts, ChannelFacts)


def told(request: Request, answer: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """An answer as JSON with its ETag; 304 to who has it already (RFC 9110, section 13)."""
    body = answer.model_dump_json()
    tag = etag(answer, body)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    is_known = not tag.startswith("W/") and _names(request.headers.get("if-none-match", ""), tag)
    if is_known and request.method in ("GET", "HEAD"):
        return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    return Response(body, status, headers, media_type="application/json")


def is_unchanged(request: Request, answer: BaseModel | None) -> None:
    """Refuses to change what is no longer as the request's If-Match has it, or no longer there."""
    wanted = request.headers.get("if-match", "")
    if wanted and (answer is None or not _names(wanted, etag(answer, answer.model_dump_json()))):
        raise HTTPException(HTTPStatus.PRECONDITION_FAILED, "It was changed meanwhile. Read it again.")


def _names(header: str, tag: str) -> bool:
    wanted = {tag.removeprefix("W/"), "*"}
    return any(one.strip().removeprefix("W/") in wanted for one in header.split(","))
