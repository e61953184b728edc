"""A bound on how long foreign bytes may keep a parser busy.

Parsers of markup take quadratic time on some small inputs, so no limit of size bounds their time. Their loops are
Python's, so a timer's signal ends most of them; what it cannot end (one long call into C) the lease and the count of
losses answer for.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

# Of the processor's time, for on a machine that is busy with others nothing is wrong with a feed. Ten times what the
# largest of 1,800 captured feeds takes. Others wait meanwhile: it is no longer.
PARSE_SECONDS = 5.0
# Parsers catch all sorts of things; one that swallowed the first signal gets another.
_AGAIN = 0.2


class TookTooLong(Exception):
    """The bound was reached."""


class _TimeIsUp(BaseException):
    """Past every `except Exception` of a parser."""


_is_running = False


def _ring(_number: int, _frame: FrameType | None) -> None:
    """A signal that comes late, when the work is done, ends nothing."""
    if _is_running:
        raise _TimeIsUp


def bounded(work: Callable[[], T], seconds: float | None = None) -> T:
    """What `work` returns. Raises TookTooLong when it takes longer; only a process's main thread can be bounded."""
    limit = PARSE_SECONDS if seconds is None else seconds
    global _is_running  # noqa: PLW0603 -- a process has one timer and one main thread
    if threading.current_thread() is not threading.main_thread():
        return work()
    if signal.getsignal(signal.SIGPROF) is not _ring:
        signal.signal(signal.SIGPROF, _ring)
    try:
        try:
            _is_running = True
            signal.setitimer(signal.ITIMER_PROF, limit, _AGAIN)
            return work()
        finally:
            _is_running = False
            signal.setitimer(signal.ITIMER_PROF, 0)
    except _TimeIsUp as error:
        _is_running = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        raise TookTooLong(f"Reading it took longer than {limit:g} seconds and was given up.") from error
