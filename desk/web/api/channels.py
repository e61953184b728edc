"""`/api/v1/channels`."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from desk.answers import channels as answers
from desk.answers.base import Answer
from desk.deeds import channels as deeds
from desk.shapes import ChannelFacts, Facts, Name, Short, Words, of_channel
from desk.web import gate
from desk.web.api.common import Which, problems
from desk.web.gate import OPERATOR, READER, At
from storage import channels
from storage.work import locked
from wire.errors import Taken

router = APIRouter(tags=["channels"], dependencies=[READER])


class ChannelChanges(ChannelFacts):
    """What is to change of a channel; what is left out stays, and so do its name and its kind."""

    name: Name = ""
    kind: Short = ""


class PreviewOf(Facts):
    """What is previewed: alert, correction, digest, notice, or an alert's number; with a template to be tried."""

    of: Short = Field(default="alert", examples=["digest"])
    template: Words | None = None


class Sent(Answer):
    """What the other side said to a sample."""

    said: str


@router.get("/channels", response_model=answers.Channels, responses=problems())
def list_channels(request: Request, at: At) -> Response:
    """All channels with how they stand; what is secret is not shown."""
    with at.reading() as session:
        return gate.told(request, answers.all_channels(session))


@router.post(
    "/channels",
    dependencies=[OPERATOR],
    status_code=201,
    response_model=answers.ChannelLine,
    responses={200: {"model": answers.ChannelLine, "description": "It was there, just so."}, **problems(409)},
)
def add_channel(request: Request, at: At, said: ChannelFacts) -> Response:
    """Adds a channel. Sent again it does nothing more; another channel of this name is a conflict."""
    with at.writing(request) as hand:
        status = HTTPStatus.CREATED
        try:
            deeds.add(hand, said)
        except Taken:
            if of_channel(channels.find(hand.session, said.name)) != said:
                raise
            status = HTTPStatus.OK
        return gate.told(request, answers.channel(hand.session, said.name), status)


@router.get("/channels/{channel}", response_model=answers.ChannelLine, responses=problems(404))
def show_channel(request: Request, at: At, channel: Which) -> Response:
    """A channel, by its number or name."""
    with at.reading() as session:
        return gate.told(request, answers.channel(session, channel))


@router.patch(
    "/channels/{channel}",
    dependencies=[OPERATOR],
    response_model=answers.ChannelLine,
    responses=problems(404, 412),
)
def change_channel(request: Request, at: At, channel: Which, said: ChannelChanges) -> Response:
    """Changes what is given; `paused` pauses or resumes. `If-Match` guards against another's change."""
    with at.writing(request) as hand:
        row = locked(hand.session, channels.find(hand.session, channel))
        gate.is_unchanged(request, answers.channel(hand.session, channel))
        deeds.change(hand, row, said.given())
        return gate.told(request, answers.channel(hand.session, channel))


@router.delete("/channels/{channel}", dependencies=[OPERATOR], status_code=204, responses=problems(404, 412))
def remove_channel(request: Request, at: At, channel: Which) -> Response:
    """Sends nothing there any more."""
    with at.writing(request) as hand:
        row = locked(hand.session, channels.find(hand.session, channel))
        gate.is_unchanged(request, answers.channel(hand.session, channel))
        deeds.remove(hand, row)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/channels/{channel}/test", dependencies=[OPERATOR], response_model=Sent, responses=problems(404, 502))
def test_channel(request: Request, at: At, channel: Which) -> Response:
    """Sends a marked sample now, and says what the other side said."""
    with at.reading() as session:
        key = channels.find(session, channel).id
    return gate.told(request, Sent(said=at.try_channel(f"{key}")))


@router.post(
    "/channels/{channel}/preview", dependencies=[OPERATOR], response_model=answers.Preview, responses=problems(404)
)
def preview_channel(request: Request, at: At, channel: Which, said: PreviewOf) -> Response:
    """How a message reads there, without sending it."""
    with at.reading() as session:
        found = answers.preview(session, channel, at.clock(), of=said.of, template=said.template, pages=at.pages)
        return gate.told(request, found)
