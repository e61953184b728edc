"""`/api/v1/items`: stories."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from desk.answers import stories as answers
from desk.web import exports, gate
from desk.web.api.common import BigNumber, Which, problems
from desk.web.gate import READER, AskedStories, At, Before, Limit
from storage import items

router = APIRouter(tags=["stories"], dependencies=[READER])
Most = Annotated[int, Query(ge=1, le=100_000)]


@router.get("/items", response_model=answers.Stories, responses=problems(404))
def list_items(request: Request, at: At, wanted: AskedStories, limit: Limit = 50, before: Before = None) -> Response:
    """Stories, the newest first. `before` is the `next` of the page before; a search can end early, and goes on so."""
    with at.reading() as session:
        return gate.told(request, answers.stories(session, wanted, limit=limit, before=before))


@router.get(
    "/items/export.{format}", responses={200: {"content": exports.CONTENT}, **problems(404)}, response_class=Response
)
def export_items(
    at: At, wanted: AskedStories, format: Literal["jsonl", "csv", "rss"], limit: Most = 10_000
) -> Response:
    """Stories as JSON Lines, as CSV that no spreadsheet takes for formulas, or as RSS; the newest first."""
    return exports.stories(at, wanted, format, limit)


@router.get("/items/{item:int}", response_model=answers.Story, responses=problems(404))
def show_item(request: Request, at: At, item: BigNumber) -> Response:
    """A story with all that is known of it: its text, carriers, versions, other copies, the rules that met it."""
    with at.reading() as session:
        return gate.told(request, answers.story(session, items.get(session, item)))


@router.get("/items/{item:int}/why/{rule}", response_model=answers.Why, responses=problems(404))
def why(request: Request, at: At, item: BigNumber, rule: Which) -> Response:
    """Why a rule meets a story, or by which clause it does not."""
    with at.reading() as session:
        return gate.told(request, answers.why(session, items.get(session, item), rule))
