"""The Celery app: queues, and settings under which the broker may lose, repeat and stall without harm.

No result backend, no retries, no countdowns, no acknowledgement kept in Redis: the leases in SQL bring lost work
back, so the broker is used as what it is good at, a fast bell. Messages are lists of ids and die with their lease.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
T = TypeVar("T")

POLL, READ, DELIVER = "poll", "read", "deliver"
QUEUES = (POLL, READ, DELIVER)
ALIVE = "wirewatch.alive"
# Seconds after which a queue of a worker that is gone is gone too.
_OWN_QUEUES_STAY = 3600

app = Celery("wirewatch", include=["worker.tasks"])
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    result_backend=None,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_acks_late=False,
    task_create_missing_queues=True,
    task_default_queue=POLL,
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_connection_timeout=3,
    broker_transport_options={
        # A third of the cost of a message, and no 'unacked' sets for a dead worker to leave behind.
        "ack_emulation": False,
        "socket_connect_timeout": 3,
        # A sender fails at once and leaves it to the lease; the worker's own reconnecting has its own patience.
        "max_retries": 0,
        # Longer than the one second a blocking read asks for; a read that hangs longer is a dead connection.
        "socket_timeout": 10,
        "health_check_interval": 10,
        "retry_on_timeout": False,
    },
)


def connect(broker_url: str) -> None:
    """Says where the broker is. Called once by every process that sends or works."""
    app.conf.broker_url = broker_url


def send(task: str, queue: str, arguments: Sequence[object], *, expires: float) -> bool:
    """Rings the bell: a message that dies after `expires` seconds. False, with a log line, when the broker is away."""
    try:
        app.send_task(f"wirewatch.{task}", args=list(arguments), queue=queue, expires=expires, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("the broker is away, a %s waits for its lease: %s", task, error)
        return False
    return True


def send_to_self(queue: str, *, expires: float) -> bool:
    """A message in a queue of this worker's own, which is forgotten some time after it is. Whether it was taken."""

    def outlive(client: Redis) -> bool:
        for key in (queue, f"_kombu.binding.{queue}"):
            client.expire(key, _OWN_QUEUES_STAY)
        return True

    return send("alive", queue, [], expires=expires) and _ask(outlive, False)


def queue_lengths() -> dict[str, int]:
    """How many messages wait in each queue; nothing when the broker is away."""
    return _ask(lambda client: {queue: int(client.llen(queue)) for queue in QUEUES}, {})


def broker_answers() -> bool:
    """Whether the broker takes messages now."""
    return _ask(lambda client: bool(client.ping()), False)


def _ask(what: Callable[[Redis], T], when_away: T) -> T:
    """What Redis answers on a connection of the app's own."""
    try:
        with app.pool.acquire(block=True, timeout=3) as connection:
            return what(connection.default_channel.client)
    except (OperationalError, RedisError, OSError):
        return when_away
