"""Feeds: the table, adding with discovery, one feed with its polls, OPML."""

from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from desk.answers import feeds as answers
from desk.deeds import feeds as deeds
from desk.shapes import FeedFacts
from desk.web import discovery, looks
from desk.web.api.common import Number
from desk.web.gate import OPERATOR, READER, After, At, Form, go, text
from desk.web.looks import OK, UNPROCESSABLE
from desk.web.site import Site
from storage import feeds
from storage.work import locked
from wire.address import header
from wire.errors import BadInput, PollFailed, WirewatchError

router = APIRouter(dependencies=[READER])
_PAGE, _POLLS = 125, 60
_LARGEST = 5_000_000


@router.get("/feeds")
def all_feeds(request: Request, at: At, after: After = 0) -> Response:
    """Feeds with how they stand."""
    with at.reading() as session:
        found = answers.page(session, at.clock(), limit=_PAGE, after=after)
        return looks.render(request, "feeds.html", {"feeds": found.feeds, "next": found.next})


@router.get("/feeds/new", dependencies=[OPERATOR])
def new_feed(request: Request) -> Response:
    """An address to be looked at."""
    return _form(request, {"url": ""}, None, "")


@router.post("/feeds/new", dependencies=[OPERATOR])
def add_feed(request: Request, at: At, form: Form) -> Response:
    """Looks at an address first; watches it at once when it is a feed, else offers the feeds that its page names."""
    said = {"url": text(form, "url"), "title": text(form, "title"), "full_text": bool(form.get("full_text"))}
    try:
        if text(form, "do") != "unseen":
            offers = discovery.offers(at, text(form, "url")).offers
            if len(offers) != 1:
                none = "" if offers else "This is a page, and it names no feed."
                return _form(request, said, offers, none)
            said["url"] = offers[0].url if offers[0].entries is None else said["url"]
        with at.writing(request) as hand:
            feed = deeds.add(hand, FeedFacts.read(said), at.bounds)
            return go(f"/feeds/{feed.id}", "It is watched. Its first poll comes within a second or two.")
    except WirewatchError as error:
        return _form(request, said, None, str(error), can_be_added=isinstance(error, PollFailed))


def _form(request: Request, said: dict[str, Any], offers: Any, error: str, *, can_be_added: bool = False) -> Response:
    seen = {"said": said, "offers": offers, "error": error, "can_be_added": can_be_added}
    return looks.render(request, "feed_new.html", seen, status=UNPROCESSABLE if error else OK)


@router.post("/feeds/opml", dependencies=[OPERATOR])
def import_feeds(request: Request, at: At, form: Form) -> Response:
    """Watches all the feeds of an OPML file."""
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.size:
        raise BadInput("Choose an OPML file first.")
    if file.size > _LARGEST:
        raise BadInput(f"The file is larger than {_LARGEST:,} bytes.")
    with at.writing(request) as hand:
        done = deeds.import_opml(hand, file.file.read(), at.bounds)
    bad = f", {len(done.bad)} addresses are none" if done.bad else ""
    return go("/feeds", f"{done.added} feeds are watched now, {done.known} were already{bad}.")


@router.get("/feeds/{feed:int}")
def feed(request: Request, at: At, feed: Number) -> Response:
    """A feed, how it stands, and its polls."""
    with at.reading() as session:
        return _shown(request, at, session, feed)


@router.post("/feeds/{feed:int}", dependencies=[OPERATOR])
def change_feed(request: Request, at: At, feed: Number, form: Form) -> Response:
    """Polls now, pauses, resumes, removes, or changes what the form says."""
    try:
        with at.writing(request) as hand:
            row = locked(hand.session, feeds.find(hand.session, f"{feed}"))
            match text(form, "do"):
                case "poll":
                    deeds.poll(hand, row)
                    said = "It is due now; the scheduler takes it within a second."
                case "pause":
                    deeds.pause(hand, row)
                    said = "It is paused."
                case "resume":
                    deeds.resume(hand, row)
                    said = "It is polled again."
                case "remove":
                    deeds.remove(hand, row)
                    return go("/feeds", f"{row.title or row.url} is watched no more; its stories stay.")
                case _:
                    deeds.change(hand, row, _changes(form))
                    said = "It is changed, and due now."
        return go(f"/feeds/{feed}", said)
    except BadInput as error:
        with at.reading() as session:
            return _shown(request, at, session, feed, str(error), form)


def _changes(form: FormData) -> dict[str, Any]:
    told: dict[str, Any] = {name: text(form, name) for name in ("title", "min_interval", "max_interval")}
    written = [one for one in text(form, "headers").splitlines() if one.strip()]
    if written or form.get("no_headers"):
        told["headers"] = dict(map(header, written))
    return told | {"full_text": bool(form.get("full_text"))}


def _shown(
    request: Request, at: Site, session: Session, feed: int, error: str = "", form: FormData | None = None
) -> Response:
    line = answers.feed(session, f"{feed}", at.clock())
    said: dict[str, Any] = line.model_dump()
    if form is not None and not text(form, "do"):
        said |= {name: text(form, name) for name in ("title", "min_interval", "max_interval")}
    polls = answers.polls_of(session, f"{feed}", _POLLS).polls
    seen = {"feed": line, "said": said, "polls": polls, "error": error}
    return looks.render(request, "feed.html", seen, status=UNPROCESSABLE if error else OK)
