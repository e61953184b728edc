"""`wirewatch doctor`: looks at all that has to be right, one thing after the other, and says what to do."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import typer
from redis.exceptions import RedisError
from sqlmodel import Session

from desk import health, show
from service import broker
from service.config import worker_config
from service.opening import open_database, redis_url
from settings import Settings
from storage import channels, feeds, pulse, rules, users
from storage.database import Database
from storage.tables import Channel
from wire.address import shown
from wire.errors import BadInput, WirewatchError
from worker.reveal import reveal

_ENOUGH_DISK = 1024**3
_CLOCKS_APART = timedelta(seconds=5)


class Finding(NamedTuple):
    """What was looked at, whether it is well, and what was found or is to be done."""

    about: str
    well: bool
    says: str


def examine(settings: Settings, *, as_json: bool) -> None:
    """Tells all findings; exits with 1 when something is not well."""
    found = list(findings(settings))
    if as_json:
        show.rows([one._asdict() for one in found], as_json=True, empty="")
    for one in () if as_json else found:
        show.say(f"{'ok ' if one.well else '!! '} {one.about.ljust(10)} {one.says}")
    if not all(one.well for one in found):
        raise typer.Exit(1)


def findings(settings: Settings) -> Iterator[Finding]:
    """Each thing in its turn; what stands on something that is not well is left out."""
    yield _tried("settings", lambda: f"can be used; the data is in {settings.data}", lambda: worker_config(settings))
    yield _disk(settings)
    try:
        database = open_database(settings)
    except (BadInput, OSError) as error:
        yield Finding("database", False, f"{error} See WIREWATCH_DATABASE_URL.")
        return
    yield from _database(database)
    with database.reading() as session:
        now = datetime.now(UTC)
        yield _processes(session, now)
        yield from _redis(settings, now, runs=_runs(session, now))
        yield _feeds(session)
        yield from _channels(session)
        yield _rules(session)
        yield _access(session, settings)
    database.dispose()


def _tried(about: str, says: Callable[[], str], do: Callable[[], object]) -> Finding:
    try:
        do()
    except WirewatchError as error:
        return Finding(about, False, str(error))
    return Finding(about, True, says())


def _disk(settings: Settings) -> Finding:
    folder = next(one for one in (settings.data, *settings.data.parents) if one.exists())
    free = shutil.disk_usage(folder).free
    says = f"{free / 1024**3:.1f} GB free at {folder}"
    if free < _ENOUGH_DISK:
        return Finding("disk", False, f"{says}. Make room: a full disk stops everything.")
    if not os.access(folder, os.W_OK):
        return Finding("disk", False, f"{folder} cannot be written to. Choose another with --data.")
    return Finding("disk", True, says)


def _database(database: Database) -> Iterator[Finding]:
    broken = database.check()
    if broken:
        yield Finding("database", False, f"{database.safe_url} is damaged: {broken}. Restore a backup.")
    else:
        yield Finding("database", True, f"{database.safe_url} answers, is up to date and sound")
    apart = abs(datetime.now(UTC) - database.now())
    well = apart <= _CLOCKS_APART
    says = "agrees with the database's" if well else f"is {apart.total_seconds():.0f} s off the database's. Use NTP."
    yield Finding("clock", well, f"this machine's clock {says}")


def _runs(session: Session, now: datetime) -> bool:
    return any(now - beat.at <= health.SILENT for beat in pulse.beats(session))


def _processes(session: Session, now: datetime) -> Finding:
    beats = pulse.beats(session)
    silent = [beat.name for beat in beats if now - beat.at > health.SILENT]
    if not beats or len(silent) == len(beats):
        return Finding("processes", False, "the service does not run. Start it: wirewatch run")
    if silent:
        return Finding("processes", False, f"silent: {', '.join(silent)}. The log of `wirewatch run` says why.")
    return Finding("processes", True, f"{', '.join(beat.name for beat in beats)} work")


def _redis(settings: Settings, now: datetime, *, runs: bool) -> Iterator[Finding]:
    where = shown(settings.redis_url) if settings.redis_url else "the private Redis"
    if not settings.redis_url and not runs:
        return
    try:
        with broker.client(redis_url(settings)) as client:
            seconds, _ = client.time()
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    except (RedisError, ValueError) as error:
        yield Finding("redis", False, f"{where} does not answer: {error}")
        return
    if abs(now - datetime.fromtimestamp(seconds, UTC)) > _CLOCKS_APART:
        yield Finding("redis", False, "its machine's clock is off. Use NTP: messages expire by it.")
    elif policy != "noeviction":
        yield Finding("redis", False, f"it evicts keys ({policy}). Set maxmemory-policy noeviction.")
    else:
        yield Finding("redis", True, f"{where} answers")


def _feeds(session: Session) -> Finding:
    watched, trouble = feeds.watched(session), feeds.in_trouble(session)
    if not watched:
        return Finding("feeds", False, "none is watched. Add one: wirewatch feeds add ADDRESS")
    if trouble:
        first = trouble[0]
        return Finding(
            "feeds", False, f"{len(trouble)} of {len(watched)} are in trouble, first number {first.id}: "
            f"{first.paused_because or first.last_error} See `wirewatch feeds list`.",
        )  # fmt: skip
    return Finding("feeds", True, f"{len(watched)} are watched")


def _channels(session: Session) -> Iterator[Finding]:
    there = channels.all_channels(session)
    if not there:
        yield Finding("channels", False, "there is none, so nobody is told. Add one: wirewatch channels add NAME KIND")
    for channel in there:
        if channel.paused_because:
            yield Finding("channels", False, f"“{channel.name}” is paused: {channel.paused_because}")
        else:
            yield _secrets(channel)


def _secrets(channel: Channel) -> Finding:
    def look() -> None:
        for written in (channel.target, channel.secret, channel.former_secret):
            reveal(written)

    return _tried("channels", lambda: f"“{channel.name}” has all it needs", look)


def _rules(session: Session) -> Finding:
    there, to = rules.all_rules(session), rules.channel_names(session)
    if not there:
        return Finding("rules", False, "there is none. Add one: wirewatch rules add NAME QUERY --to CHANNEL")
    mute = [rule.name for rule in there if rule.enabled and not rule.shadow and not to.get(rule.id or 0)]
    if mute:
        return Finding("rules", False, f"tell nobody: {', '.join(mute)}. Give them --to, or make them --shadow.")
    return Finding("rules", True, f"{len(there)} are there")


def _access(session: Session, settings: Settings) -> Finding:
    if not settings.desk:
        return Finding("desk", True, "is switched off")
    if users.are_there_any(session):
        return Finding("desk", True, f"{settings.pages}, with {len(users.all_users(session))} users")
    if not settings.desk_is_local:
        return Finding(
            "desk", False, "others can reach it, so it needs users: wirewatch users add NAME --role operator"
        )
    return Finding("desk", True, f"{settings.pages}, for whoever is on this machine: there are no users")
