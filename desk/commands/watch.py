"""`wirewatch status` and `wirewatch tail`: how it stands, and what comes."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import typer

from desk import health, show
from desk.answers import status as answers
from desk.commands.alerts import alert_row
from desk.context import JSON, desk, reading
from storage import alerts, items

_SILENT = health.SILENT.total_seconds()


def status(as_json: bool = JSON) -> None:
    """How everything stands: processes, feeds, stories, deliveries.

    Example: wirewatch status
    """
    with reading() as (session, now):
        found = answers.status(session, now, desk().database.safe_url)
    processes = {one.name: one.silent for one in found.processes}
    standing = [one.text for one in found.notices]
    if as_json:
        seen = {"menafn_coverage": found.menafn_coverage, "canary_seconds": found.canary_seconds, "notices": standing}
        show.say_json({**found.counts, "silent_seconds": processes, **seen})
        return
    figures, took = SimpleNamespace(**found.counts), found.canary_seconds
    lines = {
        "service": _service(processes),
        "database": found.database,
        "stories": f"{figures.items:,} kept, {figures.items_last_hour:,} in the last hour",
        "feeds": f"{figures.feeds} watched, {figures.feeds_paused} paused, {figures.feeds_failing} failing, "
        f"{figures.feeds_overdue} overdue, {figures.gaps_last_day} gaps in a day",
        "pages": f"{figures.pages_waiting} waiting to be read",
        "rules": f"{figures.rules} on",
        "MENAFN": _coverage(found.menafn_coverage),
        "alerts": f"{figures.alerts:,}",
        "deliveries": f"{figures.deliveries_waiting} waiting, {figures.deliveries_held} held for later, "
        f"{figures.deliveries_failed} given up; {figures.channels_paused} channels paused",
        "canary": "none came out yet" if took is None else f"the last took {took:.1f} s through the whole pipe",
    }
    show.one(lines, as_json=False)
    for text in standing:
        show.say(f"Notice: {text}")
    for hint in _hints(figures):
        show.say(hint)


def _service(processes: dict[str, float]) -> str:
    if not processes or min(processes.values()) > _SILENT:
        return "not running; start it with `wirewatch run`"
    silent = [f"{name} silent for {seconds:.0f} s" for name, seconds in processes.items() if seconds > _SILENT]
    return "running" + (f", but {'; '.join(silent)}" if silent else "")


def _coverage(share: float | None) -> str:
    if share is None:
        return "too few of its stories in a day to tell how much of it is seen"
    return f"{share:.0%} of the numbers of a day's stories were seen"


def _hints(figures: SimpleNamespace) -> Iterator[str]:
    if figures.feeds_failing or figures.feeds_paused:
        yield "`wirewatch feeds list` says what is wrong with which feed."
    if figures.deliveries_failed:
        yield "`wirewatch deliveries list --state failed` says why; `deliveries retry --failed` sends them again."


def tail(
    as_json: bool = JSON,
    last: int = typer.Option(5, "--last", "-n", min=0, max=1000, help="Begin with so many of the newest."),
    rounds: int = typer.Option(0, help="Stop after so many looks, one a second; 0 goes on until Ctrl-C."),
) -> None:
    """New stories and alerts as they come.

    Example: wirewatch tail
    """
    item, alert = _start(last)
    looked = 0
    while True:
        for number, row in _new_items(item):
            item = number
            _tell("story", row, as_json=as_json)
        for number, row in _new_alerts(alert):
            alert = number
            _tell("ALERT", row, as_json=as_json)
        looked += 1
        if rounds and looked >= rounds:
            return
        time.sleep(1)


def _start(last: int) -> tuple[int, int]:
    """The numbers after which to begin, so that the newest `last` of each are shown first."""
    with reading() as (session, _):
        newest = [item.id or 0 for item in items.newest(session, limit=last + 1)]
        alerted = [row.id for row in alerts.newest(session, limit=last + 1)]
    return (newest[last] if len(newest) > last else 0, alerted[last] if len(alerted) > last else 0)


def _new_items(after: int) -> list[tuple[int, dict[str, Any]]]:
    with reading() as (session, _):
        found = reversed(items.newest(session, limit=1000, after=after))
        return [
            (item.id or 0, {"id": item.id, "at": item.first_seen_at, "title": item.title, "url": item.url})
            for item in found
        ]


def _new_alerts(after: int) -> list[tuple[int, dict[str, Any]]]:
    with reading() as (session, _):
        return [(row.id, alert_row(row)) for row in reversed(alerts.newest(session, limit=1000, after=after))]


def _tell(kind: str, row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show.say_json({"kind": kind.lower(), **row})
        return
    when = f"{row['at'].astimezone():%H:%M:%S}"
    if kind == "story":
        show.say(f"{when}  {row['title']}")
    else:
        show.say(f"{when}  ALERT {row['rule']}: {row['title']}  [{', '.join(row['matched'])}]")
