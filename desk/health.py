"""Is it well? What a health check asks, of the rows alone: they tell of every process, wherever it runs."""

from datetime import datetime, timedelta

from sqlmodel import Session

from storage import canaries, notices, pulse

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


def canary_took(session: Session) -> float | None:
    """How long the last canary that came out took, in seconds."""
    found = (one for one in canaries.newest(session, limit=10) if one.arrived_at)
    last = next(found, None)
    return (last.arrived_at - last.let_in_at).total_seconds() if last and last.arrived_at else None
