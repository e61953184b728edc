"""What the desk's web server works with; put together by the entry point."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from sqlmodel import Session

from desk.access import Throttle
from desk.answers import rules, status
from desk.answers.status import Status
from desk.context import Found
from desk.hand import Hand
from desk.web.visitor import Visitor
from storage import users
from storage.database import Database
from wire.cadence import Bounds

T = TypeVar("T")


@dataclass
class Site:
    """The database, the clock, where the pages are reached; and what only the service can do for us.

    `look` fetches an address, `try_channel` sends a sample and says what the other side said. `is_local`: the server
    listens on this machine alone, so that without users everybody who comes may do everything. `disk` tells how many
    bytes are free, `broker` whether Redis answers.
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
    broker: Callable[[], bool] = lambda: True
    # A name from an address, and an address whatever the name: behind one there can be a whole newsroom.
    tries_of_name: Throttle = field(default_factory=lambda: Throttle(5))
    tries_of_address: Throttle = field(default_factory=lambda: Throttle(50))
    _key: str = ""
    _status: "_Lately[Status]" = field(default_factory=lambda: _Lately(timedelta(seconds=3)))
    _health: "_Lately[dict[int, list[str]]]" = field(default_factory=lambda: _Lately(timedelta(minutes=1)))

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
        return self._status.get(lambda session, now: status.status(session, now, self.database.safe_url), self)

    def health(self) -> dict[int, list[str]]:
        """What wants a look of which rule, as of a minute ago at most."""
        return self._health.get(rules.health, self)

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


class _Lately(Generic[T]):
    """What was found out a moment ago, for all who ask in that time."""

    def __init__(self, stays: timedelta) -> None:
        self._stays = stays
        self._kept: tuple[datetime, T] | None = None

    def get(self, find_out: Callable[[Session, datetime], T], site: Site) -> T:
        """What is known of it, found out anew when that was too long ago."""
        kept, now = self._kept, site.clock()
        if kept is None or not timedelta(0) <= now - kept[0] < self._stays:
            with site.reading() as session:
                kept = self._kept = (now, find_out(session, now))
        return kept[1]
