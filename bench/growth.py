"""What a first poll of a feed costs where a thousand feeds were polled before, and where ten thousand were.

    python -m bench.growth [--small 1000] [--large 10000]

One worker process, a thousand rules, SQLite. Both databases are filled, and then the same new feeds are polled into one
and the other by turns, so that a machine that is slower in one minute than in the next does not matter. CPU time; takes
an hour on a slow machine, most of it to fill the larger one.
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.contenders import furnish
from bench.polling import world
from bench.stages import poll
from storage import feeds, items
from storage.database import Database
from tests.helpers import LOOPBACK
from wire import language
from wire.cadence import Bounds
from worker import app
from worker.config import Config
from worker.guard import Guard
from worker.process import Process

_ROUNDS, _FEEDS_A_ROUND = 12, 40
# A feed that was polled is not due again while this runs.
_SELDOM = Bounds(30 * 86_400, 30 * 86_400)


class Watching:
    """A database and the process that polls into it."""

    def __init__(self, path: Path, hook: str) -> None:
        self.database = Database(f"sqlite:///{path}")
        self.database.upgrade()
        furnish(self.database, [], hook, "zebrafish")
        self._process = Process(Config(database_url=self.database.url, guard=Guard(LOOPBACK)))

    def poll(self, addresses: Sequence[str]) -> float:
        """Polls new feeds; CPU milliseconds a feed."""
        now = datetime.now(UTC)
        with self.database.writing() as session:
            for address in addresses:
                feeds.add(session, address, now=now, bounds=_SELDOM)
        return poll(self.database, self._process) / len(addresses) * 1_000

    def stories(self) -> int:
        with self.database.reading() as session:
            return items.count(session)

    def close(self) -> None:
        self._process.close()
        self.database.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=1_000)
    parser.add_argument("--large", type=int, default=10_000)
    asked = parser.parse_args()
    app.send = lambda *_, **__: True  # what follows a poll is measured elsewhere
    language.load()
    count = asked.small + asked.large + _ROUNDS * _FEEDS_A_ROUND
    with tempfile.TemporaryDirectory() as folder, world(count) as there:
        small, large = (Watching(Path(folder) / f"{name}.db", there.hook) for name in ("small", "large"))
        small.poll(there.addresses[: asked.small])
        large.poll(there.addresses[asked.small : asked.small + asked.large])
        print("| feeds before | stories before | CPU-ms a feed, by turns | range |\n|---|---|---|---|")
        before = {asked.small: small.stories(), asked.large: large.stories()}
        spent: dict[int, list[float]] = {asked.small: [], asked.large: []}
        for start in range(asked.small + asked.large, count, _FEEDS_A_ROUND):
            some = there.addresses[start : start + _FEEDS_A_ROUND]
            spent[asked.small].append(small.poll(some))
            spent[asked.large].append(large.poll(some))
        for feeds_before, took in spent.items():
            range_ = f"{min(took):.0f}–{max(took):.0f}"
            print(f"| {feeds_before:,} | {before[feeds_before]:,} | {statistics.median(took):.1f} | {range_} |")
        times = [more / less for less, more in zip(spent[asked.small], spent[asked.large], strict=True)]
        print(f"\nThe larger costs {statistics.median(times):.2f} times the smaller (median of the rounds).")
        small.close()
        large.close()


if __name__ == "__main__":
    main()
