"""What the operator should know: causes looked for in the rows, each with its sentence; told by storage/notices.py."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from storage import canaries, channels, feeds, notices, polls, pulse
from storage.tables import Notice
from wire.markup import line

# Looked at so often; what takes a look at every feed's history, so often.
EVERY, SELDOM = timedelta(seconds=10), timedelta(hours=1)
# Three missed signs of life are chance, a minute's are not.
_SILENT = timedelta(seconds=60)
_GAPS_OF = timedelta(hours=1)
_LEAST_FREE = 1_000_000_000
KINDS = ("feed ", "channel ", "worker ", "disk", "canary", "gap ")


@dataclass(slots=True)
class Watch:
    """Who watches: since when, how often a canary is let in (never if zero), and on whose disk."""

    since: datetime
    canary: timedelta = timedelta(0)
    folder: Path | None = None
    workers: Sequence[str] = ("worker poll", "worker deliver")
    _next_quiet: datetime | None = None
    _last_look: datetime | None = None

    @property
    def patience(self) -> timedelta:
        """How long a canary may take. One that is late is followed by another at once, so that two missing in a row
        are known within two periods.
        """
        return self.canary / 3

    def look(self, session: Session, now: datetime) -> None:
        """Lets in a canary when it is time, and tells the operator what is new.

        After a long time without a look, as when the machine slept, all signs of life are old: it begins anew.
        """
        if self._last_look and now - self._last_look > _SILENT:
            self.since = now
        self._last_look = now
        if self.canary:
            self._mind_the_canary(session, now)
        notices.keep_up(session, {**self._quiet(session, now), **self._now(session, now)}, KINDS, now=now)

    def _quiet(self, session: Session, now: datetime) -> dict[str, str]:
        """Feeds that are quiet: looked for now and then; those that were found stay so until they bring something."""
        standing = {one.about: one for one in notices.standing(session) if one.about.endswith(" quiet")}
        still = polls.still_quiet(session, {int(about.split()[1]): one.created_at for about, one in standing.items()})
        found = {about: one.text for about, one in standing.items() if int(about.split()[1]) in still}
        if self._next_quiet is None or not now < self._next_quiet <= now + SELDOM:
            self._next_quiet = now + SELDOM
            found |= {
                f"feed {feed.id} quiet": f"Feed {feed.id} ({_named(feed.title, feed.url)}) brought nothing new since "
                f"{last:%Y-%m-%d %H:%M} UTC; it usually does every {_long(usual)}."
                for feed, last, usual in polls.quiet_beyond_habit(session, now)
            }
        return found

    def _mind_the_canary(self, session: Session, now: datetime) -> None:
        last = next(iter(canaries.newest(session, limit=1)), None)
        age = now - (last.let_in_at if last and last.let_in_at <= now else self.since)
        suspicious = (
            last is not None
            and last.arrived_at is None
            and not canaries.missing(session, self.patience, self.since, now)
        )
        if age >= self.canary or (suspicious and age >= self.patience):
            canaries.let_in(session, now)

    def _now(self, session: Session, now: datetime) -> dict[str, str]:
        found: dict[str, str] = {}
        for feed in feeds.in_trouble(session):
            why = feed.paused_because or f"it failed {feed.failures} times in a row: {feed.last_error}"
            found[f"feed {feed.id} gone"] = line(f"Feed {feed.id} ({_named(feed.title, feed.url)}): {why}")
        for feed_id, title, url in polls.with_gaps(session, now - _GAPS_OF):
            text = f"Feed {feed_id} ({_named(title, url)}) may have lost stories: a poll shared nothing with the last."
            found[f"gap of feed {feed_id}"] = line(text)
        for channel in channels.paused_for_failures(session):
            found[f"channel {channel.id} paused"] = line(
                f"The channel “{channel.name}” is paused: {channel.paused_because} What it misses is held; it is tried "
                f"again by itself, or by `wirewatch channels resume {channel.id}`."
            )
        found |= self._missing_workers(session, now)
        found |= self._full_disk()
        if self.canary:
            found |= self._missing_canaries(session, now)
        return found

    def _missing_canaries(self, session: Session, now: datetime) -> dict[str, str]:
        if missing := canaries.missing(session, self.patience, self.since, now):
            text = (
                f"The last {len(missing)} canaries did not come out: stories are not polled, matched or delivered. "
                "`wirewatch status` says what is silent."
            )
            return {"canary": text}
        told = self._told_before(session, now, canaries.MISSING_IN_A_ROW * self.canary).get("canary")
        return {"canary": told.text} if told and _still(told, canaries.last_arrival(session)) else {}

    def _missing_workers(self, session: Session, now: datetime) -> dict[str, str]:
        beats = {beat.name: beat.at for beat in pulse.beats(session)}
        told = self._told_before(session, now, _SILENT)
        found = {}
        for name in self.workers:
            last = max(beats.get(name, self.since), self.since)
            about = f"{name} missing"
            if now - last > _SILENT or _still(told.get(about), beats.get(name)):
                found[about] = f"No {name.removeprefix('worker ')} worker has shown work for a minute."
        return found

    def _told_before(self, session: Session, now: datetime, patience: timedelta) -> dict[str, Notice]:
        """What a scheduler before us told and has not ended, as long as we watch too short a time to judge of it."""
        if now - self.since > patience:
            return {}
        return {one.about: one for one in notices.standing(session)}

    def _full_disk(self) -> dict[str, str]:
        if self.folder is None:
            return {}
        free = shutil.disk_usage(self.folder).free
        return (
            {"disk": f"The disk of {self.folder} is nearly full: {free // 1_000_000} MB left."}
            if free < _LEAST_FREE
            else {}
        )


def _still(told: Notice | None, sign: datetime | None) -> bool:
    """Whether what was told still stands: there was no sign of life since."""
    return told is not None and (sign is None or sign <= told.created_at)


def _named(title: str, url: str) -> str:
    return line(title or url)


def _long(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"{hours:.0f} hours" if hours >= 2 else f"{hours * 60:.0f} minutes"  # noqa: PLR2004 -- as people say it
