"""One message on its way: sent, and what came of it noted."""

import asyncio
import logging
from datetime import datetime, timedelta

from storage import canaries, outbox
from storage.database import Database
from storage.outbox import Failure, Outgoing
from wire import cadence
from wire.errors import DeliveryFailed
from worker import channels
from worker.channels import Clock

log = logging.getLogger(__name__)

# A receiver that is not there is left alone for as long as the first retry waits; one that says nothing, which holds
# up a sender for as long as we are patient, for longer.
_AWAY, _MUTE = timedelta(seconds=10), timedelta(seconds=30)


async def deliver(world: channels.World, one: Outgoing, *, clock: Clock, dice: cadence.Dice) -> Failure | str:
    """Sends a message: what the receiver said, or how it failed."""
    try:
        return await channels.send(world, one)
    except DeliveryFailed as error:
        log.warning("delivery %s failed (try %s): %s", one.id, one.attempt, error)
        now = clock()
        return Failure(str(error), _again(error, one.attempt, now, dice), _rest(error, now), unsure=error.unsure)
    except Exception as error:  # a fault of ours: it is seen, tried again as others are, and given up as they are
        log.exception("delivery %s could not be sent", one.id)
        why = DeliveryFailed(f"It could not be sent: {type(error).__name__}.", retry=True, unsure=True)
        return Failure(str(why), _again(why, one.attempt, clock(), dice), unsure=True)


class Ledger:
    """Where outcomes are noted the moment they are known, so that a killed worker repeats few.

    Those that are known at the same moment are noted in one transaction: a busy receiver would else cost one each.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._waiting: list[tuple[Outgoing, str, str, asyncio.Future[None]]] = []

    async def sent(self, one: Outgoing, claim: str, said: str) -> None:
        """Notes that a channel took a message; done when that is committed."""
        noted = asyncio.get_running_loop().create_future()
        self._waiting.append((one, claim, said, noted))
        await asyncio.sleep(0)  # the others that are ready get their turn before the first of them writes for all
        if not noted.done():
            self._write()
        await noted

    def _write(self) -> None:
        some, self._waiting = self._waiting, []
        try:
            with self._database.writing() as session:
                for claim in {claim for _, claim, _, _ in some}:
                    mine = [(one, said) for one, other, said, _ in some if other == claim]
                    outbox.sent(session, mine, claim, self._clock())
                for one in (one for one, *_ in some if one.to.kind == "canary"):
                    canaries.arrived(session, one.message, self._clock())
        except Exception as error:  # noqa: BLE001 -- whoever waits for it says so, and the leases bring it all back
            for *_, noted in some:
                noted.set_exception(error)
        else:
            for *_, noted in some:
                noted.set_result(None)

    def failed(self, one: Outgoing, claim: str, failure: Failure, dice: cadence.Dice) -> None:
        """Notes that a channel did not take a message."""
        with self._database.writing() as session:
            outbox.failed(session, one, claim, failure, now=self._clock(), dice=dice)


def _again(error: DeliveryFailed, attempt: int, now: datetime, dice: cadence.Dice) -> datetime | None:
    wait = cadence.next_try(attempt, dice) if error.retry else None
    return now + timedelta(seconds=max(wait, error.wait or 0.0)) if wait is not None else None


def _rest(error: DeliveryFailed, now: datetime) -> datetime | None:
    if error.rests:
        return now + timedelta(seconds=error.wait or 0.0)
    if error.silent:
        return now + (_MUTE if error.unsure else _AWAY)
    return None
