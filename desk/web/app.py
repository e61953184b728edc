"""The desk's web server, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from desk.web import looks, problems
from desk.web.api import alerts, channels, feeds, live, rules, status, stories
from desk.web.door import Door
from desk.web.pages import alerts as alert_pages
from desk.web.pages import channels as channel_pages
from desk.web.pages import feeds as feed_pages
from desk.web.pages import outside, signing
from desk.web.pages import rules as rule_pages
from desk.web.pages import status as status_pages
from desk.web.pages import wire as wire_pages
from desk.web.site import Site
from desk.web.stream import Hub

_ABOUT = """All that the pages show and do. Sign in with `Authorization: Bearer TOKEN` (`wirewatch users token NAME`);
on a machine's own address without users nothing is asked for. Lists are cursor pages: ask for `next` as `before`.
Answers carry an `ETag`; `If-Match` guards changes. What cannot be done is `application/problem+json` (RFC 9457)."""


def make_app(site: Site) -> FastAPI:
    """The application: the API under /api/v1, the pages, what is told to programs outside."""
    hub = Hub(site.database, site.clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        hub.close()

    app = FastAPI(
        title="Wirewatch",
        version=version("wirewatch"),
        description=_ABOUT,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.site, app.state.hub = site, hub
    problems.handle(app)
    api = APIRouter(prefix="/api/v1")
    for part in (stories, alerts, rules, feeds, channels, status, live):
        api.include_router(part.router)
    app.include_router(api)
    for page in (wire_pages, alert_pages, rule_pages, feed_pages, channel_pages, status_pages, signing, outside):
        app.include_router(page.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=looks.STATIC))
    app.add_middleware(Door, site=site)
    return app
