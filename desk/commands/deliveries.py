"""`wirewatch deliveries …`"""

from typing import Any

import typer
from sqlalchemy import Row

from desk import show
from desk.context import JSON, LIMIT, NUMBER, reading, writing
from desk.deeds import alerts as deeds
from storage import alerts, channels, history
from wire.errors import BadInput

app = typer.Typer(help="Alerts on their way to channels.", no_args_is_help=True)
_STATES = ("", "pending", "sent", "failed", "held")
CHANNEL = typer.Option("", help="Only those to this channel.")


@app.command("list")
def list_deliveries(
    limit: int = LIMIT,
    state: str = typer.Option("", help="Only pending, sent, failed or held ones."),
    channel: str = CHANNEL,
    as_json: bool = JSON,
) -> None:
    """The newest deliveries.

    Example: wirewatch deliveries list --state failed
    """
    if state not in _STATES:
        raise BadInput(f"A delivery is pending, sent, failed or held, never “{state}”.")
    with reading() as (session, _):
        key = channels.find(session, channel).id if channel else None
        found = [delivery_row(row) for row in alerts.deliveries(session, limit=limit, state=state, channel_id=key)]
    show.rows(found, as_json=as_json, empty="No delivery.")


def delivery_row(row: Row[Any]) -> dict[str, Any]:
    """A delivery as listings show it."""
    return {
        "id": row.id,
        "alert": row.alert_id,
        "channel": row.channel,
        "state": row.state,
        "tries": row.attempts,
        "sent": row.sent_at,
        "due": row.due_at,
        "maybe_twice": row.maybe_twice,
        "note": row.note or (row.about or ""),
    }


@app.command("show")
def show_delivery(delivery: int = NUMBER, as_json: bool = JSON) -> None:
    """One delivery, and what happened to it.

    Example: wirewatch deliveries show 1
    """
    with reading() as (session, _):
        row = next(iter(alerts.deliveries(session, limit=1, delivery_id=delivery)), None)
        if row is None:
            raise BadInput(f"There is no delivery {delivery}. `wirewatch deliveries list` shows their numbers.")
        events = history.of_deliveries(session, [row.told_in or row.id])
        happened = [{"at": one.at, "what": one.what, "said": one.said} for one in events]
    facts = delivery_row(row) | {"told_in": row.told_in, "reason": row.reason}
    if as_json:
        show.say_json({**facts, "history": happened})
        return
    show.one(facts, as_json=False)
    show.say(" ")
    show.rows(happened, as_json=False, empty="Nothing happened to it yet.")


@app.command()
def retry(
    delivery: list[int] = typer.Argument(None, min=1, max=2**62, help="Their numbers."),
    failed: bool = typer.Option(False, "--failed", help="All that were given up."),
    channel: str = typer.Option("", help="With --failed: only those to this channel."),
) -> None:
    """Send again what was given up, or what was held.

    Example: wirewatch deliveries retry --failed
    """
    if not delivery and not failed:
        raise BadInput("Say which: wirewatch deliveries retry NUMBER, or --failed for all that were given up.")
    with writing() as hand:
        key = channels.find(hand.session, channel).id if channel else None
        again = deeds.resend(hand, delivery) if delivery else 0
        again += deeds.resend_failed(hand, key) if failed else 0
    show.say(f"{again} {'delivery is' if again == 1 else 'deliveries are'} sent again.")
