"""The wire, and a story."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.responses import Response

from desk.answers import stories as answers
from desk.answers.stories import Stories
from desk.shapes import Short
from desk.web import looks
from desk.web.gate import READER, At, Before
from storage import feeds, items, listing, rules
from storage.work import number
from wire.errors import BadInput, QueryError
from wire.kinds import CORRECTION, REPEAT, UPDATE, WITHDRAWAL

router = APIRouter(dependencies=[READER])
_PAGE, _FOUND = 30, 10
_MOST_PROVIDERS, _MOST_LANGUAGES = 500, 100
_FILTERS = ("q", "feed", "rule", "provider", "language", "kind", "since", "until")


@router.get("/")
def wire(
    request: Request,
    at: At,
    q: Short = "",
    feed: Short = "",
    rule: Short = "",
    provider: Short = "",
    language: Short = "",
    kind: Short = "",
    since: Short = "",
    until: Short = "",
    before: Before = None,
) -> Response:
    """Stories as they come, those that fit alone if something is asked for."""
    asked = dict(zip(_FILTERS, (q, feed, rule, provider, language, kind, since, until), strict=True))
    with at.reading() as session:
        found, error, position = _found(session, asked, before)
        seen = {
            "found": found,
            "asked": asked,
            "narrowed": any(asked.values()),
            "error": error,
            "position": position,
            "export": _export(asked) if not error else "",
            "live": before is None and not error and not until,
            **_choices(session),
        }
        return looks.render(request, "wire.html", seen)


def _found(session: Session, asked: dict[str, str], before: int | None) -> tuple[Stories, str, int | None]:
    try:
        wanted = answers.wanted(
            session,
            query=asked["q"],
            feed=asked["feed"],
            rule=asked["rule"],
            provider=asked["provider"],
            language=asked["language"],
            kind=asked["kind"],
            since=_day(asked["since"]),
            until=_day(asked["until"], end=True),
        )
        return answers.stories(session, wanted, limit=_FOUND if wanted.query else _PAGE, before=before), "", None
    except BadInput as error:
        position = error.position if isinstance(error, QueryError) else None
        return Stories(items=[], next=None, back_to=None), str(error), position


def _day(written: str, *, end: bool = False) -> datetime | None:
    """A day's beginning or end, in UTC. Raises BadInput."""
    if not written:
        return None
    try:
        day = datetime.combine(date.fromisoformat(written), time(), UTC)
        return day + timedelta(days=1) if end else day
    except (ValueError, OverflowError) as error:
        raise BadInput(f"“{written}” is no day. Write it like 2026-11-22.") from error


def _export(asked: dict[str, str]) -> str:
    """What the API is asked for the same stories."""
    moments = {"since": _day(asked["since"]), "until": _day(asked["until"], end=True)}
    said = asked | {name: moment.isoformat() if moment else "" for name, moment in moments.items()}
    return urlencode({name: value for name, value in said.items() if value})


def _choices(session: Session) -> dict[str, Any]:
    return {
        "feeds": feeds.names(session),
        "rules": sorted(one.name for one in rules.all_rules(session)),
        "providers": listing.providers(session, _MOST_PROVIDERS),
        "languages": listing.languages(session, _MOST_LANGUAGES),
        "kinds": (CORRECTION, UPDATE, WITHDRAWAL, REPEAT),
    }


@router.get("/items/{item}")
def story(request: Request, at: At, item: Short, why: Short = "") -> Response:
    """A story by its number, or identity; with `why` (a rule) that rule held against it, clause by clause."""
    with at.reading() as session:
        found = items.get(session, key) if (key := number(item)) is not None else items.find(session, item)
        seen = {
            "story": answers.story(session, found),
            "why": answers.why(session, found, why) if why else None,
            "rules": sorted(one.name for one in rules.all_rules(session)),
        }
        return looks.render(request, "story.html", seen)
