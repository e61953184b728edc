"""A bound on how long foreign bytes may keep a parser busy.

Parsers of markup take quadratic time on some small inputs, so no limit of size bounds their time. Their loops are
Python's, so a timer's signal ends most of them; what it cannot end (one long call into C) the lease and the count of
losses answer for.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# A hundred times what the largest of 1,800 captured feeds takes. Others wait meanwhile, so it is no longer.
PARSE_SECONDS = 3.0
# Parsers catch all sorts of things; one that swallowed the first signal gets another.
_AGAIN = 0.2


class TookTooLong(Exception):
    """The bound was reached."""


class _TimeIsUp(BaseException):
    """Past every `except Exception` of a parser."""


@contextmanager
def time_limit(seconds: float = PARSE_SECONDS) -> Iterator[None]:
    """Raises TookTooLong out of its body when that takes longer. Only a process's main thread can be bounded."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _TimeIsUp as error:
        raise TookTooLong(f"Reading it took longer than {seconds:g} seconds and was given up.") from error
    finally:
        signal.signal(signal.SIGALRM, before)
