"""`wirewatch alerts …` and `wirewatch deliveries …`"""

from typing import Any

import typer
from sqlalchemy import Row

from desk import show
from desk.context import JSON, LIMIT, reading, writing
from storage import alerts
from wire.errors import BadInput
from wire.message import matched_words, payload
from wire.story import Span

app = typer.Typer(help="Stories that met a rule.", no_args_is_help=True)
deliveries_app = typer.Typer(help="Alerts on their way to channels.", no_args_is_help=True)


@app.command("list")
def list_alerts(limit: int = LIMIT, as_json: bool = JSON) -> None:
    """The newest alerts, with the words that matched.

    Example: wirewatch alerts list
    """
    with reading() as (session, _):
        found = [alert_row(row) for row in alerts.newest(session, limit=limit)]
    show.rows(found, as_json=as_json, empty="No alert yet. Is there a rule? wirewatch rules list")


def alert_row(row: Row[Any]) -> dict[str, Any]:
    """An alert as listings and `wirewatch tail` show it."""
    return {
        "id": row.id,
        "at": row.created_at,
        "rule": row.rule,
        "matched": matched_words(Span(**span) for span in row.matches),
        "title": row.title,
        "url": row.url,
    }


@app.command("show")
def show_alert(alert: int = typer.Argument(help="Its number."), as_json: bool = JSON) -> None:
    """One alert: why, and what became of it.

    Example: wirewatch alerts show 1
    """
    with reading() as (session, _):
        told = payload(alerts.find(session, alert))
        sent = [_delivery(row) for row in alerts.deliveries(session, limit=1000, alert_ids=[alert])]
    if as_json:
        show.say_json(told | {"deliveries": sent})
        return
    facts = {
        "alert": alert,
        "rule": f"{told['rule']['name']} (version {told['rule']['version']}): {told['rule']['query']}",
        "matched": told["matched"],
        "passage": told["passage"],
        **{name: told["story"][name] for name in ("title", "url", "identity", "version", "provider", "feeds")},
        "first_seen": told["story"]["first_seen_at"],
    }
    show.one(facts, as_json=False)
    show.say(" ")
    show.rows(sent, as_json=False, empty="It goes to no channel: its rule had none.")


@deliveries_app.command("list")
def list_deliveries(
    limit: int = LIMIT,
    state: str = typer.Option("", help="Only pending, sent, failed or held ones."),
    as_json: bool = JSON,
) -> None:
    """The newest deliveries.

    Example: wirewatch deliveries list --state failed
    """
    if state not in ("", "pending", "sent", "failed", "held"):
        raise BadInput(f"A delivery is pending, sent, failed or held, never “{state}”.")
    with reading() as (session, _):
        found = [_delivery(row) for row in alerts.deliveries(session, limit=limit, state=state)]
    show.rows(found, as_json=as_json, empty="No delivery.")


def _delivery(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "alert": row.alert_id,
        "channel": row.channel,
        "state": row.state,
        "tries": row.attempts,
        "sent": row.sent_at,
        "due": row.due_at,
        "note": row.note,
    }


@deliveries_app.command()
def retry(
    delivery: list[int] = typer.Argument(None, help="Their numbers."),
    failed: bool = typer.Option(False, "--failed", help="All that were given up."),
) -> None:
    """Send again what was given up, or what was held.

    Example: wirewatch deliveries retry --failed
    """
    if not delivery and not failed:
        raise BadInput("Say which: wirewatch deliveries retry NUMBER, or --failed for all that were given up.")
    with writing() as (session, now):
        again = alerts.resend(session, delivery or [], now) + (alerts.resend_failed(session, now) if failed else 0)
    if not again and not failed:
        raise BadInput("None of these can be sent again: there is no such delivery, or it is on its way.")
    show.say(f"{again} {'delivery is' if again == 1 else 'deliveries are'} sent again.")
