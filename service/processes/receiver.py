"""`wirewatch receiver`: the server that feeds' hubs call."""

import logging

from aiohttp import web

from service import logs
from service.opening import host_and_port, open_database
from settings import Settings
from wire.errors import BadInput
from worker import websub
from worker.channels import utc_now

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """The server that feeds' hubs call, until SIGTERM or Ctrl-C."""
    logs.begin(settings)
    if not settings.public_url:
        raise BadInput("Hubs need an address to call: set WIREWATCH_PUBLIC_URL to where this server is reached.")
    host, port = host_and_port(settings.receiver)
    log.info("hubs are received at %s", settings.receiver)
    application = websub.receiver(open_database(settings), clock=utc_now, largest=settings.max_body)
    web.run_app(application, host=host, port=port, print=None, access_log=None)
