"""Deliveries of one channel: sent some at a time, each outcome noted the moment it is known."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from storage import alerts
from storage.alerts import Outgoing
from storage.database import Database
from wire import cadence
from wire.errors import DeliveryFailed
from worker import channels

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

# A receiver that does not answer holds a worker up for as long as we are patient: then the others come first.
_REST = timedelta(seconds=30)
# One receiver is asked this many things at once: enough for speed, few enough for a small script behind it.
_AT_ONCE = 8


async def deliver_all(
    world: channels.World,
    database: Database,
    outgoing: Sequence[Outgoing],
    *,
    claim: str,
    until: datetime,
    clock: Clock,
    dice: cadence.Dice,
) -> None:
    """Sends a channel's deliveries. An outcome is written at once, so that a killed worker repeats few.

    What could not be over before the claim ends is not begun, or another would send it a second time: it comes
    due again by itself.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    latest = until - timedelta(seconds=world.patience)

    async def deliver(one: Outgoing) -> None:
        async with gate:
            if clock() <= latest:
                await _deliver(world, database, one, claim=claim, clock=clock, dice=dice)

    await asyncio.gather(*(deliver(one) for one in outgoing))


async def _deliver(
    world: channels.World, database: Database, one: Outgoing, *, claim: str, clock: Clock, dice: cadence.Dice
) -> None:
    try:
        await channels.send(world, one)
    except DeliveryFailed as error:
        due_at = _again(error, one.attempt, clock(), dice)
        log.warning("delivery %s failed (try %s): %s", one.id, one.attempt, error)
        with database.writing() as session:
            alerts.failed(session, one.id, claim, why=str(error), due_at=due_at)
            if error.silent:
                alerts.rest(session, one.channel_id, clock() + _REST)
    else:
        with database.writing() as session:
            alerts.sent(session, one.id, claim, clock())


def _again(error: DeliveryFailed, attempt: int, now: datetime, dice: cadence.Dice) -> datetime | None:
    wait = cadence.next_try(attempt, dice) if error.retry else None
    return now + timedelta(seconds=wait) if wait is not None else None
