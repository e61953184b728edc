"""How everything stands."""

from dataclasses import asdict
from datetime import datetime, timedelta
from importlib.metadata import version

from sqlmodel import Session

from desk import health
from desk.answers.base import Answer
from storage import audit, items, notices, pulse
from storage.tables import Notice
from wire import menafn

_A_DAY = timedelta(days=1)
_HOURS = 48


class Process(Answer):
    """A process of the service, and for how many seconds it has shown no sign of life."""

    name: str
    silent: float
    well: bool


class NoticeLine(Answer):
    """What the operator should know, since when, and when it was over."""

    id: int
    at: datetime
    over: datetime | None
    about: str
    text: str


class Hour(Answer):
    """How many stories were first seen in an hour."""

    hour: datetime
    stories: int


class Status(Answer):
    """How everything stands: counts, processes, what is late, what wants a look.

    `lag` is for how many seconds the longest waiting feed has been due; `menafn_coverage` the part of MENAFN's numbers
    of the last day that was seen, from 0 to 1; `canary_seconds` how long the last canary took through the whole pipe.
    """

    version: str
    database: str
    well: bool
    troubles: list[str]
    processes: list[Process]
    counts: dict[str, int]
    lag: float
    menafn_coverage: float | None
    canary_seconds: float | None
    notices: list[NoticeLine]
    by_hour: list[Hour]


class ChangeLine(Answer):
    """Who did what to which thing; how it stood before and after, as far as it differs."""

    id: int
    at: datetime
    who: str
    what: str
    about: str
    before: dict[str, object]
    after: dict[str, object]


class Changes(Answer):
    """A page of the audit, the newest first. `next` asks for the page after it, as `before`; null at the end."""

    changes: list[ChangeLine]
    next: int | None


def status(session: Session, now: datetime, database: str) -> Status:
    """How everything stands; `database` is its address without its password."""
    covered = menafn.coverage(items.story_ids(session, menafn.WIRE, now - _A_DAY))
    troubles = health.troubles(session, now)
    return Status(
        version=version("wirewatch"),
        database=database,
        well=not troubles,
        troubles=troubles,
        processes=[
            Process(name=beat.name, silent=(now - beat.at).total_seconds(), well=now - beat.at <= health.SILENT)
            for beat in pulse.beats(session)
        ],
        counts=asdict(pulse.figures(session, now)),
        lag=pulse.lag(session, now),
        menafn_coverage=covered and round(covered.share, 3),
        canary_seconds=health.canary_took(session),
        notices=[notice_line(one) for one in notices.standing(session)],
        by_hour=by_hour(session, now),
    )


def by_hour(session: Session, now: datetime) -> list[Hour]:
    """The stories of each of the last hours, the running one last."""
    running = now.replace(minute=0, second=0, microsecond=0)
    hours = [running - timedelta(hours=_HOURS - 1 - number) for number in range(_HOURS)]
    counts = pulse.stories_by_hour(session, hours[0])
    return [Hour(hour=hour, stories=counts.get(hour, 0)) for hour in hours]


def all_notices(session: Session, limit: int) -> list[NoticeLine]:
    """The newest notices first."""
    return [notice_line(one) for one in notices.newest(session, limit=limit)]


def notice_line(one: Notice) -> NoticeLine:
    return NoticeLine(id=one.id or 0, at=one.created_at, over=one.ended_at, about=one.about, text=one.text)


def changes(session: Session, *, limit: int, before: int | None = None) -> Changes:
    """A page of the audit."""
    found = [ChangeLine(**one.model_dump()) for one in audit.newest(session, limit=limit + 1, before=before)]
    return Changes(changes=found[:limit], next=found[limit - 1].id if len(found) > limit else None)
