"""`wirewatch desk`: the desk's web server."""

import logging

import uvicorn

from desk import web
from service import logs
from service.opening import host_and_port, open_database
from settings import Settings
from wire.errors import BadInput
from worker.channels import utc_now

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """The desk's web server, until SIGTERM or Ctrl-C."""
    logs.begin(settings.log_level)
    if not settings.desk:
        raise BadInput("WIREWATCH_DESK is empty, so there is no desk. Say where it listens, as 127.0.0.1:8470.")
    host, port = host_and_port(settings.desk)
    log.info("the desk is at %s", settings.pages)
    application = web.make_app(open_database(settings), utc_now, pages=settings.pages, canary=settings.canary)
    uvicorn.run(application, host=host, port=port, log_config=None, access_log=False)
