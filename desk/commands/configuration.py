"""`wirewatch export` and `wirewatch apply`: a whole configuration as one file."""

import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from desk import portable, show
from desk.context import JSON, desk, reading, writing
from desk.portable import Step
from storage.files import whole
from wire.errors import BadInput


def export(
    file: Path = typer.Argument(None, help="Where to write it; else it is printed."),
    secrets: bool = typer.Option(False, "--secrets", help="Write also secrets and headers that are kept here."),
) -> None:
    """Write feeds, rules, lists and channels as TOML, for `wirewatch apply`.

    Example: wirewatch export wirewatch.toml
    """
    with reading() as (session, _):
        written = portable.write(session, secrets=secrets)
    if file is None:
        sys.stdout.write(written.text)
    else:
        _write(file, written.text)
    if written.secrets_left_out:
        print(f"{written.secrets_left_out} secrets were left out; --secrets writes them too.", file=sys.stderr)
    if written.telling_targets:
        say = f"{written.telling_targets} targets stand in it whole. Where an address is a secret, give it as env:NAME."
        print(say, file=sys.stderr)


def _write(file: Path, text: str) -> None:
    """Readable by nobody else: targets tell much, secrets all."""
    try:
        with whole(file) as beside:
            beside.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}.") from error


def apply(
    file: Path = typer.Argument(help="A TOML file, as `wirewatch export` writes it; - reads it from the pipe."),
    prune: bool = typer.Option(False, "--prune", help="Remove also what the file does not name."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would change."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do it without asking."),
    as_json: bool = JSON,
) -> None:
    """Bring feeds, rules, lists and channels to what a file says. Shows the difference first; can be run again.

    Example: wirewatch apply wirewatch.toml --dry-run
    """
    wanted = portable.read(_read(file), desk().bounds)
    with reading() as (session, _):
        steps = portable.plan(portable.declared(session), wanted, prune=prune)
    _tell(steps, as_json=as_json)
    if dry_run or not steps:
        return
    if not yes and (as_json or not sys.stdin.isatty()):
        raise BadInput("Nobody can be asked here: say --yes to do it, or --dry-run.")
    if not yes:
        typer.confirm(f"{_counted(steps)}. Do it?", abort=True)
    with writing() as hand:
        now = portable.plan(portable.declared(hand.session), wanted, prune=prune)
        if now != steps:
            raise BadInput("Something else changed it meanwhile. Nothing was done; run it again.")
        portable.bring_about(hand, now, desk().bounds)
    if not as_json:
        show.say(f"Done: {_counted(steps)}.")


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadInput(f"{file}: {why}.") from error


def _tell(steps: Sequence[Step], *, as_json: bool) -> None:
    for step in steps:
        if as_json:
            show.say_json({"sign": step.sign, "kind": step.kind, "name": step.name})
        else:
            for line in portable.told(step):
                show.say(line)
    if not steps and not as_json:
        show.say("Nothing to change.")


def _counted(steps: Sequence[Step]) -> str:
    signs = [step.sign for step in steps]
    words = ((portable.ADD, "added"), (portable.CHANGE, "changed"), (portable.REMOVE, "removed"))
    return ", ".join(f"{signs.count(sign)} {word}" for sign, word in words if sign in signs)
