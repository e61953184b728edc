"""What the scheduler counts, for Prometheus; `service/exposition.py` shows it."""

from collections.abc import Mapping, Sequence

from prometheus_client import Counter, Gauge, Histogram

from storage.feeds import DueFeed
from worker.figures import WAITING

_LATENESS = Histogram(
    "wirewatch_lateness_seconds",
    "For how long the feed that waited longest had been due when it was claimed.",
    buckets=WAITING,
)
_LOST = Counter("wirewatch_leases_lost", "Polls that were taken up and never finished.")
_QUEUED = Gauge("wirewatch_queued_messages", "Messages that wait in a queue.", ["queue"])
_BROKER = Gauge("wirewatch_broker_up", "1 while the broker takes messages.")


def claimed(due: Sequence[DueFeed], late: float) -> None:
    """Feeds were claimed, the first of them so many seconds late."""
    if due:
        _LATENESS.observe(late)
        _LOST.inc(sum(feed.losses > 0 for feed in due))


def broker(there: bool) -> None:
    """Whether the broker takes messages."""
    _BROKER.set(there)


def queued(waiting: Mapping[str, int]) -> None:
    """How many messages wait in each queue."""
    for queue, count in waiting.items():
        _QUEUED.labels(queue).set(count)
