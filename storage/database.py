"""The way in: engines, transactions, migrations. SQLite and PostgreSQL behind the same few functions."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from math import prod
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    create_engine,
    delete,
    event,
    inspect,
    make_url,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from wire.errors import BadInput

T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"

# A batch of ingest holds the lock for tens of milliseconds; a backup or a vacuum for some seconds.
_BUSY_TIMEOUT_MS = 15_000
# SQLite takes 32,766 values a statement, PostgreSQL 65,535.
_MOST_VALUES = 5_000
_SECONDS = {
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())",
}
# A server that vanished without a word (a pulled cable, a firewall that forgot us) is found out in half a minute, not
# after two hours (libpq's parameters; RFC 5482).
_FOUND_OUT = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# A process that stands still in the midst of a transaction holds its locks no longer than others have patience for.
_NOT_FOR_EVER = "SET LOCAL idle_in_transaction_session_timeout = '60s'"
# What is read in one transaction stands at one moment; in SQLite it does anyway.
_ONE_VIEW = {"sqlite": {}, "postgresql": {"isolation_level": "REPEATABLE READ"}}
# With the pool's usual five, one for each of the forty threads that answer requests.
_MOST_MORE = 35
_MIGRATION_LOCK = 7_947_321  # any number of ours: PostgreSQL's advisory locks are numbered


class Database:
    """One database. `reading()` and `writing()` are its transactions; there is no other way to its rows."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = _engine(url)
        self._reader = self._engine.execution_options(**_ONE_VIEW[self._engine.dialect.name])
        self._writer = self._engine.execution_options(writes=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads: a consistent view that waits for nobody."""
        with Session(self._reader) as session, session.begin():
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that writes: commits at the end, rolls back on an error.

        SQLite takes its write lock at once (`BEGIN IMMEDIATE`), so that a busy database makes us wait, never fail
        half-way with a stale view.
        """
        with Session(self._writer) as session, session.begin():
            yield session

    def upgrade(self) -> bool:
        """Brings the tables to what this program expects; many processes may call it at once. True if it changed."""
        with self._connected() as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            if _revision(connection) == newest_revision():
                return False
            # Alembic takes a quarter of a second to load, and nearly every start finds nothing to do.
            from storage import upgrading

            upgrading.upgrade(connection)
            return True

    def is_current(self) -> bool:
        """Whether the tables are those of this program. Raises BadInput when the database does not answer."""
        with self._connected() as connection:
            return _revision(connection) == newest_revision()

    def check(self, *, thorough: bool = False) -> str:
        """What is damaged in the file; nothing when it is sound. PostgreSQL minds its own pages.

        A thorough look also goes through each index, and for rows that refer to none.
        """
        if self._engine.dialect.name != "sqlite":
            return ""
        with self._connected() as connection:
            found = str(connection.execute(text(f"PRAGMA {'integrity' if thorough else 'quick'}_check(1)")).scalar())
            if thorough and found == "ok" and (lost := connection.execute(text("PRAGMA foreign_key_check")).first()):
                found = f"a row of {lost[0]} refers to one of {lost[2]} that is not there"
        return "" if found == "ok" else found

    def vacuum(self) -> tuple[int, int]:
        """Gives back the room of rows that are gone: the size in bytes before and after. Raises BadInput."""
        before = self._size()
        with self._connected() as connection:
            # Neither may stand in a transaction, and SQLAlchemy begins one with whatever it is asked.
            driver: Any = connection.connection.driver_connection
            if connection.dialect.name == "postgresql":
                driver.autocommit = True
            try:
                driver.execute("VACUUM")
                if connection.dialect.name == "sqlite":
                    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
            except connection.dialect.loaded_dbapi.Error as error:
                raise BadInput(f"{self.safe_url} cannot be packed now: {error}.") from error
            finally:
                connection.invalidate()
        return before, self._size()

    def _size(self) -> int:
        with self._connected() as connection:
            if connection.dialect.name == "postgresql":
                return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
            found = (connection.execute(text(f"PRAGMA {name}")) for name in ("page_count", "page_size"))
            return prod(int(one.scalar_one()) for one in found)

    def now(self) -> datetime:
        """What the database takes for the time."""
        with self._connected() as connection:
            seconds = connection.execute(text(_SECONDS[connection.dialect.name])).scalar_one()
        return datetime.fromtimestamp(float(seconds), UTC)

    def _connected(self) -> Connection:
        try:
            return self._writer.connect()
        except DatabaseError as error:  # away, locked, or a file that is no database
            raise BadInput(f"The database {self.safe_url} does not answer: {_reason(error)}") from error

    @property
    def safe_url(self) -> str:
        """The address without its password."""
        return make_url(self.url).render_as_string(hide_password=True)

    def dispose(self) -> None:
        """Closes the pool's connections: before a fork, and at the end."""
        self._engine.dispose()


class Trouble(StrEnum):
    """What a failed write means: the database is away, it may be tried again at once, or it is what was written."""

    AWAY = "away"
    AGAIN = "again"
    DATA = "data"


# PostgreSQL's classes of SQLSTATE in which the rows are not to blame: connection, resources, shutdown, system.
_AWAY_CLASSES = ("08", "53", "57", "58")
_AGAIN_STATES = frozenset({"40P01", "40001"})


def trouble(error: Exception) -> Trouble:
    """What kind of trouble an error of a transaction is."""
    if not isinstance(error, OperationalError):
        return Trouble.DATA
    state = getattr(error.orig, "sqlstate", None)
    if state in _AGAIN_STATES:
        return Trouble.AGAIN
    return Trouble.DATA if state and not state.startswith(_AWAY_CLASSES) else Trouble.AWAY


def insert(session: Session, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the session's dialect."""
    dialect = session.get_bind().dialect.name
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def delete_some(session: Session, what: Table, which: ColumnElement[bool], most: int) -> bool:
    """Deletes so many of these rows at most; whether there may be more."""
    key = list(what.primary_key.columns)
    some = select(*key).where(which).limit(most)
    gone = session.execute(delete(what).where(tuple_(*key).in_(some)))
    return bool(getattr(gone, "rowcount", 0) == most)


def chunks(values: Sequence[T], size: int = _MOST_VALUES) -> Iterator[Sequence[T]]:
    """The values in portions that fit into one statement."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadInput("The database address cannot be read; give sqlite:///… or postgresql://….") from error
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, max_overflow=_MOST_MORE)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            max_overflow=_MOST_MORE,
            connect_args=_FOUND_OUT,
        )
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    raise BadInput(f"Wirewatch keeps its rows in SQLite or PostgreSQL, not in {parsed.get_backend_name()}.")


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver would begin transactions by itself, and not the kind we want
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}").close()
    _use_wal(connection)
    for pragma in (
        "synchronous = NORMAL",  # with WAL a power cut may cost the last commits, never the file
        "foreign_keys = ON",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _use_wal(connection: Any) -> None:
    """Switches a new file to WAL. SQLite answers "locked" at once when another is just switching it."""
    deadline = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql(_NOT_FOR_EVER)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def newest_revision() -> str:
    """The schema this program expects: the highest number among the migrations."""
    return max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    """The schema this database has, or None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _reason(error: DatabaseError) -> str:
    return str(error.orig).strip().split("\n")[0]
