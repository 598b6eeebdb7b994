"""DPOR against brute force on random programs.


    python tests/lockcheck/explore/brute_force.py --programs 5000 --seed 1

For each program the set of (order, verdict, outcome) over all schedules must be the same.  Half of
them are tried with the usual bound on early timers: there DPOR may reach less, where it says that
the bound cut something, and nothing besides.  Programs
with more than `--limit` schedules are passed over and not counted.  `--interleavings` passes over,
without running them, programs that would have too many if nothing ever blocked: most of them are
too long, and found to be so only after `--limit` runs.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[3]), str(Path(__file__).parent)]

from random_programs import Program, TooManyError, explore, explore_within, random_program

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.pool import Pool
from lockcheck.conduct.stuck import EARLY_TIMERS
from lockcheck.explore.dfs import Dfs
from lockcheck.explore.dpor import Dpor


@dataclass
class Compared:
    """What came of the comparison."""

    programs: int = 0
    too_long: int = 0
    cut: int = 0
    """Of which the bound on early timers left something out."""
    deadlocking: int = 0
    orders: int = 0
    brute_runs: int = 0
    dpor_runs: int = 0
    mismatch: Program | None = None
    missing: int = 0

    def __str__(self) -> str:
        return (
            f"{self.programs} programs ({self.deadlocking} can deadlock, {self.too_long} passed "
            f"over, {self.cut} cut by the bound on timers), {self.orders} orders: "
            f"{self.brute_runs} runs by brute force, {self.dpor_runs} by DPOR"
        )


def compare(
    c: ControlledConductor, programs: int, seed: int, limit: int, interleavings: int | None = None
) -> Compared:
    """Compare until `programs` programs agreed or one did not."""
    done = Compared()
    number = 0
    while done.programs < programs and done.mismatch is None:
        program = random_program(random.Random(seed * 1_000_003 + number))
        number += 1
        if interleavings is not None and program.interleavings() > interleavings:
            done.too_long += 1
            continue
        try:
            c.early_timers = EARLY_TIMERS if number % 2 else None
            wanted, brute_runs = explore(c, program, Dfs(), limit)
        except TooManyError:
            done.too_long += 1
            continue
        got, dpor_runs, cut = explore_within(c, program, Dpor(), 20 * limit)
        done.programs += 1
        done.orders += len(wanted)
        done.deadlocking += any(verdict == -2 for _order, verdict, _outcome in wanted)
        done.brute_runs += brute_runs
        done.dpor_runs += dpor_runs
        done.cut += cut
        if got != wanted and not (cut and got < wanted):
            done.mismatch = program
            done.missing = len(wanted - got)
    return done


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=400)
    parser.add_argument("--interleavings", type=int)
    options = parser.parse_args()
    print(f"seed {options.seed}")
    began = time.monotonic()
    with Pool() as pool:
        done = compare(
            ControlledConductor(pool),
            options.programs,
            options.seed,
            options.limit,
            options.interleavings,
        )
    print(f"{done}; {time.monotonic() - began:.0f} s; seed {options.seed}")
    if done.mismatch is not None:
        print(f"MISMATCH, {done.missing} results missing:\n{done.mismatch.text()}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
