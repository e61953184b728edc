"""`wirewatch run`: everything on this machine, a process each (service/processes/)."""

import logging
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import redis
from redis.exceptions import RedisError

from service import broker, logs
from service.config import worker_config
from service.lock import only_one
from service.opening import host_and_port, mind_who_comes, open_database, redis_url
from service.signals import stop_on_signals
from service.supervisor import Child, Supervisor
from settings import Settings, environment
from storage.database import Database
from wire.errors import BadInput

log = logging.getLogger(__name__)


def run_service(
    settings: Settings,
    *,
    before: Sequence[Child] = (),
    also: Sequence[Child] = (),
    first: Callable[[Database], None] | None = None,
) -> None:
    """Everything on this machine, until Ctrl-C. `first` sets up the database's rows before anything starts.

    `before` and `also` are further children, started before and after the service's own.
    """
    logs.begin(settings.log_level)
    worker_config(settings)  # what is wrong stops the start here, not each worker later
    with only_one(settings.data):
        if settings.desk:
            _is_free(settings.desk)
        database = open_database(settings)
        if first:
            first(database)
        if settings.desk:
            mind_who_comes(settings, database)
        supervisor = Supervisor(
            [*before, *_children(settings), *also],
            environment=environment(settings) | {"WIREWATCH_REDIS_URL": redis_url(settings)},
            database=database,
            stall_after=settings.stall_after,
            ready=lambda: _answers(settings.data),
        )
        supervisor.stop = stop_on_signals()
        log.info("Wirewatch runs on %s; Ctrl-C stops it", settings.data)
        supervisor.run()


def _is_free(address: str) -> None:
    host, port = host_and_port(address)
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise BadInput(f"WIREWATCH_DESK={address}: {error.strerror}. Choose another port.") from error


def _children(settings: Settings) -> list[Child]:
    own = [] if settings.redis_url else [Child("redis", broker.command(settings.data), is_broker=True)]
    return [
        *own,
        Child(
            "worker poll",
            wirewatch("worker", "--queues", "poll,read", "-c", str(settings.workers)),
            "worker poll",
        ),
        Child("worker deliver", wirewatch("worker", "--queues", "deliver", "-c", "1"), "worker deliver"),
        Child("scheduler", wirewatch("scheduler"), "scheduler"),
        *([Child("desk", wirewatch("desk"))] if settings.desk else []),
        *([Child("receiver", wirewatch("receiver"))] if settings.public_url else []),
    ]


def wirewatch(*arguments: str) -> list[str]:
    """The command line of another process of ours."""
    return [sys.executable, "-m", "service.main", *arguments]


def _answers(data: Path) -> bool:
    try:
        with redis.Redis(unix_socket_path=str(broker.socket_path(data))) as client:
            return bool(client.ping())
    except RedisError:
        return False
