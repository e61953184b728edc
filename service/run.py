"""`wirewatch run`, `worker` and `scheduler`: the entry points of the processes."""

import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import redis
from aiohttp import web
from celery import signals
from redis.exceptions import RedisError

from scheduler.loop import Scheduler
from service import broker, logs
from service.lock import make_folder, only_one
from service.supervisor import Child, Supervisor
from settings import Settings, environment
from storage.database import Database
from wire import language
from wire.errors import BadInput
from worker import app as celery
from worker import websub
from worker.app import POLL
from worker.fetch import Limits
from worker.guard import Guard, parse_networks, parse_ports
from worker.process import Config, prepare, utc_now

log = logging.getLogger(__name__)


def redis_url(settings: Settings) -> str:
    """The Redis that was named, else the private one of the data folder."""
    return settings.redis_url or broker.url(settings.data)


def open_database(settings: Settings) -> Database:
    """The database, there and up to date."""
    if not settings.database_url:
        make_folder(settings.data)
    database = Database(settings.database)
    database.upgrade()
    return database


def worker_config(settings: Settings) -> Config:
    """What a worker is told of the settings."""
    return Config(
        database_url=settings.database,
        user_agent=settings.user_agent + (f" (+{settings.contact})" if settings.contact else ""),
        guard=Guard(parse_networks(settings.allow_networks), parse_ports(settings.ports)),
        proxy=settings.proxy,
        limits=Limits(settings.poll_timeout.total_seconds(), settings.poll_idle.total_seconds(), settings.max_body),
        host_spacing=settings.host_spacing.total_seconds(),
        robots=settings.robots,
        public_url=settings.public_url,
        lease=settings.lease,
    )


def run_worker(settings: Settings, queues: Sequence[str], concurrency: int) -> int:
    """A Celery worker (prefork) for these queues, until SIGTERM; its exit status."""
    logs.begin(settings.log_level)
    open_database(settings).dispose()
    prepare(worker_config(settings))
    if POLL in queues:
        language.load()
    celery.connect(redis_url(settings))
    signals.setup_logging.connect(_keep_logging)
    # We read JSON only, so being root (as in a container) lets no message run code.
    warnings.filterwarnings("ignore", message=".*superuser privileges.*")
    worker = celery.app.Worker(
        queues=list(queues),
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
    worker.start()
    return worker.exitcode or 0


def _keep_logging(**_: Any) -> None:
    """Connected to Celery's signal, this keeps Celery from setting up a log of its own."""


def run_scheduler(settings: Settings) -> None:
    """The scheduler's loop, until SIGTERM or Ctrl-C."""
    logs.begin(settings.log_level)
    celery.connect(redis_url(settings))
    stop = _stop_on_signals()
    Scheduler(open_database(settings), utc_now, settings.lease, subscribes=bool(settings.public_url)).run(stop)


def run_receiver(settings: Settings) -> None:
    """The server that feeds' hubs call, until SIGTERM or Ctrl-C."""
    logs.begin(settings.log_level)
    if not settings.public_url:
        raise BadInput("Hubs need an address to call: set WIREWATCH_PUBLIC_URL to where this server is reached.")
    host, _, port = settings.receiver.rpartition(":")
    log.info("hubs are received at %s", settings.receiver)
    application = websub.receiver(open_database(settings), clock=utc_now, largest=settings.max_body)
    web.run_app(application, host=host.strip("[]"), port=int(port), print=None, access_log=None)


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
        database = open_database(settings)
        if first:
            first(database)
        supervisor = Supervisor(
            [*before, *_children(settings), *also],
            environment=environment(settings) | {"WIREWATCH_REDIS_URL": redis_url(settings)},
            database=database,
            stall_after=settings.stall_after,
            ready=lambda: _answers(settings.data),
        )
        supervisor.stop = _stop_on_signals()
        log.info("Wirewatch runs on %s; Ctrl-C stops it", settings.data)
        supervisor.run()


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


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
