"""The inbox of alerts, and one alert."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from desk.answers import alerts as answers
from desk.deeds import alerts as deeds
from desk.shapes import Short
from desk.web import looks
from desk.web.api.alerts import asked_alerts
from desk.web.api.common import BigNumber
from desk.web.gate import ANALYST, READER, At, Before, Form, go, text
from storage import inbox, rules, users
from storage.work import number
from wire.errors import BadInput

router = APIRouter(dependencies=[READER])
_PAGE = 40


@router.get("/alerts")
def alerts(
    request: Request,
    at: At,
    state: Short = inbox.NEW,
    rule: Short = "",
    assigned: Short = "",
    before: Before = None,
) -> Response:
    """Alerts, the new ones unless asked otherwise."""
    state = "" if state == "all" else state
    if state not in ("", *inbox.STATES):
        raise BadInput(f"Alerts are {', '.join(inbox.STATES)} or all, never “{state}”.")
    wanted = asked_alerts(at, state, rule, assigned)  # type: ignore[arg-type]
    with at.reading() as session:
        found = answers.page(session, wanted, limit=_PAGE, before=before)
        seen = {
            "found": found,
            "asked": {"state": state or "all", "rule": rule, "assigned": assigned},
            "rules": sorted(one.name for one in rules.all_rules(session)),
            "people": [one.name for one in users.all_users(session)],
            "live": before is None and state in ("", inbox.NEW) and not assigned,
        }
        return looks.render(request, "alerts.html", seen)


@router.post("/alerts", dependencies=[ANALYST])
def mark(request: Request, at: At, form: Form) -> Response:
    """Marks alerts: those that were chosen, or all that the page showed as new."""
    back = text(form, "back") if text(form, "back").startswith("/alerts") else "/alerts"
    chosen = [key for one in form.getlist("alert") if (key := number(str(one))) is not None][:1_000]
    up_to = number(text(form, "up_to"))
    wanted = asked_alerts(at, "", text(form, "rule"), text(form, "assigned"))
    with at.writing(request) as hand:
        if text(form, "do") == "all" and up_to is not None:
            count = deeds.mark_all(hand, wanted, up_to=up_to)
        else:
            count = len(deeds.mark(hand, chosen, seen=text(form, "do") != "new"))
    return go(back, f"{count} {'alert' if count == 1 else 'alerts'} marked.")


@router.get("/alerts/{alert:int}")
def alert(request: Request, at: At, alert: BigNumber) -> Response:
    """An alert: why, what people noted, and everything that happened to it."""
    with at.reading() as session:
        found = answers.alert(session, alert)
        return looks.render(
            request, "alert.html", {"alert": found, "people": [u.name for u in users.all_users(session)]}
        )


@router.post("/alerts/{alert:int}", dependencies=[ANALYST])
def note(request: Request, at: At, alert: BigNumber, form: Form) -> Response:
    """Marks, assigns, remarks; sends one of its deliveries again."""
    with at.writing(request) as hand:
        inbox.lock(hand.session, alert)
        there = inbox.row(hand.session, alert)
        match text(form, "do"):
            case "seen" | "new" as state:
                deeds.note(hand, alert, **_noted(form, there))
                deeds.mark(hand, [alert], seen=state == "seen")
                said = f"Alert {alert} is {state}."
            case "resend":
                deeds.resend(hand, [number(text(form, "delivery")) or 0])
                said = "It is on its way again."
            case _:
                deeds.note(hand, alert, **_noted(form, there))
                said = "Noted."
    return go(f"/alerts/{alert}", said)


def _noted(form: FormData, there: Any) -> dict[str, str]:
    """What somebody changed in the form, not what they left as it was. Raises BadInput when another changed it too."""
    said = {name: text(form, name) for name in ("assigned", "remark") if name in form}
    changed = {name: words for name, words in said.items() if words != text(form, f"former_{name}")}
    for name, words in changed.items():
        if getattr(there, name) not in (words, text(form, f"former_{name}")):
            raise BadInput(f"Somebody else noted “{getattr(there, name)}” meanwhile. Open the alert again.")
    return changed
