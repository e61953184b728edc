"""`/api/v1/stream`: stories and alerts as they come."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from desk.shapes import Short
from desk.web import stream
from desk.web.api.common import problems
from desk.web.gate import READER, At
from desk.web.site import Site
from storage import feeds, rules

router = APIRouter(tags=["live"], dependencies=[READER])
_EVENTS = "text/event-stream"
_MOST_READERS = 1_000


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {_EVENTS: {"schema": {"type": "string"}}}}, **problems(404)},
)
async def follow(
    request: Request,
    at: At,
    only: Literal["", "item", "alert"] = "",
    q: Short = "",
    feed: Short = "",
    rule: Short = "",
    provider: Short = "",
    language: Short = "",
    kind: Short = "",
    since: Annotated[Short, Query(description="The same as Last-Event-ID, for those who cannot send it.")] = "",
    last_event_id: Annotated[Short, Header()] = "",
) -> StreamingResponse:
    """Server-sent events `item` and `alert`, each with what their lists have of them; filters as for `/items`.

    With `Last-Event-ID` first what came since, some of it perhaps for the second time: numbers tell. When nothing comes
    there is a `mark` four times a minute: its id is a later one to come back with.
    """

    def ask(site: Site) -> stream.Filter:
        with site.reading() as session:
            return stream.asked(
                session,
                q,
                kinds=frozenset({only} if only else {stream.STORY, stream.ALERT_RAISED}),
                provider=provider,
                language=language,
                kind=kind,
                rule=rules.find(session, rule).name if rule else "",
                feed_id=feeds.find(session, feed).id if feed else None,
            )

    wanted = await run_in_threadpool(ask, at)
    hub: stream.Hub = request.app.state.hub
    if hub.readers >= _MOST_READERS:
        raise HTTPException(503, "Too many are listening. Try again later.")
    events = hub.listen(wanted, stream.marks(last_event_id or since), request.state.may_still)
    return StreamingResponse(events, media_type=_EVENTS, headers={"X-Accel-Buffering": "no"})
