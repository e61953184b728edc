"""What the desk's web server works with; put together by the entry point."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from fastapi import Request
from sqlmodel import Session

from desk.access import Throttle
from desk.answers.status import Status, status
from desk.context import Found
from desk.hand import Hand
from desk.web.visitor import Visitor
from storage import users
from storage.database import Database
from wire.cadence import Bounds

_STATUS_FOR = timedelta(seconds=3)


@dataclass
class Site:
    """The database, the clock, where the pages are reached; and what only the service can do for us.

    `look` fetches an address, `try_channel` sends a sample and says what the other side said. `is_local`: the server
    listens on this machine alone, so that without users everybody who comes may do everything. `disk` tells how many
    bytes are free.
    """

    database: Database
    clock: Callable[[], datetime]
    pages: str
    canary: timedelta
    bounds: Bounds
    look: Callable[[str, Mapping[str, str]], Found]
    try_channel: Callable[[str], str]
    is_local: bool = True
    disk: Callable[[], int | None] = lambda: None
    # A name from an address, and an address whatever the name: behind one there can be a whole newsroom.
    tries_of_name: Throttle = field(default_factory=lambda: Throttle(5))
    tries_of_address: Throttle = field(default_factory=lambda: Throttle(50))
    _key: str = ""
    _status: tuple[datetime, Status] | None = None

    @property
    def is_behind_tls(self) -> bool:
        return urlsplit(self.pages).scheme == "https"

    def key(self) -> str:
        """What signs cookies, kept in the database so that a restart ends no session."""
        if not self._key:
            with self.database.writing() as session:
                self._key = users.key(session, "session key", secrets.token_hex(32))
        return self._key

    def status(self) -> Status:
        """How everything stands, as of some seconds ago at most: it counts much, and many look at it."""
        kept, now = self._status, self.clock()
        if kept is None or not timedelta(0) <= now - kept[0] < _STATUS_FOR:
            with self.reading() as session:
                kept = self._status = (now, status(session, now, self.database.safe_url))
        return kept[1]

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self.database.reading() as session:
            yield session

    @contextmanager
    def writing(self, request: Request) -> Iterator[Hand]:
        """A transaction in which whoever sent a request changes something."""
        visitor: Visitor = request.state.visitor
        with self.database.writing() as session:
            yield Hand(session, self.clock(), visitor.name)
