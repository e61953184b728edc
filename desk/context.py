"""What a command works with: the database and the clock, opened once by the entry point."""

import getpass
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import typer
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlmodel import Session

from desk.hand import CROSSED, Hand
from storage.database import Database
from wire.cadence import Bounds
from wire.discovery import Offered
from wire.errors import BadInput
from wire.story import Document

JSON = typer.Option(False, "--json", help="One JSON object a line, for programs.")
LIMIT = typer.Option(20, "--limit", "-n", min=1, max=100_000, help="At most so many.")
NUMBER = typer.Argument(min=1, max=2**62, help="Its number.")
YES = typer.Option(False, "--yes", "-y", help="Do it without asking.")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Found(Protocol):
    """What a look at an address brought: a feed's document, or the feeds that a page names."""

    @property
    def url(self) -> str: ...

    @property
    def document(self) -> Document | None: ...

    @property
    def offered(self) -> tuple[Offered, ...]: ...


@dataclass(slots=True)
class Desk:
    """The open database, how far apart polls of a new feed may be, what looks at an address for us.

    `pages` is where our own pages are reached.
    """

    open_database: Callable[[], Database]
    bounds: Bounds
    look: Callable[[str, Mapping[str, str]], Found]
    pages: str = ""
    clock: Callable[[], datetime] = _utc_now
    _database: Database | None = None

    @property
    def database(self) -> Database:
        if self._database is None:
            self._database = self.open_database()
        return self._database

    def close(self) -> None:
        """Lets the database go, where it was opened."""
        if self._database:
            self._database.dispose()
            self._database = None


_desk: ContextVar[Desk] = ContextVar("desk")


def sit_down(at: Desk) -> None:
    """Says which desk the command that is about to run works at. Called by the entry point."""
    _desk.set(at)


def desk() -> Desk:
    """The desk of the command that is running."""
    return _desk.get()


@contextmanager
def reading() -> Iterator[tuple[Session, datetime]]:
    with _told_plainly(), desk().database.reading() as session:
        yield session, desk().clock()


@contextmanager
def writing() -> Iterator[Hand]:
    """A transaction in which the person at the terminal changes something."""
    with _told_plainly(), desk().database.writing() as session:
        yield Hand(session, desk().clock(), f"{_person()} at the terminal")


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"user {os.getuid()}"


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise BadInput(CROSSED) from error
    except DatabaseError as error:
        why = str(error.orig).split("\n")[0]
        raise BadInput(f"The database does not do it: {why}. Is another program holding it?") from error
