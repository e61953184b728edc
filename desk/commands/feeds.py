"""`wirewatch feeds …`"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import typer

from desk import show
from desk.answers import feeds as answers
from desk.context import JSON, LIMIT, YES, desk, reading, writing
from desk.deeds import feeds as deeds
from desk.shapes import FeedFacts
from storage import feeds, polls
from storage.tables import Feed
from wire import opml
from wire.address import checked, host_of, split_login
from wire.address import header as parse_header
from wire.errors import BadInput, NotAFeed, PollFailed
from wire.opml import Outline

app = typer.Typer(help="The addresses that are watched.", no_args_is_help=True)
WHICH = typer.Argument(help="Its number, its address, or letters that only it has.")


HEADER = typer.Option([], help="A header sent with each poll, as “Name: value”; may be repeated. Never shown again.")
LOGIN = typer.Option("", help="user:password of the feed's server; - asks for it. Never shown again.")
MIN_INTERVAL = typer.Option("", help="Never poll more often, as 30s, 15m or 2h.")
MAX_INTERVAL = typer.Option("", help="Poll at least so often, as 30m or 6h.")


@app.command()
def add(
    url: str = typer.Argument(help="The address of an RSS, Atom, RDF or JSON feed, or of a page that names some."),
    full_text: bool = typer.Option(
        False, "--full-text", help="Read each story's page, for wires whose feed gives a start only."
    ),
    title: str = typer.Option("", help="A name of your own; else the feed's."),
    min_interval: str = MIN_INTERVAL,
    max_interval: str = MAX_INTERVAL,
    header: list[str] = HEADER,
    login: str = LOGIN,
    take: int = typer.Option(0, min=0, help="Of the feeds a page names, the one with this number."),
    unchecked: bool = typer.Option(False, "--unchecked", help="Do not look at the address first."),
) -> None:
    """Watch an address. It is polled within a second if the service runs.

    Example: wirewatch feeds add https://menafn.com/rss/menafn_UAE.xml --full-text
    """
    usual = deeds.bounds(desk().bounds, min_interval, max_interval)
    address, own_login = split_login(checked(url))
    headers = _headers(header, login or own_login)
    if not unchecked:
        chosen = _look_first(address, headers, take)
        if headers and host_of(chosen) != host_of(address):
            raise BadInput(f"The feed is on another host, {chosen}; add it by itself, with the headers meant for it.")
        address = chosen
    facts = FeedFacts.read({"url": address, "title": title, "full_text": full_text, "headers": headers})
    with writing() as hand:
        feed = deeds.add(hand, facts, usual)
        show.say(f"Watching {feed.url} as number {feed.id}. `wirewatch feeds show {feed.id}` tells how it goes.")


@app.command()
def change(
    which: str = WHICH,
    title: str = typer.Option(None, help="A name of your own; empty takes the feed's at its next poll."),
    full_text: bool = typer.Option(None, "--full-text/--feed-text", help="Read each story's page, or the feed only."),
    min_interval: str = MIN_INTERVAL,
    max_interval: str = MAX_INTERVAL,
    header: list[str] = HEADER,
    login: str = LOGIN,
    no_headers: bool = typer.Option(False, "--no-headers", help="Forget the headers and the login it has."),
) -> None:
    """Change how a feed is polled. What is not named stays.

    Example: wirewatch feeds change 1 --max-interval 30m
    """
    given = {"title": title, "full_text": full_text, "min_interval": min_interval, "max_interval": max_interval}
    with writing() as hand:
        feed = feeds.find(hand.session, which)
        headers = ({} if no_headers else dict(feed.headers)) | _headers(header, login)
        deeds.change(
            hand, feed, {"headers": headers} | {name: value for name, value in given.items() if value is not None}
        )
        show.say(f"Feed {feed.id} is changed, and due now.")


def _headers(written: list[str], login: str) -> dict[str, str]:
    if login == "-":
        login = typer.prompt("user:password", hide_input=True)
    return deeds.headers(dict(map(parse_header, written)), login)


@app.command("import")
def import_feeds(
    file: Path = typer.Argument(help="An OPML file, as readers write it."),
    full_text: bool = typer.Option(False, "--full-text", help="Read each story's page, for all of them."),
) -> None:
    """Watch all the feeds of an OPML file. Those that are watched already stay as they are.

    Example: wirewatch feeds import subscriptions.opml
    """
    try:
        document = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}.") from error
    with writing() as hand:
        done = deeds.import_opml(hand, document, desk().bounds, full_text=full_text)
    for address in done.bad:
        show.say(f"Left out, for it is no address: {address}")
    show.say(f"{done.added} feeds are watched now; {done.known} were already.")


@app.command("export")
def export_feeds() -> None:
    """Print all feeds as OPML, for other readers. `wirewatch export` writes all of the configuration.

    Example: wirewatch feeds export > subscriptions.opml
    """
    with reading() as (session, _):
        document = opml.write(Outline(feed.url, feed.title) for feed in feeds.watched(session))
    sys.stdout.write(document.decode())


def _look_first(address: str, headers: dict[str, str], take: int) -> str:
    """The address to be watched. One that cannot be had just now is watched all the same, and that is said."""
    try:
        found = desk().look(address, headers)
    except NotAFeed as error:
        raise BadInput(f"{error} With --unchecked it is watched all the same.") from error
    except PollFailed as error:
        show.say(f"It could not be had just now: {error}")
        return address
    if found.document is not None:
        return address
    if len(found.offered) == 1:
        (one,) = found.offered
        show.say(f"This is a page; its feed is {one.url}.")
        return one.url
    if 0 < take <= len(found.offered):
        return found.offered[take - 1].url
    for number, one in enumerate(found.offered, 1):
        show.say(f"{number:3}  {one.kind:9}  {one.url}  {one.title}")
    if not sys.stdin.isatty():
        raise BadInput("This is a page with several feeds. Choose one with --take NUMBER.")
    number = int(typer.prompt("Which one", type=click.IntRange(1, len(found.offered))))
    return found.offered[number - 1].url


@app.command("list")
def list_feeds(as_json: bool = JSON) -> None:
    """All feeds with their state.

    Example: wirewatch feeds list --json
    """
    with reading() as (session, now):
        found = [_row(feed, now) for feed in feeds.watched(session)]
    show.rows(found, as_json=as_json, empty="No feed is watched yet. Add one: wirewatch feeds add ADDRESS")


def _row(feed: Feed, now: datetime) -> dict[str, Any]:
    return {
        "id": feed.id,
        "state": answers.state(feed),
        "polled": show.ago(feed.last_polled_at, now),
        "next": show.ago(feed.due_at, now) if feed.enabled else "",
        "new": show.ago(feed.last_new_at, now),
        "title": feed.title,
        "url": feed.url,
        "error": feed.paused_because or feed.last_error,
    }


@app.command("show")
def show_feed(which: str = WHICH, limit: int = LIMIT, as_json: bool = JSON) -> None:
    """One feed: its state, and its latest polls.

    Example: wirewatch feeds show 1
    """
    with reading() as (session, now):
        feed = feeds.find(session, which)
        latest = [
            {
                "at": poll.at,
                "outcome": poll.outcome,
                "status": poll.status,
                "took": round(poll.took, 3),
                "bytes": poll.bytes,
                "entries": poll.entries,
                "new": poll.new,
                "revised": poll.revised,
                "gap": poll.gap,
                "error": poll.error or poll.note,
            }
            for poll in polls.polls_of(session, feed.id or 0, limit)
        ]
        rests = feeds.resting(session, feed.host, now)
        facts = {
            **_row(feed, now),
            "full_text": feed.full_text,
            "interval": f"{feed.interval:.0f} s (between {feed.min_interval:.0f} and {feed.max_interval:.0f})",
            "status": feed.last_status,
            "added": feed.created_at,
            "headers": ", ".join(sorted(feed.headers)) + " (values are not shown)" if feed.headers else "",
            "host rests until": rests,
            "pushed until": feed.pushed_until,
            "moved to": f"{feed.moved_to} (told {feed.moved_times} times)" if feed.moved_to else "",
        }
    show.one(facts | ({"polls": latest} if as_json else {}), as_json=as_json)
    if not as_json:
        show.say(" ")
        show.rows(latest, as_json=False, empty="It was not polled yet. Does the service run? wirewatch status")


@app.command()
def poll(which: str = WHICH) -> None:
    """Poll a feed now rather than when it is due.

    Example: wirewatch feeds poll 1
    """
    with writing() as hand:
        feed = feeds.find(hand.session, which)
        deeds.poll(hand, feed)
        show.say(f"Feed {feed.id} is due now; the scheduler takes it within a second if the service runs.")


@app.command()
def pause(which: str = WHICH) -> None:
    """Stop polling a feed until it is resumed.

    Example: wirewatch feeds pause 1
    """
    with writing() as hand:
        feed = feeds.find(hand.session, which)
        deeds.pause(hand, feed)
        show.say(f"Feed {feed.id} is paused. `wirewatch feeds resume {feed.id}` wakes it.")


@app.command()
def resume(which: str = WHICH) -> None:
    """Poll a paused feed again, at once.

    Example: wirewatch feeds resume 1
    """
    with writing() as hand:
        feed = feeds.find(hand.session, which)
        deeds.resume(hand, feed)
        show.say(f"Feed {feed.id} is polled again.")


@app.command()
def remove(which: str = WHICH, yes: bool = YES) -> None:
    """Stop watching a feed. Its stories stay.

    Example: wirewatch feeds remove 1 --yes
    """
    with writing() as hand:
        feed = feeds.find(hand.session, which)
        if not yes:
            typer.confirm(f"Stop watching {feed.url}?", abort=True)
        deeds.remove(hand, feed)
        show.say(f"Feed {feed.id} is watched no more; its stories stay.")
