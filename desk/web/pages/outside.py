"""What programs outside ask for without signing in: the health check, and feeds of alerts by their secret address."""

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from desk import atom, health
from desk.shapes import Short
from desk.web.gate import At
from storage import outfeed
from wire.errors import BadInput

router = APIRouter()


@router.get("/healthz")
def healthz(at: At) -> JSONResponse:
    """200 when all is well, 503 with what is not."""
    with at.reading() as session:
        found, took = health.troubles(session, at.clock()), health.canary_took(session)
    told = {"well": not found, "troubles": found, "canary_seconds": took if at.canary else None}
    return JSONResponse(told, status_code=503 if found else 200)


@router.get("/livez")
def livez() -> JSONResponse:
    """200 as long as this web server answers: what a container's health check asks."""
    return JSONResponse({"alive": True})


@router.get("/readyz")
def readyz(at: At) -> JSONResponse:
    """200 when database, broker, tables and scheduler are there, else 503 with which is not."""
    found = health.readiness(at.database, at.broker, at.clock())
    return JSONResponse(found, status_code=200 if all(found.values()) else 503)


@router.get("/alerts.atom")
def alerts_feed(at: At, token: Short = "", rule: Short = "") -> Response:
    """The newest alerts, or a rule's, as Atom."""
    with at.reading() as session:
        if not outfeed.is_token(session, token):
            # As if there were nothing: an address that is no longer answered tells nothing.
            raise HTTPException(404)
        try:
            entries = outfeed.entries(session, rule)
        except BadInput as error:
            raise HTTPException(404, str(error)) from error
    here = outfeed.address(at.pages, "", rule).replace("token=&", "").replace("?token=", "")
    title = f"Wirewatch: {rule}" if rule else "Wirewatch: all alerts"
    body = atom.feed(entries, title=title, here=here, pages=at.pages, now=at.clock())
    return Response(body, media_type="application/atom+xml", headers={"Cache-Control": "private, max-age=60"})
