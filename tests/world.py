"""A database, a wire, a worker and a scheduler in one thread, and a clock that moves when told."""

import json
from typing import Any

from sqlalchemy import text

from scheduler.loop import Scheduler
from storage import channels, feeds, held, items, rules
from storage.database import Database
from storage.tables import Feed, Item
from tests.helpers import Clock, Server, rss
from wire.cadence import Bounds
from worker.process import Process


class World:
    """A database, a wire, a worker and a scheduler, and how to let time pass."""

    def __init__(self, database: Database, server: Server, process: Process, clock: Clock, sent: list[Any]) -> None:
        self.measured = 0.0
        self.database, self.server, self.process, self.clock, self.sent = database, server, process, clock, sent
        self.scheduler = Scheduler(
            database,
            clock,
            process.config.lease,
            stopwatch=lambda: self.measured,
            open_courier=lambda: process.config.open_courier(database, clock, lambda: 0.5),
        )

    def feed(self, path: str, *stories: dict[str, str], full_text: bool = False) -> int:
        self.server.pages[path] = rss(*stories)
        with self.database.writing() as session:
            feed = feeds.add(
                session, self.server.url(path), now=self.clock(), bounds=Bounds(60, 3600), full_text=full_text
            )
            return feed.id or 0

    def rule(self, query: str, *, name: str = "rule", to: str = "/hook") -> None:
        with self.database.writing() as session:
            channel = channels.add(session, f"to {name}", "webhook", self.server.url(to), now=self.clock())
            rules.add(session, name, query, [channel], now=self.clock())

    def run(self, seconds: float = 0) -> None:
        """Lets time pass, then does all the work there is, with every message that is sent on the way."""
        self.clock.tick(seconds)
        self._work()
        with self.database.reading() as session:
            again = held.anything_to_release(session, self.clock())
        if again:
            self._work()

    def _work(self) -> None:
        self.scheduler.round()
        while self.sent:
            task, _, arguments = self.sent.pop(0)
            if task != "beat":
                getattr(self.process, task)(*arguments)
        self.process.settle()
        self.scheduler.settle()

    def hooks(self) -> list[dict[str, Any]]:
        """The stories that were told, those of digests among them."""
        return [story for told in self.posted() for story in told.get("stories", [told])]

    def posted(self) -> list[dict[str, Any]]:
        """The messages that came."""
        asked = zip(self.server.asked, self.server.bodies, strict=True)
        return [json.loads(body) for (method, path, _), body in asked if method == "POST" and path != "/hub"]

    def items(self) -> list[Item]:
        with self.database.reading() as session:
            found = list(items.newest(session, limit=1000))
            session.expunge_all()
        return found

    def the_feed(self, which: str = "1") -> Feed:
        with self.database.reading() as session:
            feed = feeds.find(session, which)
            session.expunge_all()
        return feed

    def count(self, table: str) -> int:
        with self.database.reading() as session:
            return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
