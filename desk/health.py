"""Is it well? What a health check asks, of the rows alone: they tell of every process, wherever it runs."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import Session

from storage import canaries, notices, pulse
from storage.database import Database
from wire.errors import BadInput

# A process shows a sign of life every five seconds; three missed ones are no chance.
SILENT = timedelta(seconds=15)
_ALARMS = ("worker ", "canary", "disk")


def troubles(session: Session, now: datetime) -> list[str]:
    """What is wrong, a sentence each; nothing when all is well."""
    beats = {beat.name: beat.at for beat in pulse.beats(session)}
    found = []
    if now - beats.get("scheduler", datetime.min.replace(tzinfo=now.tzinfo)) > SILENT:
        found.append("The scheduler is silent: `wirewatch run` starts all there is.")
    return found + [one.text for one in notices.standing(session) if one.about.startswith(_ALARMS)]


def readiness(database: Database, broker: Callable[[], bool], now: datetime) -> dict[str, bool]:
    """What must be there for the service to do its work, each looked at now."""
    try:
        migrated = database.is_current()
        with database.reading() as session:
            beats = {beat.name: beat.at for beat in pulse.beats(session)}
    except BadInput:
        return {"database": False, "broker": broker(), "migrations": False, "scheduler": False}
    works = "scheduler" in beats and now - beats["scheduler"] <= SILENT
    return {"database": True, "broker": broker(), "migrations": migrated, "scheduler": works}


def canary_took(session: Session) -> float | None:
    """How long the last canary that came out took, in seconds."""
    found = (one for one in canaries.newest(session, limit=10) if one.arrived_at)
    last = next(found, None)
    return (last.arrived_at - last.let_in_at).total_seconds() if last and last.arrived_at else None
