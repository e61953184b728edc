"""What is due? A loop that claims it in SQL and rings for the workers.

Two of these can run at once: a claim is a conditional update, so each gets other rows. While the broker is away
nothing is claimed; what was claimed and got lost comes back when its lease ends.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from scheduler import telemetry, watch
from scheduler.watch import Watch
from storage import clock, feeds, held, outbox, pulse, readings, subscriptions
from storage.database import Database
from storage.feeds import DueFeed
from storage.retention import Forget, forgetting
from storage.work import new_claim
from wire import keeping
from worker import app, tracing
from worker.courier import Courier
from worker.sending import DELIVERIES_A_MESSAGE, FEEDS_A_MESSAGE, PAGES_A_MESSAGE, send_on

log = logging.getLogger(__name__)

# A round claims at most this much; what is left over is claimed in the next, a moment later.
_FEEDS_A_ROUND = 50 * FEEDS_A_MESSAGE
_PAGES_A_ROUND = 50 * PAGES_A_MESSAGE
_DELIVERIES_A_ROUND = 50 * DELIVERIES_A_MESSAGE
_SUBSCRIPTIONS_A_ROUND = 20
# Often enough that a worker which stopped eating is found out within half a minute.
BEAT_EVERY = timedelta(seconds=5)
TIDY_EVERY = timedelta(hours=6)


# The name of our own sign of life.
BEAT = "scheduler"
# Less than this is the clock being kept right, not being set back.
_SET_BACK = timedelta(seconds=5)


@dataclass(slots=True)
class Scheduler:
    """The loop's state: what it reads, the clock and one that cannot be set, how long a claim lasts, what it watches
    for the operator, and for how long what is kept.

    Notices it carries itself, by a courier of its own: they may be about there being no worker and no broker.
    """

    database: Database
    clock: Callable[[], datetime]
    lease: timedelta
    pause: float = 0.25
    machine: str = field(default_factory=socket.gethostname)
    subscribes: bool = False
    watch: Watch | None = None
    open_courier: Callable[[], Courier] | None = None
    stopwatch: Callable[[], float] = time.monotonic
    kept: Mapping[str, timedelta | None] = field(default_factory=lambda: dict(keeping.DEFAULTS))
    _courier: Courier | None = None
    _next_watch: datetime | None = None
    _broker_was_there: bool = True
    _last_round: tuple[datetime, float] | None = None
    _next_beat: datetime | None = None
    _next_tidying: datetime | None = None
    _to_forget: list[Forget] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        """Rounds until `stop` is set. A database that does not answer is waited for."""
        was_there = True
        while not stop.is_set():
            try:
                self.round()
            except OperationalError as error:
                if was_there:
                    log.warning("the database does not answer, trying again: %s", str(error.orig).split("\n")[0])
                was_there = False
            else:
                if not was_there:
                    log.warning("the database answers again")
                was_there = True
            stop.wait(self.pause)
        self.close()

    def close(self) -> None:
        """Lets notices that are under way finish."""
        if self._courier:
            self._courier.close()

    def settle(self) -> None:
        """Waits until no notice is under way."""
        if self._courier:
            self._courier.settle()

    def round(self) -> None:
        """One look at what is due: notices, held deliveries, feeds, pages, deliveries."""
        self._mind_the_clock()
        self._watch()
        self._release()
        self._send_notices()
        if not self._broker_is_there():
            return
        self._beat()
        self._send_polls()
        self._send_readings()
        self._send_deliveries()
        self._send_subscriptions()
        self._tidy()

    def _watch(self) -> None:
        """What the operator should know is looked for now and then."""
        now = self.clock()
        if self.watch is None or (self._next_watch and now < self._next_watch <= now + watch.EVERY):
            return
        self._next_watch = now + watch.EVERY
        with self.database.writing() as session:
            held.heal(session, now)
            self.watch.look(session, now)

    def _release(self) -> None:
        """What was held until now, and channels that have rested, are due."""
        with self.database.reading() as session:
            waiting = held.anything_to_release(session, self.clock())
        if waiting:
            with self.database.writing() as session:
                held.probe(session, self.clock())
                held.release(session, self.clock())

    def _send_notices(self) -> None:
        if self.open_courier is None:
            return
        claim, now = new_claim(), self.clock()
        with self.database.reading() as session:
            if not outbox.is_a_notice_due(session, now):
                return
        with self.database.writing() as session:
            due = outbox.claim_due_notices(session, now=now, lease=self.lease, limit=_DELIVERIES_A_ROUND, claim=claim)
            ids = [key for some in due.values() for key in some]
            outgoing = outbox.take(session, ids, claim, now=now, until=now + self.lease)
        if self._courier is None:
            self._courier = self.open_courier()
        self._courier.send(claim, outgoing, now + self.lease)

    def _tidy(self) -> None:
        """Now and then what nobody needs any more is forgotten: a batch a round, so that nobody waits for it."""
        now = self.clock()
        if not self._next_tidying or not now < self._next_tidying <= now + TIDY_EVERY:
            self._next_tidying = now + TIDY_EVERY
            self._to_forget = forgetting(self.kept)
        if self._to_forget:
            with self.database.writing() as session:
                more = self._to_forget[0](session, now)
            if not more:
                self._to_forget.pop(0)

    def _mind_the_clock(self) -> None:
        """After the clock was set back, all that is due would wait for the hour that was taken away.

        What it should be is known from the last round and how long ago that was; where we were started since, from the
        last beat.
        """
        now, measured = self.clock(), self.stopwatch()
        with self.database.reading() as session:
            written = clock.last_beat(session, BEAT, self.machine)
        last = max(filter(None, (self._should_be(measured), written)), default=now)
        self._last_round = now, measured
        if now < last - _SET_BACK:
            with self.database.writing() as session:
                self._write_down(session, now, last)

    def _should_be(self, measured: float) -> datetime | None:
        if self._last_round is None:
            return None
        last, at = self._last_round
        return last + timedelta(seconds=measured - at)

    def _write_down(self, session: Session, now: datetime, last: datetime | None = None) -> None:
        """Our own sign of life; and if the last was later than this, what that means, before it is written over."""
        last = last or clock.last_beat(session, BEAT, self.machine)
        if last and now < last - _SET_BACK:
            log.warning("the clock was set back by %s; what waits is done now", last - now)
            clock.forget_times(session, now, self.lease)
            if self.watch:
                self.watch.since = now
        pulse.beat(session, BEAT, now, self.machine)

    def _broker_is_there(self) -> bool:
        there = app.broker_answers()
        telemetry.broker(there)
        if there != self._broker_was_there:
            log.warning("the broker is back" if there else "the broker is away; what is due waits")
        self._broker_was_there = there
        return there

    def _beat(self) -> None:
        """A sign of life of our own, and a task for each queue that its worker must eat to show one."""
        now = self.clock()
        if self._next_beat and now < self._next_beat <= now + BEAT_EVERY:  # a clock set back must not silence us
            return
        self._next_beat = now + BEAT_EVERY
        with self.database.writing() as session:
            self._write_down(session, now)
        for queue in app.QUEUES:
            app.send("beat", queue, [queue], expires=BEAT_EVERY.total_seconds())
        telemetry.queued(app.queue_lengths())

    def _send_polls(self) -> None:
        claim = new_claim()
        with self.database.writing() as session:
            late = pulse.lag(session, self.clock())
            due = feeds.claim_due_feeds(session, now=self.clock(), lease=self.lease, limit=_FEEDS_A_ROUND, claim=claim)
        telemetry.claimed(due, late)
        with tracing.span("claim", claim, feeds=len(due)) if due else nullcontext():
            for batch in batches(due):
                app.send("poll", app.POLL, [claim, batch], expires=self.lease.total_seconds())

    def _send_readings(self) -> None:
        claim = new_claim()
        with self.database.writing() as session:
            due = readings.claim_due_readings(
                session, now=self.clock(), lease=self.lease, limit=_PAGES_A_ROUND, claim=claim
            )
        for begun in due.begun:
            send_on(claim, {}, [begun], self.lease)
        send_on(claim, {}, due.new, self.lease)

    def _send_subscriptions(self) -> None:
        if not self.subscribes:
            return
        claim = new_claim()
        with self.database.writing() as session:
            due = subscriptions.claim_due_subscriptions(
                session, now=self.clock(), lease=self.lease, limit=_SUBSCRIPTIONS_A_ROUND, claim=claim
            )
        if due:
            app.send("subscribe", app.READ, [claim, due], expires=self.lease.total_seconds())

    def _send_deliveries(self) -> None:
        claim = new_claim()
        with self.database.writing() as session:
            due = outbox.claim_due_deliveries(
                session, now=self.clock(), lease=self.lease, limit=_DELIVERIES_A_ROUND, claim=claim
            )
        send_on(claim, due, [], self.lease)


def batches(due: Sequence[DueFeed]) -> Iterator[list[int]]:
    """The feeds' ids as messages: a host's together, that one process may pace them; one that was lost, alone."""
    for feed in due:
        if feed.losses:
            yield [feed.id]
    batch: list[int] = []
    healthy = sorted((feed for feed in due if not feed.losses), key=lambda feed: feed.host)
    for _, group in groupby(healthy, key=lambda feed: feed.host):
        host = [feed.id for feed in group]
        if batch and len(batch) + len(host) > FEEDS_A_MESSAGE:
            yield batch
            batch = []
        batch += host
        while len(batch) > FEEDS_A_MESSAGE:
            yield batch[:FEEDS_A_MESSAGE]
            batch = batch[FEEDS_A_MESSAGE:]
    if batch:
        yield batch
