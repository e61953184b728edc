"""`wirewatch channels …`"""

import os
import secrets
from pathlib import Path
from typing import Any

import typer

from desk import show
from desk.answers import channels as answers
from desk.context import JSON, YES, desk, reading, writing
from desk.deeds import channels as deeds
from desk.shapes import ChannelFacts
from storage import channels, notices
from storage.tables import Channel
from wire import receivers
from wire.errors import BadInput

app = typer.Typer(help="Where alerts go.", no_args_is_help=True)
WHICH = typer.Argument(help="Its name or number.")
SECRET = typer.Option(
    None,
    help="What signs a webhook, or a mail server's password: env:NAME, file:PATH, ask (to type it unseen), "
    "new:FILE (a webhook's, made and written there), none.",
)
BUDGET = typer.Option(None, help="At most so many messages in a time, as 20/h; the rest comes in a digest.")
QUIET = typer.Option(None, help="Hours in which nothing comes, as 22:00-07:00; one digest follows.")
ZONE = typer.Option(None, help="The time zone of quiet hours, as Europe/Kyiv.")
TEMPLATE = typer.Option(None, help="A file with a Jinja template for its messages; - takes it away.")
ORDERED = typer.Option(None, "--ordered/--unordered", help="One after the other, in the order of the alerts.")
OPERATOR = typer.Option(None, "--operator/--no-operator", help="It is told what the operator should know.")
_KEY_BYTES = 32


@app.command()
def add(
    name: str = typer.Argument(help="A name to know it by."),
    kind: str = typer.Argument(
        help="webhook: a JSON POST. email: by a mail server. apprise: Slack, Telegram, ntfy and others. log: a line."
    ),
    target: str = typer.Argument(
        "", help="An address; for email smtp://user@host:587?from=…&to=…; env:NAME or file:PATH where it is secret."
    ),
    secret: str = SECRET,
    budget: str = BUDGET,
    quiet: str = QUIET,
    zone: str = ZONE,
    template: str = TEMPLATE,
    ordered: bool = ORDERED,
    operator: bool = OPERATOR,
) -> None:
    """Add a place where alerts go.

    Example: wirewatch channels add desk webhook https://hooks.example.org/wirewatch --budget 20/h
    """
    given = _given(secret, budget, quiet, zone, template, ordered, operator)
    with writing() as hand:
        channel = deeds.add(hand, ChannelFacts.read({"name": name, "kind": kind, "target": target, **given}))
        show.say(f"Channel “{channel.name}” is there. Try it: wirewatch channels test {channel.name}")


@app.command()
def change(
    which: str = WHICH,
    target: str = typer.Option(None, help="A new address."),
    secret: str = SECRET,
    budget: str = BUDGET,
    quiet: str = QUIET,
    zone: str = ZONE,
    template: str = TEMPLATE,
    ordered: bool = ORDERED,
    operator: bool = OPERATOR,
    forget_former: bool = typer.Option(False, "--forget-former-secret", help="Sign by the newest secret alone."),
) -> None:
    """Change a channel. A new secret signs beside the former one until that is forgotten.

    Example: wirewatch channels change desk --quiet 22:00-07:00 --zone Europe/Kyiv
    """
    given = _given(secret, budget, quiet, zone, template, ordered, operator)
    given |= {} if target is None else {"target": target}
    with writing() as hand:
        channel = channels.find(hand.session, which)
        deeds.change(hand, channel, given, forget_former=forget_former)
        former = " It signs by the former secret too." if channel.former_secret else ""
        show.say(f"Channel “{channel.name}” is changed.{former}")


def _given(
    secret: str | None,
    budget: str | None,
    quiet: str | None,
    zone: str | None,
    template: str | None,
    ordered: bool | None,
    operator: bool | None,
) -> dict[str, Any]:
    said: dict[str, Any] = {"secret": _secret(secret), "budget": _none(budget), "quiet": _none(quiet), "zone": zone}
    said |= {"template": _template(template), "ordered": ordered, "operator": operator}
    return {name: value for name, value in said.items() if value is not None}


def _none(written: str | None) -> str | None:
    return "" if written == "none" else written


def _secret(written: str | None) -> str | None:
    """What was typed is never a secret itself: it would stay in the shell's history."""
    if written is None or receivers.is_place(written):
        return written
    if written == "none":
        return ""
    if written == "ask":
        return str(typer.prompt("Secret", hide_input=True))
    how, _, path = written.partition(":")
    if how != "new" or not path:
        raise BadInput("Say where the secret is: env:NAME, file:PATH, ask to type it, new:FILE to have one made.")
    return _made(Path(path).expanduser().absolute())


def _made(path: Path) -> str:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(receivers.signing_secret(secrets.token_bytes(_KEY_BYTES)) + "\n")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}. A new secret needs a new file.") from error
    return f"file:{path}"


def _template(path: str | None) -> str | None:
    if path is None or path == "-":
        return path and ""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadInput(f"{path}: {why}.") from error


@app.command("list")
def list_channels(as_json: bool = JSON) -> None:
    """All channels.

    Example: wirewatch channels list
    """
    with reading() as (session, _):
        found = [_row(channel) for channel in channels.all_channels(session)]
    show.rows(found, as_json=as_json, empty="There is no channel yet. Add one: wirewatch channels add log log")


def _row(channel: Channel) -> dict[str, Any]:
    paused = f"paused: {channel.paused_because}" if channel.paused_because else ""
    return {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind,
        "target": receivers.for_eyes(channel.kind, channel.target),
        "budget": channel.budget,
        "quiet": channel.quiet and f"{channel.quiet} {channel.zone}",
        "state": paused or answers.state(channel),
        "operator": channel.operator,
    }


@app.command()
def pause(which: str = WHICH) -> None:
    """Hold what it is to be told until it is resumed.

    Example: wirewatch channels pause desk
    """
    with writing() as hand:
        channel = channels.find(hand.session, which)
        deeds.pause(hand, channel)
        show.say(f"“{channel.name}” is paused. `wirewatch channels resume {channel.name}` tells it what it missed.")


@app.command()
def resume(which: str = WHICH) -> None:
    """Tell a paused channel again, first what it missed, in one digest.

    Example: wirewatch channels resume desk
    """
    with writing() as hand:
        channel = channels.find(hand.session, which)
        deeds.resume(hand, channel)
        show.say(f"“{channel.name}” is told again.")


@app.command()
def preview(
    which: str = WHICH,
    of: str = typer.Option("alert", help=f"A sample: {', '.join(answers.SAMPLES)}; or the number of an alert."),
    template: str = typer.Option(None, help="A file with a template, instead of the channel's own."),
) -> None:
    """How a message reads there, without sending it.

    Example: wirewatch channels preview desk --of digest
    """
    with reading() as (session, now):
        own = _template(template)
        told = answers.preview(session, which, now, of=of, template=own, pages=desk().pages)
    show.say(f"Subject: {told.subject}\n")
    show.say(told.words)


@app.command()
def remove(which: str = WHICH, yes: bool = YES) -> None:
    """Send nothing there any more.

    Example: wirewatch channels remove desk --yes
    """
    with writing() as hand:
        channel = channels.find(hand.session, which)
        if not yes:
            typer.confirm(f"Remove the channel “{channel.name}”?", abort=True)
        deeds.remove(hand, channel)
        show.say(f"Nothing is sent to “{channel.name}” any more.")


def list_notices(
    limit: int = typer.Option(20, "--limit", "-n", min=1, max=100_000, help="At most so many."), as_json: bool = JSON
) -> None:
    """What the operator should know, the newest first. It is told to channels added with --operator.

    Example: wirewatch notices
    """
    with reading() as (session, _):
        found = [
            {"id": one.id, "at": one.created_at, "over": one.ended_at, "about": one.about, "note": one.text}
            for one in notices.newest(session, limit=limit)
        ]
    show.rows(found, as_json=as_json, empty="Nothing to worry about.")
