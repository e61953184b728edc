"""`/api/v1/feeds`."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Request
from pydantic import Field
from starlette.responses import Response

from desk.answers import feeds as answers
from desk.answers.base import Answer
from desk.deeds import feeds as deeds
from desk.shapes import Facts, FeedFacts, Short
from desk.web import discovery, gate
from desk.web.api.common import Number, problems
from desk.web.gate import OPERATOR, READER, After, At, Limit
from storage import feeds
from storage.work import locked
from wire import opml
from wire.errors import Taken
from wire.opml import Outline

router = APIRouter(tags=["feeds"], dependencies=[READER])
_OPML = "text/x-opml"
_LARGEST = 5_000_000


class FeedChanges(FeedFacts):
    """What is to change of a feed; what is left out stays. Headers replace all that it has, its address is its own."""

    url: Short = ""


class Address(Facts):
    """An address to be looked at."""

    url: Short = Field(examples=["https://menafn.com/"])


class ImportedFeeds(Answer):
    """How many feeds are watched now, how many were already, and what is no address."""

    added: int
    known: int
    bad: list[str]


@router.get("/feeds", response_model=answers.Feeds, responses=problems())
def list_feeds(request: Request, at: At, limit: Limit = 100, after: After = 0) -> Response:
    """Feeds with how they stand, by number. `after` is the `next` of the page before."""
    with at.reading() as session:
        return gate.told(request, answers.page(session, at.clock(), limit=limit, after=after))


@router.post(
    "/feeds",
    dependencies=[OPERATOR],
    status_code=201,
    response_model=answers.FeedLine,
    responses={200: {"model": answers.FeedLine, "description": "It was watched already."}, **problems(409)},
)
def add_feed(request: Request, at: At, said: FeedFacts) -> Response:
    """Watches an address, unseen: `/feeds/discover` looks first. One that is watched already stays as it is."""
    with at.writing(request) as hand:
        try:
            feed, status = deeds.add(hand, said, at.bounds), HTTPStatus.CREATED
        except Taken:
            feed, status = feeds.find(hand.session, deeds.address(said.url)), HTTPStatus.OK
        return gate.told(request, answers.feed(hand.session, f"{feed.id}", hand.now), status)


@router.post("/feeds/discover", dependencies=[OPERATOR], response_model=answers.Offers, responses=problems(502))
def discover(request: Request, at: At, said: Address) -> Response:
    """Looks at an address: it is a feed, or a page that names some."""
    return gate.told(request, discovery.offers(at, said.url))


@router.get("/feeds.opml", response_class=Response, responses={200: {"content": {_OPML: {}}}, **problems()})
def export_feeds(at: At) -> Response:
    """All feeds as OPML, for other readers."""
    with at.reading() as session:
        document = opml.write(Outline(feed.url, feed.title) for feed in feeds.watched(session))
    headers = {"Content-Disposition": 'attachment; filename="wirewatch.opml"'}
    return Response(document, media_type=_OPML, headers=headers)


@router.post("/feeds.opml", dependencies=[OPERATOR], response_model=ImportedFeeds, responses=problems())
def import_feeds(
    request: Request,
    at: At,
    document: Annotated[bytes, Body(media_type=_OPML, max_length=_LARGEST)],
) -> Response:
    """Watches all feeds of an OPML file; those that are watched already stay as they are."""
    with at.writing(request) as hand:
        done = deeds.import_opml(hand, document, at.bounds)
    return gate.told(request, ImportedFeeds(added=done.added, known=done.known, bad=done.bad))


@router.get("/feeds/{feed:int}", response_model=answers.FeedLine, responses=problems(404))
def show_feed(request: Request, at: At, feed: Number) -> Response:
    """A feed and how it stands."""
    with at.reading() as session:
        return gate.told(request, answers.feed(session, f"{feed}", at.clock()))


@router.patch(
    "/feeds/{feed:int}", dependencies=[OPERATOR], response_model=answers.FeedLine, responses=problems(404, 412)
)
def change_feed(request: Request, at: At, feed: Number, said: FeedChanges) -> Response:
    """Changes what is given, and makes the feed due. `If-Match` guards against another's change."""
    with at.writing(request) as hand:
        row = locked(hand.session, feeds.find(hand.session, f"{feed}"))
        gate.is_unchanged(request, answers.feed(hand.session, f"{feed}", hand.now))
        deeds.change(hand, row, said.given())
        return gate.told(request, answers.feed(hand.session, f"{feed}", hand.now))


@router.delete("/feeds/{feed:int}", dependencies=[OPERATOR], status_code=204, responses=problems(404, 412))
def remove_feed(request: Request, at: At, feed: Number) -> Response:
    """Watches it no more; its stories stay."""
    with at.writing(request) as hand:
        row = locked(hand.session, feeds.find(hand.session, f"{feed}"))
        gate.is_unchanged(request, answers.feed(hand.session, f"{feed}", hand.now))
        deeds.remove(hand, row)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/feeds/{feed:int}/polls", response_model=answers.Polls, responses=problems(404))
def list_polls(request: Request, at: At, feed: Number, limit: Limit = 50) -> Response:
    """A feed's polls, the newest first."""
    with at.reading() as session:
        return gate.told(request, answers.polls_of(session, f"{feed}", limit))


@router.post(
    "/feeds/{feed:int}/poll", dependencies=[OPERATOR], response_model=answers.FeedLine, responses=problems(404)
)
def poll_feed(request: Request, at: At, feed: Number) -> Response:
    """Makes a feed due now; the scheduler takes it within a second."""
    with at.writing(request) as hand:
        deeds.poll(hand, feeds.find(hand.session, f"{feed}"))
        return gate.told(request, answers.feed(hand.session, f"{feed}", hand.now))
