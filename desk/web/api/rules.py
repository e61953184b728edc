"""`/api/v1/rules` and `/api/v1/lists`."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.responses import Response

from desk.answers import rules as answers
from desk.answers.base import Answer
from desk.deeds import rules as deeds
from desk.shapes import Facts, ListFacts, Name, RuleFacts, Short, Words, the_rule
from desk.times import duration
from desk.web import gate
from desk.web.api.common import Which, problems
from desk.web.gate import ANALYST, READER, At
from storage import backtest, rules
from storage.work import locked
from wire.errors import Taken

router = APIRouter(dependencies=[READER])
ListName = Annotated[str, Path(min_length=1, max_length=60, pattern=r"^[\w-]+$")]


class RuleChanges(RuleFacts):
    """What is to change of a rule; what is left out stays."""

    name: Name = ""
    query: Words = ""


class Try(Facts):
    """A query, on the stories first seen in this time (all, if left out), beside a rule if one is named."""

    query: Words = Field(examples=["drones OR strike"])
    since: Short = Field(default="", examples=["30d"])
    against: Short = ""
    limit: int = Field(default=20, ge=0, le=100)


class Checked(Facts):
    """A query to be checked."""

    query: Words = Field(examples=["drones AND (Fastiv OR Kyiv)"])


class Backfill(Facts):
    """The time whose stories are looked at (all, if left out), and whether the rule's channels are told."""

    since: Short = Field(default="", examples=["7d"])
    send: bool = False


class Backfilled(Answer):
    """How many stories of the past the rule met, and how many deliveries were written."""

    met: int
    deliveries: int


class Spellings(Facts):
    """All the spellings of a list."""

    spellings: list[Short] = Field(min_length=1, max_length=10_000, examples=[["Zelensky", "Selenskyj"]])


class Lists(Answer):
    """All lists, by name."""

    lists: list[ListFacts]


@router.get("/rules", tags=["rules"], response_model=answers.Rules, responses=problems())
def list_rules(request: Request, at: At) -> Response:
    """All rules, by name, with what wants a look."""
    sick = at.health()
    with at.reading() as session:
        return gate.told(request, answers.all_rules(session, at.clock(), sick))


@router.post(
    "/rules",
    tags=["rules"],
    dependencies=[ANALYST],
    status_code=201,
    response_model=answers.RuleLine,
    responses={200: {"model": answers.RuleLine, "description": "It was there, just so."}, **problems(404, 409)},
)
def add_rule(request: Request, at: At, said: RuleFacts) -> Response:
    """Makes a rule. Sent again it does nothing more; another rule of this name is a conflict."""
    with at.writing(request) as hand:
        status = HTTPStatus.CREATED
        try:
            deeds.add(hand, said)
        except Taken:
            there = the_rule(hand.session, rules.find(hand.session, said.name))
            if there.model_dump() != said.model_dump() | {"to": sorted({*said.to})}:
                raise
            status = HTTPStatus.OK
        return gate.told(request, answers.rule(hand.session, said.name, hand.now), status)


@router.post("/queries/check", tags=["queries"], response_model=answers.Check, responses=problems())
def check_query(request: Request, at: At, said: Checked) -> Response:
    """Whether a query can be read, at which character not, and what was perhaps not meant."""
    with at.reading() as session:
        return gate.told(request, answers.check(session, said.query))


@router.post("/queries/try", tags=["queries"], response_model=answers.Tried, responses=problems(404))
def try_query(request: Request, at: At, said: Try) -> Response:
    """What a query would have met of the stories kept so far, by day; what it gains and loses beside a rule."""
    since = at.clock() - duration(said.since) if said.since else None
    with at.reading() as session:
        found = answers.tried(session, said.query, at.clock(), since=since, against=said.against, limit=said.limit)
        return gate.told(request, found)


@router.get("/rules/{rule}", tags=["rules"], response_model=answers.RuleLine, responses=problems(404))
def show_rule(request: Request, at: At, rule: Which) -> Response:
    """A rule, by its number or name."""
    with at.reading() as session:
        return gate.told(request, answers.rule(session, rule, at.clock()))


@router.patch(
    "/rules/{rule}",
    tags=["rules"],
    dependencies=[ANALYST],
    response_model=answers.RuleLine,
    responses=problems(404, 409, 412),
)
def change_rule(request: Request, at: At, rule: Which, said: RuleChanges) -> Response:
    """Changes what is given. A new query makes a new version. `If-Match` guards against another's change."""
    with at.writing(request) as hand:
        row = locked(hand.session, rules.find(hand.session, rule))
        gate.is_unchanged(request, answers.rule(hand.session, rule, hand.now))
        deeds.change(hand, row, said.given())
        return gate.told(request, answers.rule(hand.session, f"{row.id}", hand.now))


@router.delete("/rules/{rule}", tags=["rules"], dependencies=[ANALYST], status_code=204, responses=problems(404, 412))
def remove_rule(request: Request, at: At, rule: Which) -> Response:
    """Looks for it no more; its alerts stay."""
    with at.writing(request) as hand:
        row = locked(hand.session, rules.find(hand.session, rule))
        gate.is_unchanged(request, answers.rule(hand.session, rule, hand.now))
        deeds.remove(hand, row)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    "/rules/{rule}/backfill",
    tags=["rules"],
    dependencies=[ANALYST],
    response_model=Backfilled,
    responses=problems(404),
)
def backfill(request: Request, at: At, rule: Which, said: Backfill) -> Response:
    """Makes the alerts a rule would have raised for the past. Those that are there already stay as they are."""
    since = at.clock() - duration(said.since) if said.since else None
    with at.reading() as session:
        past = backtest.past(session, rules.find(session, rule), since=since)
    with at.writing(request) as hand:
        met, sent = deeds.backfill(hand, rules.find(hand.session, rule), past, send=said.send)
        return gate.told(request, Backfilled(met=met, deliveries=sent))


@router.get("/lists", tags=["lists"], response_model=Lists, responses=problems())
def list_lists(request: Request, at: At) -> Response:
    """All lists with their spellings."""
    with at.reading() as session:
        found = [ListFacts(name=name, spellings=said) for name, said in answers.lists(session).items()]
    return gate.told(request, Lists(lists=found))


@router.get("/lists/{name}", tags=["lists"], response_model=ListFacts, responses=problems(404))
def show_list(request: Request, at: At, name: ListName) -> Response:
    """A list's spellings."""
    with at.reading() as session:
        return gate.told(request, ListFacts(name=name, spellings=answers.the_list(session, name)))


@router.put("/lists/{name}", tags=["lists"], dependencies=[ANALYST], response_model=ListFacts, responses=problems(412))
def set_list(request: Request, at: At, name: ListName, said: Spellings) -> Response:
    """Makes a list, or gives it other spellings. Rules that call it stand at a new version."""
    with at.writing(request) as hand:
        former = answers.lists(hand.session).get(name)
        gate.is_unchanged(request, ListFacts(name=name, spellings=former) if former else None)
        if former != said.spellings:
            deeds.set_list(hand, name, said.spellings)
    return gate.told(request, ListFacts(name=name, spellings=said.spellings))


@router.delete("/lists/{name}", tags=["lists"], dependencies=[ANALYST], status_code=204, responses=problems(404, 412))
def remove_list(request: Request, at: At, name: ListName) -> Response:
    """Removes a list that no rule calls."""
    with at.writing(request) as hand:
        gate.is_unchanged(request, ListFacts(name=name, spellings=answers.the_list(hand.session, name)))
        deeds.set_list(hand, name, [])
    return Response(status_code=HTTPStatus.NO_CONTENT)
