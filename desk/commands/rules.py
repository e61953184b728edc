"""`wirewatch rules …`"""

from collections.abc import Iterator
from dataclasses import asdict

import typer
from sqlmodel import Session

from desk import show
from desk.context import JSON, LIMIT, YES, reading, writing
from desk.deeds import rules as deeds
from desk.shapes import RuleFacts
from desk.times import duration
from storage import backtest, items, rules
from storage.listing import Meeting
from wire.errors import BadInput
from wire.explain import Explanation, explain
from wire.hints import hints
from wire.message import matched_words, passage
from wire.query import parse

app = typer.Typer(help="What to look for, and whom to tell.", no_args_is_help=True)
WHICH = typer.Argument(help="Its name or number.")
DIGEST = typer.Option(None, help="Tell in a digest: hourly, daily 07:30, weekly mon 07:30; or at once.")
ZONE = typer.Option(None, help="The time zone of the digest, as Europe/Kyiv.")
URGENT = typer.Option(None, "--urgent/--not-urgent", help="Break through quiet hours and budgets.")
OLD = typer.Option(None, "--old/--not-old", help="Tell also stories that were long past when first seen.")


@app.command()
def add(
    name: str = typer.Argument(help="A name to know it by."),
    query: str = typer.Argument(help="What to look for; docs/LANGUAGE.md shows all that can be said."),
    to: list[str] = typer.Option([], "--to", help="A channel it alerts; may be given several times."),
    shadow: bool = typer.Option(False, "--shadow", help="Match and record, but tell nobody."),
    digest: str = DIGEST,
    zone: str = ZONE,
    urgent: bool = URGENT,
    old: bool = OLD,
) -> None:
    """Look for something in every new story.

    Example: wirewatch rules add fastiv 'Fastiv AND ("nuclear plant" OR drones)' --to log
    """
    said = {"digest": digest, "zone": zone, "urgent": urgent, "old": old}
    given = {name: value for name, value in said.items() if value is not None}
    with writing() as hand:
        rule = deeds.add(hand, RuleFacts.read({"name": name, "query": query, "to": to, "shadow": shadow, **given}))
        told = f"alerts {', '.join(to)}" if to else "records alerts and tells nobody; add --to CHANNEL to be told"
        show.say(f"Rule “{rule.name}” is on (number {rule.id}) and {'only records' if shadow else told}.")
    _give_hints(query)


@app.command()
def change(
    which: str = WHICH,
    query: str = typer.Option(None, help="A new query; it makes a new version of the rule."),
    to: list[str] = typer.Option(None, "--to", help="The channels it alerts from now on."),
    shadow: bool = typer.Option(None, "--shadow/--tell", help="Only record, or tell its channels."),
    enabled: bool = typer.Option(None, "--on/--off", help="Switch it on or off."),
    digest: str = DIGEST,
    zone: str = ZONE,
    urgent: bool = URGENT,
    old: bool = OLD,
) -> None:
    """Change a rule. Workers see it at once; every alert says which version matched.

    Example: wirewatch rules change fastiv --query 'Fastiv NEAR/10 drones'
    """
    said = {"query": query, "to": to or None, "shadow": shadow, "enabled": enabled}
    said |= {"digest": digest, "zone": zone, "urgent": urgent, "old": old}
    with writing() as hand:
        rule = rules.find(hand.session, which)
        deeds.change(hand, rule, {name: value for name, value in said.items() if value is not None})
        show.say(f"Rule “{rule.name}” is changed; it stands at version {rule.version}.")
    if query:
        _give_hints(query)


def _give_hints(query: str) -> None:
    with reading() as (session, _):
        parsed = parse(query, rules.word_lists(session))
        for hint in hints(query, parsed, lambda word: backtest.share(session, word)):
            show.say(f"Hint: {hint.text}")


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
                "state": "off" if not rule.enabled else "shadow" if rule.shadow else "on",
                "to": names.get(rule.id or 0, []),
                "digest": rule.digest and f"{rule.digest} {rule.zone}",
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
    with writing() as hand:
        rule = rules.find(hand.session, which)
        if not yes:
            typer.confirm(f"Remove the rule “{rule.name}”?", abort=True)
        deeds.remove(hand, rule)
        show.say(f"Rule “{rule.name}” is off; its alerts stay.")


@app.command()
def test(
    query: str = typer.Argument(help="A query, or the name of a rule."),
    since: str = typer.Option("", help="Only stories first seen in this time, as 30d or 12h; else all."),
    against: str = typer.Option("", help="A rule: what would this query gain and lose beside it?"),
    limit: int = LIMIT,
    as_json: bool = JSON,
) -> None:
    """Which of the stories kept so far would it have met, and how many a day?

    Example: wirewatch rules test 'drones OR "nuclear plant"' --since 30d
    """
    with reading() as (session, now):
        begin = now - duration(since) if since else None
        told = backtest.run(session, _query(session, query), since=begin, now=now, newest=limit)
        saved = rules.find(session, against).query if against else ""
        other = backtest.run(session, saved, since=begin, now=now) if against else None
    found = [_row(one) for one in told.newest]
    gained = sorted({*told.met} - {*other.met}) if other else []
    lost = sorted({*other.met} - {*told.met}) if other else []
    if as_json:
        by_day = {str(day): count for day, count in told.by_day.items()}
        compared = {"gained": gained, "lost": lost} if other else {}
        show.say_json({"met": len(told.met), "a_day": told.a_day, "by_day": by_day, **compared, "newest": found})
        return
    show.say(f"{len(told.met):,} stories, {told.a_day:.1f} a day.")
    if other:
        show.say(f"Beside “{against}”: {len(gained)} gained {gained[:10]}, {len(lost)} lost {lost[:10]}.")
    show.rows(found, as_json=False, empty="No story kept so far meets it.")


def _row(one: Meeting) -> dict[str, object]:
    return {
        "id": one.item_id,
        "seen": one.first_seen_at,
        "matched": matched_words(one.spans),
        "title": one.story.title,
        "passage": passage(one.story.text, one.spans),
    }


def _query(session: Session, query: str) -> str:
    """What stands in the rule of this name; else the words themselves."""
    try:
        return rules.find(session, query).query
    except BadInput:
        return query


@app.command()
def why(
    which: str = WHICH,
    item: str = typer.Argument(help="An item's number, story id or identity."),
    as_json: bool = JSON,
) -> None:
    """Why a rule meets a story, or by which clause it does not.

    Example: wirewatch rules why fastiv 1110448134
    """
    with reading() as (session, _):
        rule = rules.find(session, which)
        name, parsed = rule.name, parse(rule.query, rules.word_lists(session))
        key = items.find(session, item).id or 0
        told = explain(parsed, items.facts(session, [key])[key])
    if as_json:
        show.say_json(asdict(told))
        return
    failure = told.first_failure
    show.say(f"“{name}” meets it." if failure is None else f"“{name}” does not: {failure.clause} {failure.why}.")
    for line in _tree(told, 0):
        show.say(line)


def _tree(told: Explanation, depth: int) -> Iterator[str]:
    words = f"  [{', '.join(matched_words(told.spans))}]" if told.spans else ""
    yield f"{'  ' * depth}{'+' if told.holds else '-'} {told.clause}: {told.why}{words}"
    for part in told.parts:
        yield from _tree(part, depth + 1)


@app.command()
def backfill(
    which: str = WHICH,
    since: str = typer.Option("", help="Only stories first seen in this time, as 30d or 12h; else all."),
    send: bool = typer.Option(False, "--send", help="Tell the rule's channels too."),
) -> None:
    """Make the alerts a rule would have raised for the past. Nobody is told unless asked.

    Example: wirewatch rules backfill fastiv --since 7d
    """
    with reading() as (session, now):
        past = backtest.past(session, rules.find(session, which), since=now - duration(since) if since else None)
    with writing() as hand:
        rule = rules.find(hand.session, which)
        met, sent = deeds.backfill(hand, rule, past, send=send)
        name = rule.name
    told = f"{sent} deliveries are on their way" if send else "nobody is told"
    show.say(f"“{name}” meets {met:,} stories of the past; their alerts are recorded, and {told}.")


@app.command()
def check(as_json: bool = JSON) -> None:
    """Rules that want a look: met nothing in 30 days, meet over 5% of all stories, or only with another.

    Example: wirewatch rules check
    """
    with reading() as (session, now):
        found = [{"id": one.rule.id, "name": one.rule.name, "why": one.why} for one in backtest.health(session, now)]
    show.rows(found, as_json=as_json, empty="All rules look well.")
