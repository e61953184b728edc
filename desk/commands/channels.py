"""`wirewatch channels …`"""

import typer

from desk import show
from desk.context import JSON, YES, reading, writing
from storage import channels

app = typer.Typer(help="Where alerts go.", no_args_is_help=True)
WHICH = typer.Argument(help="Its name or number.")


@app.command()
def add(
    name: str = typer.Argument(help="A name to know it by."),
    kind: str = typer.Argument(help="log: a line in the worker's log. webhook: a JSON POST to an address."),
    target: str = typer.Argument("", help="For a webhook, the address."),
) -> None:
    """Add a place where alerts go.

    Example: wirewatch channels add desk webhook https://hooks.example.org/wirewatch
    """
    with writing() as (session, now):
        channel = channels.add(session, name, kind, target, now=now)
        show.say(f"Channel “{channel.name}” is there. Try it: wirewatch channels test {channel.name}")


@app.command("list")
def list_channels(as_json: bool = JSON) -> None:
    """All channels.

    Example: wirewatch channels list
    """
    with reading() as (session, _):
        found = [
            {"id": channel.id, "name": channel.name, "kind": channel.kind, "target": channel.target}
            for channel in channels.all_channels(session)
        ]
    show.rows(found, as_json=as_json, empty="There is no channel yet. Add one: wirewatch channels add log log")


@app.command()
def remove(which: str = WHICH, yes: bool = YES) -> None:
    """Send nothing there any more.

    Example: wirewatch channels remove desk --yes
    """
    with writing() as (session, now):
        channel = channels.find(session, which)
        if not yes:
            typer.confirm(f"Remove the channel “{channel.name}”?", abort=True)
        channels.remove(session, channel, now)
        show.say(f"Nothing is sent to “{channel.name}” any more.")
