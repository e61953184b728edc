"""`wirewatch demo`: the whole service on its own, against the sample wire, in a folder of its own."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

from desk import show
from service.lock import only_one
from service.run import run_service, wirewatch
from service.samplewire import REGIONS, SampleWire, load_book, serve
from service.supervisor import Child
from settings import Settings, read
from storage import channels, feeds, rules
from storage.database import Database
from wire.cadence import Bounds
from wire.errors import BadInput

# Before it is watched the wire has this much to tell already; then one more every few seconds.
_ALREADY_PUBLISHED = 8
_EVERY = 4.0
_POLLED = Bounds(2.0, 10.0)
# Whatever the environment says of an installation of one's own, its rows and queues are left alone.
_OF_NOBODY_ELSE = dict.fromkeys(
    ("database_url", "database_password", "redis_url", "redis_password", "key", "public_url", "desk_url", "proxy",
     "metrics", "keep"), ""
)  # fmt: skip


def run_demo(data: Path | None, seconds: float) -> None:
    """Feeds, rules and a channel are set up; then it runs as any other service does."""
    folder = data or Path(tempfile.gettempdir()) / f"wirewatch-demo-{os.getuid()}"
    if data is None:
        _empty(folder)
    port = _free_port()
    settings = read(
        **_OF_NOBODY_ELSE,
        data=folder,
        allow_networks="127.0.0.0/8",
        log_level="WARNING",
        min_interval="2s",
        max_interval="10s",
        host_spacing="0s",
        desk=f"127.0.0.1:{_free_port()}",
    )
    wire = Child("sample wire", wirewatch("samplewire", str(port), "--every", str(_EVERY)))
    tail = Child("tail", wirewatch("tail", "--last", "0"))
    _welcome(settings, port)
    if seconds:
        threading.Timer(seconds, signal.raise_signal, [signal.SIGINT]).start()
    run_service(settings, also=[tail], before=[wire], first=lambda database: _set_up(database, port))


def _empty(folder: Path) -> None:
    """Each demo begins anew, unless one is running there. Only files of ours are taken away, only from our folder."""
    if folder.is_symlink() or (folder.exists() and folder.stat().st_uid != os.getuid()):
        raise BadInput(f"{folder} is not a folder of your own. Choose another with --data.")
    with only_one(folder):
        for name in ("wirewatch.db", "wirewatch.db-wal", "wirewatch.db-shm", "redis.log", "redis.sock"):
            (folder / name).unlink(missing_ok=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _set_up(database: Database, port: int) -> None:
    now = datetime.now(UTC)
    base = f"http://127.0.0.1:{port}"
    with database.writing() as session:
        inbox = channels.add(session, "inbox", "webhook", f"{base}/inbox", now=now)
        for rule in load_book()["rule"]:
            rules.add(session, rule["name"], rule["query"], [inbox], now=now)
        for region in REGIONS:
            feeds.add(session, f"{base}/rss/menafn_{region}.xml", now=now, bounds=_POLLED, full_text=True)


def _welcome(settings: Settings, port: int) -> None:
    command = f"{sys.argv[0] if os.sep in sys.argv[0] else 'wirewatch'} --data {settings.data}"
    show.say(
        f"""
Wirewatch demo: a sample wire publishes a story every few seconds at http://127.0.0.1:{port},
{len(REGIONS)} feeds of it are polled, each story is kept once, five rules are matched,
and alerts go by webhook to http://127.0.0.1:{port}/inbox.

Look at it in a browser: {settings.pages}

In another terminal, try:
  {command} status
  {command} items list
  {command} items search '"power grid" OR ransomware'
  {command} alerts list
  {command} alerts show 1
  {command} rules add mine 'strike AND wages' --to inbox
  {command} alerts feeds

New stories and ALERTS follow as they come. Ctrl-C ends it.
"""
    )


def serve_wire(port: int, every: float) -> None:
    """The sample wire as a process of its own, until SIGTERM."""
    wire = SampleWire(random.Random(7))
    for _ in range(_ALREADY_PUBLISHED):
        wire.publish(datetime.now(UTC))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(wire, port, every))
