"""`wirewatch feeds …`"""

from datetime import datetime
from typing import Any

import typer

from desk import show
from desk.context import JSON, LIMIT, YES, desk, duration, reading, writing
from storage import feeds
from storage.tables import Feed
from wire.cadence import Bounds
from wire.errors import BadInput

app = typer.Typer(help="The addresses that are watched.", no_args_is_help=True)
_LONGEST_INTERVAL = 7 * 86400
WHICH = typer.Argument(help="Its number, its address, or letters that only it has.")


@app.command()
def add(
    url: str = typer.Argument(help="The address of an RSS, Atom, RDF or JSON feed."),
    full_text: bool = typer.Option(
        False, "--full-text", help="Read each story's page, for wires whose feed gives a start only."
    ),
    title: str = typer.Option("", help="A name of your own; else the feed's."),
    min_interval: str = typer.Option("", help="Never poll more often, as 30s, 15m or 2h."),
) -> None:
    """Watch an address. It is polled within a second if the service runs.

    Example: wirewatch feeds add https://menafn.com/rss/menafn_UAE.xml --full-text
    """
    bounds = desk().bounds
    if min_interval:
        shortest = duration(min_interval).total_seconds()
        if not 1 <= shortest <= _LONGEST_INTERVAL:
            raise BadInput("Polls are between a second and a week apart.")
        bounds = Bounds(shortest, max(bounds.longest, shortest))
    with writing() as (session, now):
        feed = feeds.add(session, url, now=now, bounds=bounds, full_text=full_text, title=title)
        show.say(f"Watching {feed.url} as number {feed.id}. `wirewatch feeds show {feed.id}` tells how it goes.")


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
        "state": _state(feed),
        "polled": show.ago(feed.last_polled_at, now),
        "next": show.ago(feed.due_at, now) if feed.enabled else "",
        "new": show.ago(feed.last_new_at, now),
        "title": feed.title,
        "url": feed.url,
        "error": feed.paused_because or feed.last_error,
    }


def _state(feed: Feed) -> str:
    if not feed.enabled:
        return "paused"
    if feed.failures:
        return f"failing ({feed.failures})"
    return "well" if feed.last_polled_at else "waiting"


@app.command("show")
def show_feed(which: str = WHICH, limit: int = LIMIT, as_json: bool = JSON) -> None:
    """One feed: its state, and its latest polls.

    Example: wirewatch feeds show 1
    """
    with reading() as (session, now):
        feed = feeds.find(session, which)
        polls = [
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
                "error": poll.error,
            }
            for poll in feeds.polls_of(session, feed.id or 0, limit)
        ]
        facts = {
            **_row(feed, now),
            "full_text": feed.full_text,
            "interval": f"{feed.interval:.0f} s (between {feed.min_interval:.0f} and {feed.max_interval:.0f})",
            "status": feed.last_status,
            "added": feed.created_at,
        }
    show.one(facts | ({"polls": polls} if as_json else {}), as_json=as_json)
    if not as_json:
        show.say(" ")
        show.rows(polls, as_json=False, empty="It was not polled yet. Does the service run? wirewatch status")


@app.command()
def poll(which: str = WHICH) -> None:
    """Poll a feed now rather than when it is due.

    Example: wirewatch feeds poll 1
    """
    with writing() as (session, now):
        feed = feeds.find(session, which)
        feeds.poll_now(feed, now)
        show.say(f"Feed {feed.id} is due now; the scheduler takes it within a second if the service runs.")


@app.command()
def pause(which: str = WHICH) -> None:
    """Stop polling a feed until it is resumed.

    Example: wirewatch feeds pause 1
    """
    with writing() as (session, _):
        feed = feeds.find(session, which)
        feeds.pause(feed, "paused by hand")
        show.say(f"Feed {feed.id} is paused. `wirewatch feeds resume {feed.id}` wakes it.")


@app.command()
def resume(which: str = WHICH) -> None:
    """Poll a paused feed again, at once.

    Example: wirewatch feeds resume 1
    """
    with writing() as (session, now):
        feed = feeds.find(session, which)
        feeds.resume(feed, now)
        show.say(f"Feed {feed.id} is polled again.")


@app.command()
def remove(which: str = WHICH, yes: bool = YES) -> None:
    """Stop watching a feed. Its stories stay.

    Example: wirewatch feeds remove 1 --yes
    """
    with writing() as (session, now):
        feed = feeds.find(session, which)
        if not yes:
            typer.confirm(f"Stop watching {feed.url}?", abort=True)
        feeds.remove(feed, now)
        show.say(f"Feed {feed.id} is watched no more; its stories stay.")
