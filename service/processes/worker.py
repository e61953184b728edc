"""`wirewatch worker`: a Celery worker."""

import ctypes
import gc
import os
import warnings
from collections.abc import Sequence
from typing import Any

from celery import signals
from celery.worker import state

from service import exposition, logs
from service.config import worker_config
from service.opening import open_database, redis_url
from settings import Settings
from wire import article, language
from worker import app as celery
from worker.app import POLL, READ
from worker.process import prepare
from worker.watchdog import Watchdog

_COLLECT_AFTER = (5_000, 10, 10)
# glibc's malloc (mallopt(3), malloc.h): one heap for all threads, big blocks apart, and what is free is given back.
# A heap a thread would each keep the room of the largest feeds it ever saw.
_MALLOC = {"M_ARENA_MAX": (-8, 1), "M_MMAP_THRESHOLD": (-3, 64 * 1024), "M_TRIM_THRESHOLD": (-1, 128 * 1024)}


def run(settings: Settings, queues: Sequence[str], concurrency: int) -> int:
    """A Celery worker (prefork) for these queues, until SIGTERM; its exit status."""
    _keep_little()
    logs.begin(settings)
    exposition.show(settings)
    open_database(settings).dispose()
    prepare(worker_config(settings))
    if POLL in queues:
        language.load()
    if READ in queues:
        article.load()
    celery.connect(redis_url(settings))
    signals.setup_logging.connect(_keep_logging)
    # We read JSON only, so being root (as in a container) lets no message run code.
    warnings.filterwarnings("ignore", message=".*superuser privileges.*")
    own = f"alive.{os.uname().nodename}.{os.getpid()}"
    _watch(own, settings.stall_after.total_seconds())
    worker = celery.app.Worker(
        queues=[*queues, own],
        concurrency=concurrency,
        hostname=f"{'-'.join(queues)}@{os.uname().nodename}",
        pool="prefork",
        optimization="fair",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
        loglevel=settings.log_level,
    )
    # What was made before the fork lives for ever: the collector need not look at it, nor copy the pages it shares. Of
    # what a batch makes little goes round in rings, and looking for it so often takes a tenth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    worker.start()
    return worker.exitcode or 0


def _keep_little() -> None:
    """Lets malloc keep little of what it was given back; where it is not glibc's, it does as it likes."""
    if set_option := getattr(ctypes.CDLL(None), "mallopt", None):
        for option, value in _MALLOC.values():
            set_option(option, value)


def _watch(own: str, patience: float) -> None:
    """Ends this worker when it no longer eats; it is looked at once it is at work and has forked."""
    watchdog = Watchdog(
        lambda: celery.send_to_self(own, expires=patience), patience, at_work=lambda: bool(state.reserved_requests)
    )

    def begin(**_: Any) -> None:
        watchdog.start()

    def hear(request: Any, **_: Any) -> None:
        if request.name == celery.ALIVE:
            watchdog.heard()

    def hear_late(sender: Any, **_: Any) -> None:
        """A worker with much to do consumes its messages when they have expired; that is consuming too."""
        if sender.name == celery.ALIVE:
            watchdog.heard()

    signals.worker_ready.connect(begin, weak=False)
    signals.task_received.connect(hear, weak=False)
    signals.task_revoked.connect(hear_late, weak=False)


def _keep_logging(**_: Any) -> None:
    """Connected to Celery's signal, this keeps Celery from setting up a log of its own."""
