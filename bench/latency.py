"""From the commit of a story to its alert's arrival at a webhook, through the real service on an idle machine.

Sends stories one at a time: each is kept, matched and committed by this process as a worker would, and rung for by the
same function; the receiver notes when its POST came. Run it with nothing else running: `python -m bench.latency`.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from service import broker
from storage import channels, rules
from storage.database import Database
from storage.work import new_claim
from tests.helpers import free_port, serving, wait_until
from wire.story import Identity, Story
from worker import app as celery
from worker import ingest
from worker.ingest import Turn
from worker.rulebook import Rulebook
from worker.sending import send_on
from worker.telling import Telling

_STORIES = 300
_LEASE = timedelta(seconds=60)


def measure(database: Database, arrived: dict[str, float], came: threading.Event) -> list[float]:
    """Milliseconds from each commit to its arrival."""
    book, took = Rulebook(), []
    for number in range(_STORIES):
        title = f"Storm number {number}"
        story = Story(Identity(f"bench:{number}"), title, f"What the storm of number {number} did to harbour {number}.")
        came.clear()
        with database.writing() as session:
            now = datetime.now(UTC)
            turn = Turn(now, book.current(session), new_claim(), now + _LEASE)
            kept = ingest.keep(session, [Telling(story)], turn)
        committed = time.perf_counter()
        send_on(turn.claim, kept.deliveries, [], _LEASE)
        if not came.wait(10):
            raise SystemExit(f"“{title}” did not arrive within ten seconds")
        took.append((arrived[title] - committed) * 1000)
    return took


def main() -> None:
    arrived: dict[str, float] = {}
    came = threading.Event()

    async def receive(request: web.Request) -> web.Response:
        when = time.perf_counter()
        told = await request.json()
        arrived[told["story"]["title"]] = when
        came.set()
        return web.Response()

    application = web.Application()
    application.router.add_post("/hook", receive)
    with tempfile.TemporaryDirectory() as folder, serving(application) as port:
        data = Path(folder)
        database = Database(f"sqlite:///{data / 'wirewatch.db'}")
        database.upgrade()
        with database.writing() as session:
            hook = channels.add(session, "hook", "webhook", f"http://127.0.0.1:{port}/hook", now=datetime.now(UTC))
            rules.add(session, "storm", "storm", [hook], now=datetime.now(UTC))
        told = {
            "WIREWATCH_DATA": folder,
            "WIREWATCH_ALLOW_NETWORKS": "127.0.0.0/8",
            "WIREWATCH_DESK": f"127.0.0.1:{free_port()}",
            "WIREWATCH_LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "service", "run"]
        service = subprocess.Popen(command, env=os.environ | told)
        try:
            celery.connect(broker.url(data))
            wait_until(celery.broker_answers, 30, "the broker answers")
            measured = measure(database, arrived, came)[_STORIES // 10 :]  # the first ones wait for processes to open
        finally:
            service.send_signal(signal.SIGINT)
            service.wait(15)
    cuts = statistics.quantiles(measured, n=100)
    print(
        f"from commit to arrival, {len(measured)} alerts one at a time: median {statistics.median(measured):.1f} ms, "
        f"95th percentile {cuts[94]:.1f} ms, 99th {cuts[98]:.1f} ms, most {max(measured):.1f} ms"
    )


if __name__ == "__main__":
    main()
