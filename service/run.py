"""`wirewatch run`, `worker` and `scheduler`: the entry points of the processes."""

import logging
import os
import random
import signal
import socket
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
from scheduler.watch import Watch
from service import broker, logs
from service.config import worker_config
from service.lock import only_one
from service.opening import open_database, redis_url
from service.supervisor import Child, Supervisor
from settings import Settings, environment
from storage.database import Database
from wire import language
from wire.errors import BadInput
from worker import app as celery
from worker import websub
from worker.app import POLL
from worker.channels import utc_now
from worker.process import prepare

log = logging.getLogger(__name__)


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
    database, config = open_database(settings), worker_config(settings)
    Scheduler(
        database,
        utc_now,
        settings.lease,
        subscribes=bool(settings.public_url),
        watch=Watch(utc_now(), settings.canary, settings.data if settings.data.is_dir() else None),
        open_courier=lambda: config.open_courier(database, utc_now, random.random),
    ).run(stop)


def run_desk(settings: Settings) -> None:
    """The desk's web server, until SIGTERM or Ctrl-C."""
    import uvicorn

    from desk import web as web_desk

    logs.begin(settings.log_level)
    host, _, port = settings.desk.rpartition(":")
    log.info("the desk is at %s", settings.pages)
    application = web_desk.make_app(open_database(settings), utc_now, pages=settings.pages, canary=settings.canary)
    uvicorn.run(application, host=host.strip("[]"), port=int(port), log_config=None, access_log=False)


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
        _is_free(settings.desk)
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


def _is_free(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_server(
            (host.strip("[]"), int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        ).close()
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
        Child("desk", wirewatch("desk")),
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
