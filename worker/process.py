"""One worker process: its event loop, its session to the world, its database, its copy of the rules.

They live as long as the process, and the poll, read and deliver tasks all run in them. What it needs to know is
handed in as a `Config`; a test makes one of its own.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import aiohttp
from sqlalchemy import Table
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from storage import canaries, feeds, outbox, pulse, readings, subscriptions
from storage.database import Database, Trouble, chunks, trouble
from storage.feeds import FeedToPoll
from storage.work import new_claim, renew
from wire.cadence import Dice
from worker import app, figures, outcome, polling, reading, telemetry, tracing, websub
from worker.channels import Clock, utc_now
from worker.config import Config
from worker.courier import Courier
from worker.fetch import MOST_PER_HOST
from worker.ingest import Kept, Turn
from worker.loops import new_loop
from worker.polling import Polled
from worker.reading import PageRead
from worker.robots import Robots
from worker.rulebook import Rulebook
from worker.sending import send_on

log = logging.getLogger(__name__)


_BEAT_AT_MOST_EVERY = timedelta(seconds=2)
# A claim is renewed when less than this part of its lease is left.
_RENEWED_AT = 2 / 3


@dataclass(slots=True)
class _Lease:
    """Rows that were taken, and until when they are ours."""

    work: Table
    ids: Sequence[int]
    claim: str
    ends: datetime


class Process:
    """The state of one worker process. Open it after the fork, for neither loops nor connections survive one."""

    def __init__(self, config: Config, *, clock: Clock = utc_now, dice: Dice = random.random) -> None:
        self.config = config
        self._clock = clock
        self._dice = dice
        self._beat_at = clock()
        self._rulebook = Rulebook()
        self._database = Database(config.database_url)
        self._loop = new_loop()
        self._http = self._loop.run_until_complete(self._open())
        self._courier: Courier | None = None
        self._robots = Robots(self._http, config.limits, config.user_agent) if config.robots else None

    async def _open(self) -> aiohttp.ClientSession:
        return self.config.open_session()

    def close(self) -> None:
        if self._courier:
            self._courier.close()
        self._loop.run_until_complete(self._end())
        self._loop.close()
        self._database.dispose()

    async def _end(self) -> None:
        unfinished = asyncio.all_tasks() - {asyncio.current_task()}
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        await self._loop.shutdown_default_executor()
        await self._http.close()

    def poll(self, claim: str, ids: Sequence[int]) -> None:
        """Polls claimed feeds, keeps what they brought, sends on what follows."""
        with self._database.writing() as session:
            batch = feeds.take(session, ids, claim, until=self._lease_ends())
            made_up = canaries.document(session) if any(feed.private for feed in batch) else b""
        with tracing.span("poll", claim, feeds=len(batch)):
            self._loop.run_until_complete(self._poll(batch, claim, made_up))

    async def _poll(self, batch: Sequence[FeedToPoll], claim: str, made_up: bytes) -> None:
        """Feeds are fetched and read in this thread, and what has come is written in another meanwhile."""
        lease = _Lease(feeds.FEED, [feed.id for feed in batch], claim, self._lease_ends())
        portions = polling.poll_all(
            self._http,
            batch,
            self.config.limits,
            now=self._clock(),
            spacing=self.config.host_spacing,
            made_up=made_up,
        )
        async with aclosing(portions):
            async for polled in portions:
                await asyncio.to_thread(self._keep, polled, lease)

    def _renew(self, lease: _Lease) -> None:
        """A slow host's feeds outlast a lease: what is left of the work stays ours as long as we are at it."""
        now = self._clock()
        if lease.ends - now < self.config.lease * _RENEWED_AT:
            lease.ends = now + self.config.lease
            with self._database.writing() as session:
                renew(session, lease.work, lease.ids, lease.claim, until=lease.ends)

    def _keep(self, polled: Sequence[Polled], lease: _Lease) -> None:
        written = _together_or_alone(polled, lambda some: self._write_some(some, lease.claim), polling.as_broken)
        for kept, onward in written:
            telemetry.kept(kept)
            self._send_on(onward, kept)
        telemetry.polled(polled)
        self._alive(app.POLL)
        self._renew(lease)

    def _write_some(self, polled: Sequence[Polled], claim: str) -> tuple[Kept, str]:
        told, subscribe = outcome.tellings(polled, self._clock()), bool(self.config.public_url)
        onward = new_claim()
        step = tracing.span("keep", claim, hands_on=onward, feeds=len(polled))
        with step, figures.WRITE_SECONDS.time(), self._database.writing() as session:
            turn = self._turn(session, onward)
            kept = outcome.write(session, polled, told, turn, claim=claim, dice=self._dice, subscribe=subscribe)
            return kept, turn.claim

    def subscribe(self, claim: str, feed_ids: Sequence[int]) -> None:
        """Asks claimed feeds' hubs to push."""
        with self._database.reading() as session:
            asking = subscriptions.take(session, feed_ids, claim)
        asked = websub.ask_all(self._http, asking, self.config.public_url, self.config.limits)
        for feed_id, error in self._loop.run_until_complete(asked):
            with self._database.writing() as session:
                subscriptions.asked(session, feed_id, claim, now=self._clock(), error=error)

    def read(self, claim: str, item_ids: Sequence[int]) -> None:
        """Reads claimed pages, completes and matches their items, sends on the alerts."""
        with self._database.writing() as session:
            pages = readings.take(session, item_ids, claim, until=self._lease_ends())
        lease = _Lease(readings.READING, item_ids, claim, self._lease_ends())
        for some in chunks(pages, MOST_PER_HOST):
            asking = reading.read_all(self._http, some, self.config.limits, now=self._clock(), robots=self._robots)
            with tracing.span("read", claim, pages=len(some)):
                found = self._loop.run_until_complete(asking)
            for kept, onward in self._write_read(found, claim):
                telemetry.kept(kept)
                self._send_on(onward, kept)
            telemetry.read({one.page.item.identity: one.error for one in found})
            self._alive(app.READ)
            self._renew(lease)

    def _write_read(self, found: Sequence[PageRead], claim: str) -> list[tuple[Kept, str]]:
        def write(some: Sequence[PageRead]) -> tuple[Kept, str]:
            onward = new_claim()
            step = tracing.span("complete", claim, hands_on=onward, pages=len(some))
            with step, figures.WRITE_SECONDS.time(), self._database.writing() as session:
                turn = self._turn(session, onward)
                return reading.write(session, some, turn, claim), turn.claim

        return _together_or_alone(found, write, reading.as_broken)

    def deliver(self, claim: str, ids: Sequence[int]) -> None:
        """Sends claimed messages on their way, and is done: none waits for another's receiver."""
        until = self._lease_ends()
        with self._database.writing() as session:
            outgoing = outbox.take(session, ids, claim, now=self._clock(), until=until)
        if self._courier is None:
            self._courier = self.config.open_courier(self._database, self._clock, self._dice)
        self._courier.send(claim, outgoing, until)
        self._alive(app.DELIVER)

    def settle(self) -> None:
        """Waits until no message is under way any more."""
        if self._courier:
            self._courier.settle()

    def beat(self, queue: str) -> None:
        """Shows that this queue is being eaten, and what was eaten of it is carried on."""
        if queue == app.DELIVER and self._courier and not self._courier.is_alive():
            log.error("messages are not carried any more")
            return
        self._beat_at = self._clock()
        with self._database.writing() as session:
            pulse.beat(session, f"worker {queue}", self._beat_at)

    def _alive(self, queue: str) -> None:
        """Work done is as good a sign of life as a beat eaten, which may wait behind a long queue of work."""
        if self._clock() - self._beat_at > _BEAT_AT_MOST_EVERY:
            self.beat(queue)

    def _lease_ends(self) -> datetime:
        return self._clock() + self.config.lease

    def _turn(self, session: Session, onward: str) -> Turn:
        now = self._clock()
        return Turn(now, self._rulebook.current(session), onward, now + self.config.lease, self.config.max_age)

    def _send_on(self, claim: str, kept: Kept) -> None:
        """After the commit, at once; what is lost on the way comes due when its lease ends."""
        send_on(claim, kept.deliveries, kept.pages, self.config.lease)


class _Judged(Protocol):
    """What came of one feed or page; `error` says why nothing did."""

    @property
    def error(self) -> str: ...


_TIMES_MORE = 3
_J = TypeVar("_J", bound=_Judged)
_W = TypeVar("_W")


def _together_or_alone(
    some: Sequence[_J], write: Callable[[Sequence[_J]], _W], as_broken: Callable[[_J, Exception], _J]
) -> list[_W]:
    """All in one transaction; if one breaks it, each alone, and the broken one gets its error.

    When the database is away, or even the failure cannot be written, it is raised: the lease brings the work back.
    """
    try:
        return [_insisting(write, some)]
    except Exception as error:
        if trouble(error) == Trouble.AWAY or not some or (len(some) == 1 and some[0].error):
            raise
        if len(some) > 1:
            return [done for one in some for done in _together_or_alone([one], write, as_broken)]
        return [_insisting(write, [as_broken(some[0], error)])]


def _insisting(write: Callable[[Sequence[_J]], _W], some: Sequence[_J]) -> _W:
    """Writes, and does so again when two transactions only stood in each other's way."""
    for _ in range(_TIMES_MORE):
        try:
            return write(some)
        except OperationalError as error:
            if trouble(error) != Trouble.AGAIN:
                raise
    return write(some)


_config: Config | None = None
_current: Process | None = None


def prepare(config: Config) -> None:
    """Says what processes forked from this one are to be told."""
    global _config  # noqa: PLW0603 -- Celery forks: what a child knows is what its parent's module held
    _config = config


def current() -> Process:
    """This process's own state, opened when first asked for, after the fork."""
    global _current  # noqa: PLW0603 -- one a process, as its loop and its connections are
    if _current is None:
        if _config is None:
            raise RuntimeError("prepare() must say what this worker is told before it works")
        _current = Process(_config)
    return _current


def close_current() -> None:
    global _current  # noqa: PLW0603
    if _current is not None:
        _current.close()
        _current = None
