"""A worker's own look at whether it eats: one that lives, reconnects and never consumes again is ended.

That is Celery's worst known failure with Redis (celery#8030). `wirewatch run` sees it from outside; where a worker is
started by a container or a unit, nobody does. So each sends itself a message now and then, by the broker, in a queue of
its own. What ends by itself is started anew by whoever started it.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

EVERY = 5.0
# Who has work in hand consumes nothing more until it is done, and a first poll of large feeds is long.
_TIMES_AT_WORK = 8
# Seconds after the broker came back within which a worker must have taken up work again: that is when it hangs.
_AFTER_BROKER = 30.0


class Watchdog:
    """`send` sends the message, and says whether the broker took it; `end` is called when none was heard for long.

    While the broker is away there is nothing to be heard, and no time counts; while the worker is `at_work` it may be
    longer.
    """

    def __init__(
        self,
        send: Callable[[], bool],
        patience: float,
        *,
        at_work: Callable[[], bool] = lambda: False,
        end: Callable[[], None] = lambda: os._exit(1),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send, self._patience, self._end, self._clock = send, patience, end, clock
        self._at_work = at_work
        self._heard_at = clock()
        self._back_at: float | None = None

    def heard(self) -> None:
        """A message came."""
        self._heard_at = self._clock()
        self._back_at = None

    def look(self) -> None:
        """Sends a message; ends the process when for too long none has come."""
        there, now = self._send(), self._clock()
        if not there:
            self._heard_at = self._back_at = now
            return
        patience = self._patience if self._back_at is None else min(self._patience, _AFTER_BROKER)
        if self._at_work():
            patience *= _TIMES_AT_WORK
        if now - self._heard_at > patience:
            log.critical("nothing was consumed for %.0f s though the broker answers; ending", now - self._heard_at)
            self._end()

    def start(self) -> None:
        """Looks from now on, in a thread of its own."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(EVERY):
            self.look()
