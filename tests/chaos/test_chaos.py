"""Ten short runs of the driver, by five on either database; a hundred long ones: python -m tests.chaos --runs 100."""

from collections.abc import Callable

import pytest

from tests.chaos.run import run

pytestmark = pytest.mark.live


@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_nothing_is_lost_doubled_or_left_over_whatever_breaks(database: str, tell: Callable[[str], None]) -> None:
    seeds = range(1, 11)[database == "PostgreSQL" :: 2]
    # A busy machine may take long to start processes anew; the long runs are judged more strictly.
    outcomes = run(
        seeds, seconds=7, every=0.9, lease=6.0, stall=12.0, starting=90.0, on_postgres=database == "PostgreSQL"
    )
    for outcome in outcomes:
        print("\n".join([*outcome.blows, *outcome.faults, *outcome.waiting, outcome.log[-6000:]]))
    blows = sum(len(outcome.blows) for outcome in outcomes)
    slowest = max(outcome.recovered for outcome in outcomes)
    tell(f"{database}: {len(seeds)} runs, {blows} blows, {outcomes[-1].stories} stories, back after {slowest:.1f} s")
    assert blows > len(seeds)
    assert [fault for outcome in outcomes for fault in outcome.faults] == []
