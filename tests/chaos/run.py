"""A run: a seeded plan of blows against a service at work, and what came of it."""

import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from tests.chaos.arena import Arena, arena
from tests.chaos.blows import BLOWS, Blow, Mend
from tests.helpers import wait_until
from tests.live.service import gone

# A story is published so often. A feed shows its newest 25: what a minute's silence costs must fit in.
_EVERY = 0.8
_LAST = 3
# So much of a run's time is left for what was broken last to mend.
_CALM = 0.25


@dataclass(frozen=True, slots=True)
class Planned:
    """A blow `at` so many seconds, mended after `lasting` more."""

    at: float
    lasting: float
    blow: Blow

    def __str__(self) -> str:
        return f"{self.at:.0f} s {self.blow.name}" + (f" for {self.lasting:.0f} s" if self.lasting else "")


@dataclass
class Outcome:
    """What came of a run; `recovered` is how many seconds after the last mending all was told."""

    seed: int
    database: str
    stories: int = 0
    sent_twice: int = 0
    recovered: float = 0.0
    blows: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    log: str = ""

    def __str__(self) -> str:
        found = "; ".join(self.faults) or "nothing lost"
        return (
            f"{self.seed:>5}  {self.database:<10} {self.stories:>4} stories  {len(self.blows):>2} blows  "
            f"{self.sent_twice:>2} twice  back in {self.recovered:>5.1f} s  {found}"
        )


def plan(arena: Arena, dice: random.Random, seconds: float, every: float) -> list[Planned]:
    """Blows until some time before the end, each over by then. One kind is not struck again while it lasts."""
    possible = [blow for blow in BLOWS if blow.possible(arena)]
    until, at = seconds * (1 - _CALM), 0.0
    busy: dict[str, float] = {}
    planned = []
    while (at := at + dice.expovariate(1 / every)) < until:
        free = [blow for blow in possible if busy.get(blow.name, 0.0) <= at]
        blow = dice.choice(free)
        lasting = min(dice.uniform(blow.shortest, blow.longest), until - at)
        busy[blow.name] = at + lasting
        planned.append(Planned(at, lasting, blow))
    return planned


def run(
    seeds: Sequence[int],
    *,
    seconds: float,
    on_postgres: bool,
    every: float = 6.0,
    lease: float = 20.0,
    stall: float = 40.0,
    starting: float = 15.0,
) -> list[Outcome]:
    """Breaks a service, seed by seed, for so many seconds each, a blow about `every` so many; each time waits until all
    is told, and judges. What was under way comes back within a lease and the seconds that processes take for `starting`.
    """
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="ww", ignore_cleanup_errors=True) as folder:
        made = arena(Path(folder), seeds[0], on_postgres=on_postgres, lease=f"{lease}s", stall_after=f"{stall}s")
        with made as there:
            for seed in seeds:
                outcome = Outcome(seed, "PostgreSQL" if on_postgres else "SQLite")
                outcomes.append(outcome)
                _try(outcome, partial(_batter, there, outcome, random.Random(seed), seconds, every))
                _try(outcome, partial(_judge, there, outcome, lease + starting))
            _try(outcome, there.stop)
            _try(outcome, lambda: wait_until(gone(list(there.seen)), 5, "all processes are gone"))
            outcome.faults += [f"left over: {one}" for one in there.left_over()]
            outcome.log = there.service.log.read_text(errors="replace")
    return outcomes


def _try(outcome: Outcome, part: Callable[[], None]) -> None:
    try:
        part()
    except (AssertionError, subprocess.SubprocessError) as error:
        outcome.faults.append(str(error))


def run_by_seed(seed: int, *, seconds: float, every: float, only: str | None) -> Outcome:
    """A run by its seed: the even ones on PostgreSQL."""
    on_postgres = only == "postgresql" if only else seed % 2 == 0
    return run([seed], seconds=seconds, every=every, on_postgres=on_postgres)[0]


def _batter(there: Arena, outcome: Outcome, dice: random.Random, seconds: float, every: float) -> None:
    service = there.service
    service.publish(5)
    wait_until(lambda: service.wire.inbox, 60, "the service is at work")
    planned = plan(there, dice, seconds, every)
    outcome.blows = [str(one) for one in planned]
    began, pause = time.monotonic(), threading.Event()
    coming = [(one.at, number, one) for number, one in enumerate(planned)]
    to_mend: list[tuple[float, Mend]] = []
    next_story = 0.0
    while (now := time.monotonic() - began) < seconds * (1 - _CALM) or to_mend or coming:
        if now >= next_story:
            service.publish()
            next_story = now + _EVERY
        for mended in [one for one in to_mend if one[0] <= now]:
            to_mend.remove(mended)
            mended[1]()
        if coming and coming[0][0] <= now:
            at, _, one = coming.pop(0)
            to_mend.append((at + one.lasting, one.blow.strike(there, dice)))
        pause.wait(0.05)


def _judge(there: Arena, outcome: Outcome, bound: float) -> None:
    """All is told within so many seconds, and at last in any case."""
    service, began = there.service, time.monotonic()
    service.publish(_LAST)
    faults: list[str] = []

    def is_done() -> bool:
        # One look decides and is told of: a page that is read a moment later may add a telling that is on its way.
        try:
            faults[:] = service.faults()
        except DatabaseError:
            return False
        return not faults

    try:
        wait_until(is_done, bound, "every story is told")
    except AssertionError:
        outcome.waiting = [f"at {datetime.now(UTC)}", *service.waiting()]
        wait_until(is_done, 180, "every story is told")
    finally:
        outcome.recovered = time.monotonic() - began
        outcome.stories = len(service.truth())
        outcome.faults += faults
        outcome.sent_twice = service.sent_twice()
    if outcome.recovered > bound:
        outcome.faults.append(f"back only after {outcome.recovered:.0f} s")
