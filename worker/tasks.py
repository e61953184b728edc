"""The tasks, by the names messages carry. Each takes ids and a claim, and leaves alone what is no longer its own."""

from collections.abc import Sequence
from typing import Any

from celery.signals import worker_process_init, worker_process_shutdown

from worker import tracing
from worker.app import ALIVE, app
from worker.family import die_with_parent
from worker.leased import leased
from worker.process import close_current, current


@app.task(name="wirewatch.poll")  # type: ignore[untyped-decorator]
def poll(claim: str, feed_ids: Sequence[int]) -> None:
    with leased("poll"):
        current().poll(claim, feed_ids)


@app.task(name="wirewatch.subscribe")  # type: ignore[untyped-decorator]
def subscribe(claim: str, feed_ids: Sequence[int]) -> None:
    with leased("subscribe"):
        current().subscribe(claim, feed_ids)


@app.task(name="wirewatch.read")  # type: ignore[untyped-decorator]
def read(claim: str, item_ids: Sequence[int]) -> None:
    with leased("read"):
        current().read(claim, item_ids)


@app.task(name="wirewatch.deliver")  # type: ignore[untyped-decorator]
def deliver(claim: str, delivery_ids: Sequence[int]) -> None:
    with leased("deliver"):
        current().deliver(claim, delivery_ids)


@app.task(name="wirewatch.beat")  # type: ignore[untyped-decorator]
def beat(queue: str) -> None:
    with leased("beat"):
        current().beat(queue)


@app.task(name=ALIVE)  # type: ignore[untyped-decorator]
def alive() -> None:
    """A worker's message to itself: that it was received is all there is to it (worker/watchdog.py)."""


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _open(**_: Any) -> None:
    die_with_parent()
    tracing.begin("worker")
    current()


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _close(**_: Any) -> None:
    close_current()
