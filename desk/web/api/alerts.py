"""`/api/v1/alerts` and `/api/v1/deliveries`."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from desk.answers import alerts as answers
from desk.answers.base import Answer
from desk.deeds import alerts as deeds
from desk.shapes import Facts, Name, Remark, Short
from desk.web import exports, gate
from desk.web.api.common import BigNumber, problems
from desk.web.gate import ANALYST, READER, At, Before, Limit
from desk.web.site import Site
from storage import channels, inbox, rules
from storage.inbox import Wanted

router = APIRouter(dependencies=[READER])
Most = Annotated[int, Query(ge=1, le=100_000)]
State = Literal["", "new", "seen", "shadow"]
DeliveryState = Literal["", "pending", "sent", "failed", "held"]


def asked_alerts(at: At, state: State = "", rule: Short = "", assigned: Short = "") -> Wanted:
    """Which alerts: by state, rule (number or name), whom they are assigned to."""
    with at.reading() as session:
        return Wanted(state, rules.find(session, rule).id if rule else None, assigned)


AskedAlerts = Annotated[Wanted, Depends(asked_alerts)]


class Marked(Facts):
    """Alerts, and whether they are seen."""

    alerts: list[Annotated[int, Field(ge=1, lt=2**62)]] = Field(min_length=1, max_length=1_000)
    seen: bool = True


class Resend(Facts):
    """All dead letters, or those of one channel."""

    channel: Name = ""


class Changed(Answer):
    """How many were changed."""

    changed: int


class DeliveryWhole(answers.DeliveryLine):
    """A delivery, and what happened to it."""

    history: list[answers.Event]


@router.get("/alerts", tags=["alerts"], response_model=answers.Alerts, responses=problems(404))
def list_alerts(request: Request, at: At, wanted: AskedAlerts, limit: Limit = 50, before: Before = None) -> Response:
    """Alerts, the newest first. `before` is the `next` of the page before."""
    with at.reading() as session:
        return gate.told(request, answers.page(session, wanted, limit=limit, before=before))


@router.get(
    "/alerts/export.{format}",
    tags=["alerts"],
    responses={200: {"content": exports.CONTENT}, **problems(404)},
    response_class=Response,
)
def export_alerts(
    at: At, wanted: AskedAlerts, format: Literal["jsonl", "csv", "rss"], limit: Most = 10_000
) -> Response:
    """Alerts as JSON Lines, as CSV that no spreadsheet takes for formulas, or as RSS; the newest first."""
    return exports.alerts(at, wanted, format, limit)


@router.post("/alerts/mark", tags=["alerts"], dependencies=[ANALYST], response_model=Changed, responses=problems())
def mark_alerts(request: Request, at: At, said: Marked) -> Response:
    """Marks alerts seen, or new again; those that are so already stay."""
    with at.writing(request) as hand:
        return gate.told(request, Changed(changed=len(deeds.mark(hand, said.alerts, seen=said.seen))))


@router.get("/alerts/{alert:int}", tags=["alerts"], response_model=answers.AlertWhole, responses=problems(404))
def show_alert(request: Request, at: At, alert: BigNumber) -> Response:
    """An alert: why, what people noted, and everything that happened to it."""
    with at.reading() as session:
        return gate.told(request, answers.alert(session, alert))


@router.patch(
    "/alerts/{alert:int}",
    tags=["alerts"],
    dependencies=[ANALYST],
    response_model=answers.AlertWhole,
    responses=problems(404, 412),
)
def note_alert(request: Request, at: At, alert: BigNumber, said: Remark) -> Response:
    """Marks an alert seen or new, assigns it, remarks on it. `If-Match` guards against another's change."""
    with at.writing(request) as hand:
        inbox.lock(hand.session, alert)
        gate.is_unchanged(request, answers.alert(hand.session, alert))
        given = said.given()
        if "seen" in given:
            deeds.mark(hand, [alert], seen=said.seen)
        deeds.note(hand, alert, assigned=given.get("assigned"), remark=given.get("remark"))
        return gate.told(request, answers.alert(hand.session, alert))


@router.get("/deliveries", tags=["deliveries"], response_model=answers.Deliveries, responses=problems(404))
def list_deliveries(
    request: Request, at: At, state: DeliveryState = "", channel: Short = "", limit: Limit = 50, before: Before = None
) -> Response:
    """Deliveries, the newest first. `before` is the `next` of the page before."""
    with at.reading() as session:
        key = channels.find(session, channel).id if channel else None
        found = answers.deliveries(session, limit=limit, state=state, channel_id=key, before=before)
        return gate.told(request, found)


@router.post(
    "/deliveries/retry",
    tags=["deliveries"],
    dependencies=[ANALYST],
    response_model=Changed,
    responses=problems(404),
)
def retry_failed(request: Request, at: At, said: Resend) -> Response:
    """Sends all that was given up again, or what was given up of one channel's."""
    with at.writing(request) as hand:
        key = channels.find(hand.session, said.channel).id if said.channel else None
        return gate.told(request, Changed(changed=deeds.resend_failed(hand, key)))


@router.get("/deliveries/{delivery:int}", tags=["deliveries"], response_model=DeliveryWhole, responses=problems(404))
def show_delivery(request: Request, at: At, delivery: BigNumber) -> Response:
    """A delivery, and what happened to it."""
    return gate.told(request, _delivery(at, delivery))


@router.post(
    "/deliveries/{delivery:int}/retry",
    tags=["deliveries"],
    dependencies=[ANALYST],
    response_model=DeliveryWhole,
    responses=problems(404),
)
def retry(request: Request, at: At, delivery: BigNumber) -> Response:
    """Sends a delivery again, whatever became of it, unless it is on its way."""
    with at.writing(request) as hand:
        answers.delivery(hand.session, delivery)
        deeds.resend(hand, [delivery])
    return gate.told(request, _delivery(at, delivery))


def _delivery(at: Site, delivery: int) -> DeliveryWhole:
    with at.reading() as session:
        found, events = answers.delivery(session, delivery)
    return DeliveryWhole(**found.model_dump(), history=events)
