"""Rules and the lists they call."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from desk.answers import rules as answers
from desk.answers.rules import Check, Tried
from desk.deeds import rules as deeds
from desk.shapes import RuleFacts, Short
from desk.web import looks
from desk.web.api.common import Number
from desk.web.gate import ANALYST, READER, At, Form, go, text
from desk.web.looks import OK, UNPROCESSABLE
from desk.web.site import Site
from storage import channels, rules
from storage.work import locked
from wire.errors import BadInput, QueryError

router = APIRouter(dependencies=[READER])
_TRIED_DAYS = 30


@router.get("/rules")
def all_rules(request: Request, at: At) -> Response:
    """All rules, and the lists."""
    return _overview(request, at)


def _overview(request: Request, at: Site, *, error: str = "", said: dict[str, list[str]] | None = None) -> Response:
    """`said` is what somebody wanted lists to be; it stays in their forms."""
    sick = at.health()
    with at.reading() as session:
        lists = answers.lists(session) | (said or {})
        seen = {
            "rules": answers.all_rules(session, at.clock(), sick).rules,
            "lists": lists,
            "error": error,
            "said": said or {},
        }
        return looks.render(request, "rules.html", seen, status=UNPROCESSABLE if error else OK)


@router.get("/rules/new", dependencies=[ANALYST])
def new_rule(request: Request, at: At, query: Short = "") -> Response:
    """An empty editor, or one that begins with a query."""
    with at.reading() as session:
        facts = RuleFacts(name="new", query=query)
        said = facts.model_dump() | {"name": "", "to": [one.name for one in channels.all_channels(session)][:1]}
        return _editor(request, at, session, said, None)


@router.post("/rules/new", dependencies=[ANALYST])
def add_rule(request: Request, at: At, form: Form) -> Response:
    """Makes the rule, or tries it."""
    said = _said(form)
    if text(form, "do") == "try":
        with at.reading() as session:
            return _editor(request, at, session, said, None, tried=True)
    try:
        with at.writing(request) as hand:
            rule = deeds.add(hand, RuleFacts.read(said))
            return go(f"/rules/{rule.id}", f"The rule “{rule.name}” is on.")
    except BadInput as error:
        with at.reading() as session:
            return _editor(request, at, session, said, None, error=error)


@router.post("/rules/try")
def try_rule(request: Request, at: At, form: Form) -> Response:
    """What the editor shows as somebody types: whether the query can be read, and what it would have met."""
    with at.reading() as session:
        seen = _trial(at, session, text(form, "query"), text(form, "against"))
        return looks.render(request, "trial.html", seen)


@router.get("/rules/{rule:int}")
def rule(request: Request, at: At, rule: Number) -> Response:
    """A rule in its editor; what it would have met is asked for by itself, for that takes a moment."""
    with at.reading() as session:
        line = answers.rule(session, f"{rule}", at.clock())
        return _editor(request, at, session, line.model_dump(), line)


@router.post("/rules/{rule:int}", dependencies=[ANALYST])
def change_rule(request: Request, at: At, rule: Number, form: Form) -> Response:
    """Changes the rule, tries the change, switches or removes it."""
    said, do = _said(form), text(form, "do")
    try:
        with at.writing(request) as hand:
            row = locked(hand.session, rules.find(hand.session, f"{rule}"))
            if do == "remove":
                deeds.remove(hand, row)
                return go("/rules", f"The rule “{row.name}” is gone; its alerts stay.")
            if do != "try":
                deeds.change(hand, row, RuleFacts.read(said).model_dump())
                return go(f"/rules/{rule}", f"The rule “{row.name}” stands at version {row.version}.")
    except BadInput as problem:
        error: BadInput | None = problem
    else:
        error = None
    with at.reading() as session:
        line = answers.rule(session, f"{rule}", at.clock())
        return _editor(request, at, session, said, line, tried=True, error=error)


def _said(form: FormData) -> dict[str, Any]:
    """A rule as the form has it."""
    told = {name: text(form, name) for name in ("name", "query", "digest", "zone")}
    flags = {name: bool(form.get(name)) for name in ("enabled", "shadow", "urgent", "old")}
    return {**told, **flags, "to": [str(one) for one in form.getlist("to")], "zone": told["zone"] or "UTC"}


def _editor(
    request: Request,
    at: Site,
    session: Session,
    said: dict[str, Any],
    line: answers.RuleLine | None,
    *,
    tried: bool = False,
    error: BadInput | None = None,
) -> Response:
    seen = {
        "said": said,
        "line": line,
        "channels": [one.name for one in channels.all_channels(session)],
        "error": "" if error is None or isinstance(error, QueryError) else str(error),
        **(_trial(at, session, said["query"], line.name if line else "") if tried else {"check": None, "trial": None}),
    }
    return looks.render(request, "rule.html", seen, status=UNPROCESSABLE if error else OK)


def _trial(at: Site, session: Session, query: str, against: str) -> dict[str, Any]:
    check: Check | None = answers.check(session, query) if query else None
    trial: Tried | None = None
    if check and check.good:
        now = at.clock()
        saved = rules.find(session, against).query if against else ""
        beside = against if saved and saved != query else ""
        trial = answers.tried(session, query, now, since=now - timedelta(days=_TRIED_DAYS), against=beside, limit=8)
    return {"check": check, "trial": trial, "query": query, "days": _TRIED_DAYS}


@router.post("/lists", dependencies=[ANALYST])
def set_list(request: Request, at: At, form: Form) -> Response:
    """Makes or changes a list, a spelling a line; without any it is removed."""
    name = text(form, "name")
    spellings = [one.strip() for one in text(form, "spellings").splitlines() if one.strip()]
    try:
        with at.writing(request) as hand:
            deeds.set_list(hand, name, spellings)
    except BadInput as error:
        return _overview(request, at, error=str(error), said={name: spellings})
    return go("/rules#lists", f"list:{name} has {len(spellings)} spellings." if spellings else f"list:{name} is gone.")
