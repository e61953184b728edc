"""`wirewatch items list|show|search`; `items import` does work and is the service's."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import typer

from desk import show
from desk.answers import stories as answers
from desk.context import JSON, LIMIT, reading
from desk.times import duration
from storage import alerts, items, listing
from storage.listing import Listed
from storage.tables import Item, ItemVersion
from wire.message import matched_words
from wire.revision import difference
from wire.story import Span

app = typer.Typer(help="The stories that were kept.", no_args_is_help=True)
FEED = typer.Option("", help="Only what this feed carried.")
RULE = typer.Option("", help="Only what this rule met.")
PROVIDER = typer.Option("", help="Only from this provider, by its whole name.")
LANGUAGE = typer.Option("", help="Only in this language, as en.")
KIND = typer.Option("", help="Only what its wire calls a correction, update, withdrawal or repeat.")
SINCE = typer.Option("", help="Only first seen in this time, as 12h or 7d.")


@app.command("list")
def list_items(
    limit: int = LIMIT,
    feed: str = FEED,
    rule: str = RULE,
    provider: str = PROVIDER,
    language: str = LANGUAGE,
    kind: str = KIND,
    since: str = SINCE,
    as_json: bool = JSON,
) -> None:
    """The newest stories, those that fit alone if something is asked for.

    Example: wirewatch items list -n 5 --since 24h
    """
    _show("", limit, [feed, rule, provider, language, kind, since], as_json=as_json)


@app.command()
def search(
    query: str = typer.Argument(help="Words as in a rule."),
    limit: int = LIMIT,
    feed: str = FEED,
    rule: str = RULE,
    provider: str = PROVIDER,
    language: str = LANGUAGE,
    kind: str = KIND,
    since: str = SINCE,
    as_json: bool = JSON,
) -> None:
    """The newest stories that meet a query, exactly as a rule of the same words would.

    Example: wirewatch items search '"power grid" AND Ukraine'
    """
    _show(query, limit, [feed, rule, provider, language, kind, since], as_json=as_json)


def _show(query: str, limit: int, asked: list[str], *, as_json: bool) -> None:
    feed, rule, provider, language, kind, since = asked
    with reading() as (session, now):
        wanted = answers.wanted(
            session,
            query=query,
            feed=feed,
            rule=rule,
            provider=provider,
            language=language,
            kind=kind,
            since=now - duration(since) if since else None,
        )
        found = [_row(one) for one in listing.every(session, wanted, most=limit)]
    narrowed = query or any(asked)
    empty = "No story fits." if narrowed else "No story was kept yet. Does the service run? wirewatch status"
    show.rows(found, as_json=as_json, empty=empty)


def _row(one: Listed) -> dict[str, object]:
    item = one.item
    return {
        "id": item.id,
        "seen": item.first_seen_at,
        "wire": item.wire,
        "story_id": item.story_id,
        "version": item.version,
        "title": item.title,
        "url": item.url,
    }


@app.command("show")
def show_item(
    which: str = typer.Argument(help="Its number, its story id or its identity."), as_json: bool = JSON
) -> None:
    """One story: its facts, who carried it, its versions, its alerts, its text.

    Example: wirewatch items show 1110448134
    """
    with reading() as (session, _):
        item = items.find(session, which)
        key = item.id or 0
        carried = [f"{row.title or row.url} ({row.seen_at:%H:%M:%S})" for row in items.carriers(session, key)]
        met = [
            f"{row.rule}: {', '.join(matched_words(Span(**span) for span in row.matches))}"
            for row in alerts.of_item(session, key)
        ]
        former = items.versions(session, key)
        alike = [f"{one.id}: {one.title}" for one in items.cluster_of(session, item)]
        facts = item.model_dump(exclude={"text", "cluster", "feed_id", "furniture"}) | {
            "carried_by": carried,
            "same_story": alike,
            "former_versions": [f"{one.version}: {one.title}" for one in former],
            "alerts": met,
            "text": item.text,
        }
        changes = _changes(former, item)
    show.one(facts | ({"changes": changes} if as_json else {}), as_json=as_json)
    for change in () if as_json else changes:
        show.say(f"\nversion {change['version']}, {change['kind'] or 'changed'}:\n{show.difference(change['parts'])}")


def _changes(former: Sequence[ItemVersion], item: Item) -> list[dict[str, Any]]:
    """How each version came from the one before it."""
    told = [(one.version, one.kind, f"{one.title}\n{one.text}") for one in former]
    told.append((item.version, item.kind, f"{item.title}\n{item.text}"))
    return [
        {"version": version, "kind": kind, "parts": difference(before, now)}
        for (_, _, before), (version, kind, now) in pairwise(told)
    ]
