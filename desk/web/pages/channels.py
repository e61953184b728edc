"""Channels: how they stand, testing, pausing, templates with a preview, dead letters."""

from typing import Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from desk.answers import alerts as alert_answers
from desk.answers import channels as answers
from desk.deeds import alerts as alert_deeds
from desk.deeds import channels as deeds
from desk.shapes import ChannelFacts, Short
from desk.web import looks
from desk.web.api.common import Number
from desk.web.gate import OPERATOR, READER, At, Before, Form, go, text
from desk.web.looks import OK, UNPROCESSABLE
from desk.web.site import Site
from storage import channels
from storage.work import locked
from wire.errors import BadInput, WirewatchError
from wire.receivers import KINDS

router = APIRouter(dependencies=[READER])
_WORDS = ("target", "budget", "quiet", "zone", "template")
_LETTERS = 50


@router.get("/channels")
def all_channels(request: Request, at: At) -> Response:
    """All channels with how they stand."""
    with at.reading() as session:
        return looks.render(request, "channels.html", {"channels": answers.all_channels(session).channels})


@router.get("/channels/new", dependencies=[OPERATOR])
def new_channel(request: Request) -> Response:
    """An empty form."""
    return looks.render(request, "channel_new.html", {"kinds": KINDS, "said": {"kind": "webhook"}, "error": ""})


@router.post("/channels/new", dependencies=[OPERATOR])
def add_channel(request: Request, at: At, form: Form) -> Response:
    """Adds it."""
    told = {name: text(form, name) for name in ("name", "kind", "target", "secret")}
    try:
        with at.writing(request) as hand:
            channel = deeds.add(hand, ChannelFacts.read(told | {"operator": bool(form.get("operator"))}))
            return go(f"/channels/{channel.id}", f"“{channel.name}” is there. Try it with a sample.")
    except BadInput as error:
        said = told | {"secret": "", "operator": bool(form.get("operator"))}
        seen = {"kinds": KINDS, "said": said, "error": str(error)}
        return looks.render(request, "channel_new.html", seen, status=UNPROCESSABLE)


@router.get("/channels/{channel:int}")
def channel(request: Request, at: At, channel: Number, of: Short = "alert", before: Before = None) -> Response:
    """A channel: what it is told and how, a preview, its dead letters."""
    with at.reading() as session:
        return _shown(request, at, session, channel, of=of, before=before)


@router.post("/channels/{channel:int}", dependencies=[OPERATOR])
def change_channel(request: Request, at: At, channel: Number, form: Form) -> Response:
    """Tests, pauses, resumes, removes, previews, sends dead letters again, or changes what the form says."""
    do = text(form, "do")
    try:
        if do == "test":
            with at.reading() as session:
                channels.find(session, f"{channel}")
            return go(f"/channels/{channel}", f"It took the sample: {at.try_channel(str(channel))}")
        if do == "preview":
            with at.reading() as session:
                return _shown(request, at, session, channel, of=text(form, "of"), form=form)
        return _done(request, at, channel, do, form)
    except WirewatchError as error:
        with at.reading() as session:
            return _shown(request, at, session, channel, error=str(error), form=form if do in ("", "preview") else None)


def _done(request: Request, at: Site, channel: int, do: str, form: FormData) -> Response:
    with at.writing(request) as hand:
        row = locked(hand.session, channels.find(hand.session, f"{channel}"))
        match do:
            case "pause":
                deeds.pause(hand, row)
                said = "It is paused; what it misses is held."
            case "resume":
                deeds.resume(hand, row)
                said = "It is told again, first what it missed."
            case "remove":
                deeds.remove(hand, row)
                return go("/channels", f"Nothing is sent to “{row.name}” any more.")
            case "retry":
                count = alert_deeds.resend_failed(hand, row.id)
                said = f"{count} {'delivery is' if count == 1 else 'deliveries are'} sent again."
            case _:
                deeds.change(hand, row, _changes(form, row.kind), forget_former=bool(form.get("forget_former")))
                said = "It is changed."
    return go(f"/channels/{channel}", said)


def _changes(form: FormData, kind: str) -> dict[str, Any]:
    """What the form says; a target or secret that was left empty stays, for neither need have been shown."""
    told: dict[str, Any] = {name: text(form, name) for name in _WORDS if name in form}
    if not told.get("target") or kind == "log":
        told.pop("target", None)
    if text(form, "secret"):
        told["secret"] = text(form, "secret")
    return told | {name: bool(form.get(name)) for name in ("ordered", "operator")}


def _shown(
    request: Request,
    at: Site,
    session: Session,
    channel: int,
    *,
    of: str = "alert",
    form: FormData | None = None,
    error: str = "",
    before: int | None = None,
) -> Response:
    line = answers.channel(session, f"{channel}")
    said: dict[str, Any] = line.model_dump()
    if form is not None:
        said |= {name: text(form, name) for name in ("budget", "quiet", "zone", "template")}
        said |= {name: bool(form.get(name)) for name in ("ordered", "operator")}
    template = said["template"] if form is not None else None
    try:
        preview = answers.preview(session, f"{channel}", at.clock(), of=of, template=template, pages=at.pages)
    except BadInput as problem:
        preview, error = None, error or str(problem)
    letters = alert_answers.deliveries(session, limit=_LETTERS, state="failed", channel_id=channel, before=before)
    seen = {
        "channel": line,
        "preview": preview,
        "samples": answers.SAMPLES,
        "of": of,
        "said": said,
        "letters": letters,
        "error": error,
    }
    return looks.render(request, "channel.html", seen, status=UNPROCESSABLE if error else OK)
