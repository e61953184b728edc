"""One message on its way: sent, and what came of it noted the moment it is known."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from storage import canaries, outbox
from storage.database import Database
from storage.outbox import Failure, Outgoing
from wire import cadence
from wire.errors import DeliveryFailed
from worker import channels

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

# A receiver that is not there is left alone for as long as the first retry waits; one that says nothing, which holds
# up a sender for as long as we are patient, for longer.
_AWAY, _MUTE = timedelta(seconds=10), timedelta(seconds=30)


async def deliver(
    world: channels.World, database: Database, one: Outgoing, *, claim: str, clock: Clock, dice: cadence.Dice
) -> Failure | None:
    """Sends a message and notes the outcome at once, so that a killed worker repeats few. How it failed, if it did."""
    try:
        said = await channels.send(world, one)
    except DeliveryFailed as error:
        now = clock()
        failure = Failure(str(error), _again(error, one.attempt, now, dice), _rest(error, now), unsure=error.unsure)
        log.warning("delivery %s failed (try %s): %s", one.id, one.attempt, error)
        with database.writing() as session:
            outbox.failed(session, one, claim, failure, now=now, dice=dice)
        return failure
    with database.writing() as session:
        outbox.sent(session, one, claim, said, clock())
        if one.to.kind == "canary":
            canaries.arrived(session, one.message, clock())
    return None


def _again(error: DeliveryFailed, attempt: int, now: datetime, dice: cadence.Dice) -> datetime | None:
    wait = cadence.next_try(attempt, dice) if error.retry else None
    return now + timedelta(seconds=max(wait, error.wait or 0.0)) if wait is not None else None


def _rest(error: DeliveryFailed, now: datetime) -> datetime | None:
    if error.rests:
        return now + timedelta(seconds=error.wait or 0.0)
    if error.silent:
        return now + (_MUTE if error.unsure else _AWAY)
    return None
