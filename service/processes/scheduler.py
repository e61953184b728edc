"""`wirewatch scheduler`: the loop that finds what is due."""

import random

from scheduler.loop import Scheduler
from scheduler.watch import Watch
from service import exposition, logs
from service.config import worker_config
from service.opening import open_database, redis_url
from service.signals import stop_on_signals
from settings import Settings
from wire import keeping
from worker import app as celery
from worker import tracing
from worker.channels import utc_now


def run(settings: Settings) -> None:
    """The scheduler's loop, until SIGTERM or Ctrl-C."""
    logs.begin(settings)
    exposition.show(settings)
    tracing.begin("scheduler")
    celery.connect(redis_url(settings))
    stop = stop_on_signals()
    database, config = open_database(settings), worker_config(settings)
    Scheduler(
        database,
        utc_now,
        settings.lease,
        subscribes=bool(settings.public_url),
        watch=Watch(utc_now(), settings.canary, settings.data if settings.data.is_dir() else None),
        kept=keeping.parse(settings.keep),
        open_courier=lambda: config.open_courier(database, utc_now, random.random),
    ).run(stop)
