"""Messages on their way, many at once, in a thread of their own: so that no receiver holds up another's.

A task hands its messages over and is done. A channel has its own gate and its own queue; one that does not answer
fills no more than that.
"""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import aiohttp

from storage import outbox
from storage.database import Database, Trouble, trouble
from storage.outbox import Outgoing
from wire.cadence import Dice
from worker import channels, telemetry, tracing
from worker.channels import Clock
from worker.delivering import Ledger, deliver
from worker.loops import new_loop

log = logging.getLogger(__name__)

T = TypeVar("T")

# One receiver is asked this many things at once: enough for speed, few enough for a small script behind it.
_AT_ONCE = 8
# So many of a channel's messages are held here. More are waited for where they go quickly, else given back.
_MOST_HELD = 40
_WAITED, _QUICK = 0.2, 1.0
_A_MOMENT = timedelta(seconds=1)
_GRACE = 5.0


@dataclass(slots=True)
class _Lane:
    """A channel's messages in this process."""

    gate: asyncio.Semaphore
    held: int = 0
    finished_at: float = field(default_factory=time.monotonic)
    resting_until: datetime | None = None


class Courier:
    """Open it after the fork; close it to let what is under way finish."""

    def __init__(
        self,
        database: Database,
        open_session: Callable[[], aiohttp.ClientSession],
        *,
        patience: float,
        pages: str,
        clock: Clock,
        dice: Dice,
    ) -> None:
        self._database, self._clock, self._dice = database, clock, dice
        self._patience = patience
        self._ledger = Ledger(database, clock)
        self._lanes: dict[int, _Lane] = defaultdict(lambda: _Lane(asyncio.Semaphore(_AT_ONCE)))
        self._under_way: set[Future[None]] = set()
        self._lock = threading.Lock()
        self._loop = new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="courier", daemon=True)
        self._thread.start()

        async def opened() -> aiohttp.ClientSession:
            return open_session()

        self._world = channels.World(self._await(opened()), patience, pages, clock)

    def _await(self, work: Awaitable[T], seconds: float | None = None) -> T:
        async def do() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result(seconds)

    def send(self, claim: str, outgoing: Sequence[Outgoing], until: datetime) -> None:
        """Takes messages over; what there is no room for is given back and comes due again in a moment."""
        by_channel: dict[int, list[Outgoing]] = defaultdict(list)
        for one in outgoing:
            by_channel[one.to.id].append(one)
        for key, some in by_channel.items():
            lane = self._lanes[key]
            lane.resting_until = None  # these were not given back when they were taken up, so it rests no more
            if not self._has_room(lane):
                self._give_back(some, claim, self._clock() + _A_MOMENT)
                continue
            with self._lock:
                lane.held += len(some)
            work = (
                self._one_by_one(lane, some, claim, until)
                if some[0].to.ordered
                else self._all(lane, some, claim, until)
            )
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
            with self._lock:
                self._under_way.add(future)
            future.add_done_callback(self._forget)

    def _has_room(self, lane: _Lane) -> bool:
        deadline = time.monotonic() + _WAITED
        pause = threading.Event()
        while lane.held >= _MOST_HELD:
            now = time.monotonic()
            if now > deadline or now - lane.finished_at > _QUICK:
                return False
            pause.wait(0.005)
        return True

    def _forget(self, future: Future[None]) -> None:
        with self._lock:
            self._under_way.discard(future)

    async def _all(self, lane: _Lane, some: Sequence[Outgoing], claim: str, until: datetime) -> None:
        await asyncio.gather(*(self._deliver(lane, one, claim, until) for one in some))

    async def _one_by_one(self, lane: _Lane, some: Sequence[Outgoing], claim: str, until: datetime) -> None:
        """Where the order is kept: after one that fails, the rest waits for it."""
        for place, one in enumerate(some):
            again = await self._deliver(lane, one, claim, until)
            if again is not None:
                rest = some[place + 1 :]
                with self._lock:
                    lane.held -= len(rest)
                self._give_back(rest, claim, again)
                return

    async def _deliver(self, lane: _Lane, one: Outgoing, claim: str, until: datetime) -> datetime | None:
        """Sends one in its turn; when it is tried again, if it is.

        What could not be over before the claim ends is not begun, or another would send it a second time.
        """
        try:
            async with lane.gate:
                now = self._clock()
                if lane.resting_until and lane.resting_until > now:
                    self._give_back([one], claim, lane.resting_until)
                    return lane.resting_until
                if now > until - timedelta(seconds=self._patience):
                    self._give_back([one], claim, now)
                    return now
                began = time.monotonic()
                with tracing.span("deliver", claim, delivery=one.id, channel=one.to.name, stories=_stories(one)):
                    outcome = await deliver(self._world, one, clock=self._clock, dice=self._dice)
                if isinstance(outcome, str):
                    await self._ledger.sent(one, claim, outcome)
                    telemetry.sent(one, time.monotonic() - began, self._clock())
                    return None
                self._ledger.failed(one, claim, outcome, self._dice)
                telemetry.failed(one, outcome)
                lane.resting_until = outcome.rest_until or lane.resting_until
                return outcome.due_at
        except Exception as error:  # the database is away, or we are at fault: its lease brings it back
            if trouble(error) == Trouble.AWAY:
                log.warning("the database does not answer, so what became of delivery %s was not noted", one.id)
            else:
                log.exception("delivery %s was not noted", one.id)
            return until
        finally:
            lane.finished_at = time.monotonic()
            with self._lock:
                lane.held -= 1

    def _give_back(self, some: Sequence[Outgoing], claim: str, due_at: datetime) -> None:
        if some:
            with self._database.writing() as session:
                outbox.give_back(session, [one.id for one in some], claim, due_at=due_at)

    def is_alive(self) -> bool:
        """Whether messages are being carried: its loop answers."""
        try:
            self._await(asyncio.sleep(0), seconds=5)
        except TimeoutError:
            return False
        return True

    def settle(self, seconds: float | None = None) -> bool:
        """Waits until nothing is under way, or so many seconds; whether nothing is."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while under_way := list(self._under_way):
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            if under_way[0] not in wait(under_way[:1], left).done:
                return False
            if error := under_way[0].exception():
                log.warning("some messages were not given back: %s", error)
            self._forget(under_way[0])
        return True

    def close(self) -> None:
        """Lets what is under way finish, within seconds; what does not comes back with its lease."""
        if not self.settle(_GRACE):
            log.warning("some messages were not over in time")
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_GRACE)
        self._loop.close()

    async def _end(self) -> None:
        unfinished = asyncio.all_tasks() - {asyncio.current_task()}
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        await self._world.http.close()


def _stories(one: Outgoing) -> str:
    return " ".join(sorted({alert.identity for alert in one.message.alerts}))
