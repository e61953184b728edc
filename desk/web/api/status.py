"""`/api/v1/status`, notices, the audit."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from desk.answers import status as answers
from desk.answers.base import Answer
from desk.web import gate
from desk.web.api.common import problems
from desk.web.gate import OPERATOR, READER, Asking, At, Before, Limit

router = APIRouter(tags=["status"], dependencies=[READER])


class Notices(Answer):
    """What the operator should know, the newest first."""

    notices: list[answers.NoticeLine]


class Me(Answer):
    """Who is asking, in which role."""

    name: str
    role: str
    came_by: str


@router.get("/status", response_model=answers.Status, responses=problems())
def status(request: Request, at: At) -> Response:
    """How everything stands."""
    return gate.told(request, at.status())


@router.get("/notices", response_model=Notices, responses=problems())
def notices(request: Request, at: At, limit: Limit = 50) -> Response:
    """What the operator should know, the newest first."""
    with at.reading() as session:
        return gate.told(request, Notices(notices=answers.all_notices(session, limit)))


@router.get("/audit", dependencies=[OPERATOR], response_model=answers.Changes, responses=problems())
def audit(request: Request, at: At, limit: Limit = 50, before: Before = None) -> Response:
    """Who changed what, the newest first."""
    with at.reading() as session:
        return gate.told(request, answers.changes(session, limit=limit, before=before))


@router.get("/me", response_model=Me, responses=problems())
def me(request: Request, asking: Asking) -> Response:
    """Who is asking."""
    return gate.told(request, Me(name=asking.name, role=asking.role, came_by=asking.came_by))
