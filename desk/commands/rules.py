"""`wirewatch rules …`"""

import typer
from sqlmodel import Session

from desk import show
from desk.context import JSON, LIMIT, YES, reading, writing
from storage import channels, items, rules
from wire.errors import BadInput
from wire.matcher import Matcher
from wire.message import matched_words

app = typer.Typer(help="What to look for, and whom to tell.", no_args_is_help=True)
WHICH = typer.Argument(help="Its name or number.")


@app.command()
def add(
    name: str = typer.Argument(help="A name to know it by."),
    query: str = typer.Argument(help='Words, "phrases", AND, OR, NOT and brackets.'),
    to: list[str] = typer.Option([], "--to", help="A channel it alerts; may be given several times."),
) -> None:
    """Look for something in every new story.

    Example: wirewatch rules add fastiv 'Fastiv AND ("nuclear plant" OR drones)' --to log
    """
    with writing() as (session, now):
        rule = rules.add(session, name, query, [channels.find(session, one) for one in to], now=now)
        told = f"alerts {', '.join(to)}" if to else "records alerts and tells nobody; add --to CHANNEL to be told"
        show.say(f"Rule “{rule.name}” is on (number {rule.id}) and {told}.")


@app.command("list")
def list_rules(as_json: bool = JSON) -> None:
    """All rules with their queries.

    Example: wirewatch rules list
    """
    with reading() as (session, _):
        names = rules.channel_names(session)
        found = [
            {
                "id": rule.id,
                "name": rule.name,
                "version": rule.version,
                "enabled": rule.enabled,
                "to": names.get(rule.id or 0, []),
                "query": rule.query,
            }
            for rule in rules.all_rules(session)
        ]
    show.rows(
        found,
        as_json=as_json,
        empty="There is no rule yet. Add one: wirewatch rules add NAME QUERY --to CHANNEL",
    )


@app.command()
def remove(which: str = WHICH, yes: bool = YES) -> None:
    """Stop looking for something. Its alerts stay.

    Example: wirewatch rules remove fastiv --yes
    """
    with writing() as (session, now):
        rule = rules.find(session, which)
        if not yes:
            typer.confirm(f"Remove the rule “{rule.name}”?", abort=True)
        rules.remove(session, rule, now)
        show.say(f"Rule “{rule.name}” is off; its alerts stay.")


@app.command()
def test(
    query: str = typer.Argument(help="A query, or the name of a rule."),
    limit: int = LIMIT,
    as_json: bool = JSON,
) -> None:
    """Which of the stories kept so far would it have met?

    Example: wirewatch rules test 'drones OR "nuclear plant"'
    """
    with reading() as (session, _):
        query = _query(session, query)
        matcher = Matcher([(0, query)])
        found = [
            {
                "id": item.id,
                "seen": item.first_seen_at,
                "matched": matched_words(matcher.match(item.title, item.text)[0].spans),
                "title": item.title,
            }
            for item in items.search_items(session, query, limit=limit)
        ]
    show.rows(found, as_json=as_json, empty="No story kept so far meets it.")


def _query(session: Session, query: str) -> str:
    """What stands in the rule of this name; else the words themselves."""
    try:
        return rules.find(session, query).query
    except BadInput:
        return query
