"""`wirewatch desk`: the desk's web server."""

import contextlib
import gc
import logging
import shutil
import socket
from datetime import UTC, datetime

import uvicorn

from desk.web.app import make_app
from desk.web.site import Site
from desk.web.stream import Hub
from service import broker, commands, logs
from service.opening import host_and_port, mind_who_comes, open_database, redis_url
from settings import Settings
from storage.database import Database
from wire.errors import BadInput

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """The desk's web server, until SIGTERM or Ctrl-C."""
    logs.begin(settings)
    if not settings.desk:
        raise BadInput("WIREWATCH_DESK is empty, so there is no desk. Say where it listens, as 127.0.0.1:8470.")
    database = open_database(settings)
    mind_who_comes(settings, database)
    host, port = host_and_port(settings.desk)
    log.info("the desk is at %s", settings.pages)
    application = make_app(site(settings, database))
    # What is loaded by now stays: to look through it for garbage would hold up a request now and then by a tenth of a
    # second.
    gc.collect()
    gc.freeze()
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.desk_proxies,
        timeout_graceful_shutdown=1,
    )
    with contextlib.suppress(KeyboardInterrupt):
        _Server(config, application.state.hub).run()


class _Server(uvicorn.Server):
    """Lets the readers of the stream go before it waits for connections to end: by themselves they never hang up."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets)


def site(settings: Settings, database: Database) -> Site:
    """What the web server works with."""
    return Site(
        database,
        lambda: datetime.now(UTC),
        pages=settings.pages,
        canary=settings.canary,
        bounds=settings.bounds,
        look=lambda url, headers: commands.look_at(settings, url, headers),
        try_channel=lambda which: commands.try_channel(settings, database, which),
        is_local=settings.desk_is_local,
        broker=lambda: broker.answers(redis_url(settings)),
        disk=lambda: shutil.disk_usage(settings.data).free if settings.data.exists() else None,
    )
