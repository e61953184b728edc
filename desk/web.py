"""The desk's web server: a story's page, feeds of alerts, the health check. It listens on this machine alone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.templating import Jinja2Templates
from starlette.middleware.trustedhost import TrustedHostMiddleware

from desk import atom, health
from desk.show import difference
from storage import alerts, items, outfeed
from storage.database import Database
from wire.errors import BadInput
from wire.message import pieces
from wire.revision import difference as differing
from wire.story import Span

_PAGES = Path(__file__).parent / "pages"
# Nothing runs on these pages and nothing is loaded from elsewhere; nobody may put them into a frame.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def make_app(database: Database, clock: Callable[[], datetime], *, pages: str, canary: timedelta) -> FastAPI:
    """The application. Only requests to a name it is known by are answered, so that no page elsewhere can rebind its
    own name to this machine and read here.
    """
    app = FastAPI(title="Wirewatch", openapi_url=None, docs_url=None, redoc_url=None)
    hosts = sorted({"127.0.0.1", "localhost", "::1", urlsplit(pages).hostname or ""} - {""})
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    templates = Jinja2Templates(_PAGES)

    @app.middleware("http")
    async def harden(request: Request, answer: Any) -> Response:
        response: Response = await answer(request)
        response.headers.update(_HEADERS)
        return response

    @app.get("/healthz")
    def healthz() -> JSONResponse:
        """200 when all is well, 503 with what is not."""
        with database.reading() as session:
            found, took = health.troubles(session, clock()), health.canary_took(session)
        told = {"well": not found, "troubles": found, "canary_seconds": took if canary else None}
        return JSONResponse(told, status_code=503 if found else 200)

    @app.get("/alerts.atom")
    def alerts_feed(token: str = "", rule: str = "") -> Response:
        with database.reading() as session:
            if not outfeed.is_token(session, token):
                raise HTTPException(
                    404
                )  # as if there were nothing: an address that is no longer answered tells nothing
            try:
                entries = outfeed.entries(session, rule)
            except BadInput as error:
                raise HTTPException(404, str(error)) from error
        here = outfeed.address(pages, "", rule).replace("token=&", "").replace("?token=", "")
        title = f"Wirewatch: {rule}" if rule else "Wirewatch: all alerts"
        body = atom.feed(entries, title=title, here=here, pages=pages, now=clock())
        return Response(body, media_type="application/atom+xml", headers={"Cache-Control": "private, max-age=60"})

    @app.get("/items/{number}", response_class=HTMLResponse)
    def item_page(request: Request, number: int) -> Response:
        """A story with the words that rules met, who carried it, and its former versions."""
        with database.reading() as session:
            try:
                item = items.find(session, str(number))
            except BadInput as error:
                raise HTTPException(404, str(error)) from error
            told = alerts.of_item(session, item.id or 0)
            spans = [Span(**span) for row in told if row.version == item.version for span in row.matches]
            versions = items.versions(session, item.id or 0)
            texts = [one.text for one in versions] + [item.text]
            seen = {
                "item": item,
                "title": pieces(item.title, spans, "title"),
                "text": pieces(item.text, spans, "text"),
                "rules": sorted({row.rule for row in told}),
                "carriers": items.carriers(session, item.id or 0),
                "alike": items.cluster_of(session, item),
                "changes": [
                    (one.version + 1, one.replaced_at, difference(differing(one.text, after)))
                    for one, after in zip(versions, texts[1:], strict=True)
                ],
            }
            return templates.TemplateResponse(request, "item.html", seen)

    return app
