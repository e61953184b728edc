"""`wirewatch lists …`"""

import typer

from desk import show
from desk.context import JSON, reading, writing
from desk.deeds import rules as deeds
from storage import rules

app = typer.Typer(help="Spellings of a name, which rules call by list:name.", no_args_is_help=True)


@app.command("list")
def list_lists(as_json: bool = JSON) -> None:
    """All lists with their spellings.

    Example: wirewatch lists list
    """
    with reading() as (session, _):
        found = [{"name": name, "spellings": spellings} for name, spellings in rules.word_lists(session).items()]
    show.rows(found, as_json=as_json, empty="There is no list yet. Make one: wirewatch lists set NAME SPELLING…")


@app.command("set")
def set_list(
    name: str = typer.Argument(help="Its name, as rules call it."),
    spellings: list[str] = typer.Argument(help="Words or phrases; together they replace what was there."),
) -> None:
    """Make a list, or give it other spellings. Rules that call it stand at a new version.

    Example: wirewatch lists set zelensky Zelensky Zelenskyy Zelenskiy Selenskyj
    """
    with writing() as hand:
        changed = deeds.set_list(hand, name, spellings)
    called = f"; it changes {', '.join(changed)}" if changed else ""
    show.say(f"list:{name} has {len(spellings)} spellings{called}.")


@app.command()
def remove(name: str = typer.Argument(help="Its name.")) -> None:
    """Remove a list that no rule calls.

    Example: wirewatch lists remove zelensky
    """
    with writing() as hand:
        deeds.set_list(hand, name, [])
    show.say(f"There is no list:{name} any more.")
