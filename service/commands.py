"""Commands that do work in this very process, by the same functions as the worker's tasks."""

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer
from sqlmodel import Session

from desk import health, show
from desk.context import desk, writing
from service.config import worker_config
from service.opening import redis_url
from settings import Settings
from storage import channels as channel_rows
from storage import copying, pulse
from storage.database import Database
from storage.outbox import Address, Outgoing
from storage.work import new_claim
from wire import article
from wire.errors import BadInput, DeliveryFailed, WirewatchError
from wire.markup import harmless
from wire.samples import sample
from worker import app as celery
from worker import channels, ingest
from worker.config import Config
from worker.ingest import Kept, Turn
from worker.looking import Found, look
from worker.rulebook import Rulebook
from worker.sending import send_on
from worker.telling import Telling


def import_items(settings: Settings, files: list[Path], url: str, *, as_json: bool) -> None:
    """Each file through the pipe of polled stories; a bad one is said and does not stop the others."""
    if url and len(files) > 1:
        raise BadInput("--url names one story's page, so give one file with it.")
    celery.connect(redis_url(settings))
    rulebook, bad = Rulebook(), 0
    for file in files:
        try:
            show_imported(file, *_import(settings, file, url, rulebook), as_json=as_json)
        except (WirewatchError, OSError) as error:
            bad += 1
            why = error.strerror if isinstance(error, OSError) else str(error)
            print(harmless(f"{file}: {why}"), file=sys.stderr)
    if bad:
        raise typer.Exit(1)


def _import(settings: Settings, file: Path, url: str, rulebook: Rulebook) -> tuple[Telling, Kept]:
    if file.stat().st_size > settings.max_body:
        raise BadInput(f"The file is larger than {settings.max_body:,} bytes. Is it one story's page?")
    telling = Telling(article.read(file.read_bytes(), url=url))
    with writing() as hand:
        turn = Turn(hand.now, rulebook.current(hand.session), new_claim(), hand.now + settings.lease)
        kept = ingest.keep(hand.session, [telling], turn)
    send_on(turn.claim, kept.deliveries, kept.pages, settings.lease)
    return telling, kept


def show_imported(file: Path, telling: Telling, kept: Kept, *, as_json: bool) -> None:
    """One line a file: what became of it."""
    what = "new" if kept.new else "revised" if kept.revised else "known"
    if as_json:
        show.say_json({"file": str(file), "identity": telling.key, "outcome": what, "title": telling.story.title})
        return
    alerts = sum(map(len, kept.deliveries.values()))
    told = f", {alerts} {'delivery' if alerts == 1 else 'deliveries'} on the way" if alerts else ""
    show.say(f"{what}: {telling.key} “{telling.story.title}”{told}")


def copy_database(source: Database, to: str) -> None:
    """All rows into another database, counted there."""
    with source.reading() as session:
        now = datetime.now(UTC)
        if any(timedelta(0) <= now - beat.at <= health.SILENT for beat in pulse.beats(session)):
            raise BadInput("Wirewatch runs on this database, and what comes meanwhile would be lost. Stop it first.")
    target = Database(to)
    try:
        counts = copying.copy(source, target, lambda table, rows: show.say(f"{rows:>12,}  {table}") if rows else None)
    finally:
        target.dispose()
    show.say(f"{sum(counts.values()):,} rows are in {target.safe_url}, as many of each table as here.")
    show.say("To go on there, set WIREWATCH_DATABASE_URL to it.")


def check_feed(settings: Settings, url: str, *, as_json: bool) -> None:
    """Fetches an address once and shows what a poll would see; nothing is kept."""
    found = look_at(settings, url, {})
    if found.document is None:
        show.rows(
            [{"kind": one.kind, "title": one.title, "url": one.url} for one in found.offered], as_json=as_json, empty=""
        )
        raise BadInput("This is a page. It names the feeds above; check one of them.")
    document = found.document
    if not as_json:
        show.say(f"{document.title or 'No title'}: {document.kind}, {len(document.entries)} entries, from {found.url}")
    show.rows(
        [
            {"published": entry.published_at, "guid": entry.guid, "title": entry.title, "url": entry.url}
            for entry in document.entries
        ],
        as_json=as_json,
        empty="The feed is well-formed and empty.",
    )


def look_at(settings: Settings, url: str, headers: Mapping[str, str]) -> Found:
    """What is at an address now. Raises PollFailed."""
    return asyncio.run(_look(worker_config(settings), url, headers))


async def _look(config: Config, url: str, headers: Mapping[str, str]) -> Found:
    async with config.open_session() as session:
        return await look(session, url, config.limits, headers)


def test_channel(settings: Settings, which: str) -> None:
    """Sends a marked sample now and says what the other side said."""
    try:
        said = try_channel(settings, desk().database, which)
    except DeliveryFailed as error:
        raise BadInput(f"The channel did not take the sample. {error}") from error
    show.say(f"The channel took the sample: {said}")


def try_channel(settings: Settings, database: Database, which: str) -> str:
    """Sends a marked sample; what the other side said. Raises DeliveryFailed, BadInput."""
    with database.reading() as session:
        sample = _sample(session, which, datetime.now(UTC))
    return asyncio.run(_send(worker_config(settings), sample))


async def _send(config: Config, outgoing: Outgoing) -> str:
    async with config.open_session() as session:
        return await channels.send(channels.World(session, pages=config.pages), outgoing)


def _sample(session: Session, which: str, now: datetime) -> Outgoing:
    channel = channel_rows.find(session, which)
    named = {name: getattr(channel, name) for name in Address.__slots__}
    return Outgoing(0, 1, Address(**named), sample(now))
