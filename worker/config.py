"""What a worker is told, and what it opens with that: its way out, its courier."""

from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp

from storage.database import Database
from storage.raising import MAX_AGE
from wire.cadence import Dice
from worker import channels
from worker.channels import Clock
from worker.courier import Courier
from worker.fetch import Limits, open_session
from worker.guard import Guard


@dataclass(frozen=True, slots=True)
class Config:
    """What a worker process is told: where its database is, how it goes out, and how long a claim lasts."""

    database_url: str
    user_agent: str = "Wirewatch"
    guard: Guard = field(default_factory=Guard)
    proxy: str = field(default="", repr=False)
    limits: Limits = field(default_factory=Limits)
    host_spacing: float = 0.0
    robots: bool = False
    public_url: str = ""
    pages: str = ""
    max_age: timedelta = MAX_AGE
    lease: timedelta = timedelta(seconds=60)

    def open_courier(self, database: Database, clock: Clock, dice: Dice) -> Courier:
        """What carries messages; it has a way out of its own."""
        patience = min(channels.PATIENCE, self.lease.total_seconds() / 2)

        def open_way() -> aiohttp.ClientSession:
            # Channels have a gate each; one that does not answer must not use up what another of its host needs.
            return open_session(self.user_agent, self.guard, proxy=self.proxy, per_host=0)

        return Courier(database, open_way, patience=patience, pages=self.pages, clock=clock, dice=dice)

    def open_session(self) -> aiohttp.ClientSession:
        """The way out to the world; close it in the same event loop."""
        return open_session(self.user_agent, self.guard, proxy=self.proxy)
