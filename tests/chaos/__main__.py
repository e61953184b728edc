"""Many runs, a line each: python -m tests.chaos --runs 100 --seconds 120 --at-once 3."""

import argparse
import multiprocessing
import os
import sys
from functools import partial
from pathlib import Path

from tests.chaos.run import Outcome, run_by_seed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="how many, on SQLite and PostgreSQL by turns")
    parser.add_argument("--first", type=int, default=1, help="the seed of the first")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--every", type=float, default=6.0, help="a blow about every so many seconds")
    parser.add_argument("--at-once", type=int, default=os.cpu_count())
    parser.add_argument("--logs", type=Path, help="a folder for the logs of runs with faults")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    told = parser.parse_args()
    outcomes: list[Outcome] = []
    one = partial(run_by_seed, seconds=told.seconds, every=told.every, only=told.only)
    # A process a run, so that what one of them does to its own process is not the next one's.
    with multiprocessing.get_context("spawn").Pool(told.at_once, maxtasksperchild=1) as pool:
        for outcome in pool.imap_unordered(one, range(told.first, told.first + told.runs)):
            outcomes.append(outcome)
            print(outcome, flush=True)
            if outcome.faults and told.logs:
                told.logs.mkdir(exist_ok=True)
                name = told.logs / f"{outcome.seed}.log"
                name.write_text("\n".join([*outcome.blows, *outcome.faults, *outcome.waiting, outcome.log]))
    bad = sum(bool(one.faults) for one in outcomes)
    slowest = max(one.recovered for one in outcomes)
    blows = sum(len(one.blows) for one in outcomes)
    print(
        f"{len(outcomes)} runs, {blows} blows, {sum(one.stories for one in outcomes)} stories, "
        f"{bad} runs with faults, back after {slowest:.1f} s at the latest"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
