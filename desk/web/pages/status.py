"""How everything stands, and who changed what."""

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from desk import metrics
from desk.answers import status as answers
from desk.web import looks
from desk.web.gate import OPERATOR, READER, At, Before
from storage import polls

router = APIRouter(dependencies=[READER])
_NOTICES, _CHANGES = 20, 100
_LATELY = timedelta(minutes=5)


@router.get("/status")
def status(request: Request, at: At) -> Response:
    """Processes, queues, lag, the canary, throughput, disk, version."""
    found = at.status()
    with at.reading() as session:
        seen = {
            "status": found,
            "notices": answers.all_notices(session, _NOTICES),
            "readers": request.app.state.hub.readers,
            "disk": at.disk(),
        }
        return looks.render(request, "status.html", seen)


@router.get("/metrics")
def told_in_numbers(at: At) -> Response:
    """The same for Prometheus, who brings a token."""
    with at.reading() as session:
        lately = polls.outcomes(session, at.clock() - _LATELY)
    return Response(metrics.written(at.status(), lately, at.disk()), media_type=metrics.CONTENT_TYPE)


@router.get("/audit", dependencies=[OPERATOR])
def audit(request: Request, at: At, before: Before = None) -> Response:
    """Who changed what."""
    with at.reading() as session:
        return looks.render(request, "audit.html", {"found": answers.changes(session, limit=_CHANGES, before=before)})
