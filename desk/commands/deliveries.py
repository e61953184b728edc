"""`wirewatch deliveries …`"""

import typer

from desk import show
from desk.answers import alerts as answers
from desk.context import JSON, LIMIT, NUMBER, reading, writing
from desk.deeds import alerts as deeds
from storage import channels
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
        found = answers.deliveries(session, limit=limit, state=state, channel_id=key).deliveries
    show.rows([one.model_dump() for one in found], as_json=as_json, empty="No delivery.")


@app.command("show")
def show_delivery(delivery: int = NUMBER, as_json: bool = JSON) -> None:
    """One delivery, and what happened to it.

    Example: wirewatch deliveries show 1
    """
    with reading() as (session, _):
        found, events = answers.delivery(session, delivery)
    happened = [{"at": one.at, "what": one.what, "said": one.said} for one in events]
    if as_json:
        show.say_json({**found.model_dump(), "history": happened})
        return
    show.one(found.model_dump(), as_json=False)
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
