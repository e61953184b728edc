"""`wirewatch run`: everything on this machine, a process each (service/processes/)."""

import logging
import socket
import sys
from collections.abc import Callable, Sequence

from service import broker, exposition, logs
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
    logs.begin(settings)
    worker_config(settings)  # what is wrong stops the start here, not each worker later
    with only_one(settings.data):
        _is_free("WIREWATCH_DESK", settings.desk)
        for address in _figures(settings):
            _is_free("WIREWATCH_METRICS", address)
        database = open_database(settings)
        if first:
            first(database)
        if settings.desk:
            mind_who_comes(settings, database)
        own_redis = {} if settings.redis_url else {"WIREWATCH_REDIS_URL": broker.url(settings.data)}
        supervisor = Supervisor(
            [*before, *_children(settings), *also],
            environment=environment(settings) | own_redis,
            database=database,
            stall_after=settings.stall_after,
            ready=lambda: broker.answers(redis_url(settings)),
        )
        supervisor.stop = stop_on_signals()
        log.info("Wirewatch runs on %s; Ctrl-C stops it", settings.data)
        supervisor.run()


def _figures(settings: Settings) -> list[str]:
    """Where the scheduler, the poll workers and the deliver workers tell their figures: one port after the other."""
    return [exposition.beside(settings.metrics, place) for place in range(3)] if settings.metrics else ["", "", ""]


def _is_free(name: str, address: str) -> None:
    if not address:
        return
    host, port = host_and_port(address)
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise BadInput(f"{name}={address}: {error.strerror}. Choose another port.") from error


def _children(settings: Settings) -> list[Child]:
    own = [] if settings.redis_url else [Child("redis", broker.command(settings.data), is_broker=True)]
    polls = wirewatch("worker", "--queues", "poll,read", "-c", str(settings.workers))
    delivers = wirewatch("worker", "--queues", "deliver", "-c", "1")
    scheduler_at, polls_at, delivers_at = ({"WIREWATCH_METRICS": address} for address in _figures(settings))
    return [
        *own,
        Child("worker poll", polls, "worker poll", told=polls_at),
        Child("worker deliver", delivers, "worker deliver", told=delivers_at),
        Child("scheduler", wirewatch("scheduler"), "scheduler", told=scheduler_at),
        *([Child("desk", wirewatch("desk"))] if settings.desk else []),
        *([Child("receiver", wirewatch("receiver"))] if settings.public_url else []),
    ]


def wirewatch(*arguments: str) -> list[str]:
    """The command line of another process of ours."""
    return [sys.executable, "-m", "service", *arguments]
