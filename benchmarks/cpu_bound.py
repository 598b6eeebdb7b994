"""No modelled waits at all: what the locks cost when the work is the interpreter's own.

On the free-threaded build threads really run at once, so `global` stays at one CPU's worth and
`pernet` can use the second; with a GIL every regime stays at one, whatever it locks.  The work is
Python's, so this says which regime lets work run in parallel, and nothing about a kernel's speed.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from benchmarks.model import NO_LOCK, REGIMES, booted, stretched, warm
from benchmarks.requesters import drive
from benchmarks.statistic import Figure, ratios
from benchmarks.table import Table
from benchmarks.workloads import WORKLOADS

if TYPE_CHECKING:
    from benchmarks.bench import Run

__all__ = ["cpu_bound"]


def cpu_bound(run: Run) -> None:
    """Rounds per second of one requester and of one for each CPU, no waits."""
    cpus = max(2, len(os.sched_getaffinity(0)))
    repeats, seconds = (2, 0.2) if run.quick else (7, 1.0)
    rates: dict[tuple[str, int], list[float]] = {}
    for turn in range(repeats):
        for regime in REGIMES:
            for n in (1, cpus):
                run.progress(f"CPU-bound, {regime}, {n} requesters, turn {turn + 1}")
                rates.setdefault((regime, n), []).append(_rate(regime, n, seconds))
    table = Table(
        "CPU-bound: veth rounds per second, no modelled waits, Python's own work",
        ["regime", "1 requester", f"{cpus} requesters", "scaling", "/no-lock"],
        digits=2,
    )
    for regime in REGIMES:
        one, many = rates[regime, 1], rates[regime, cpus]
        table.add(
            regime,
            Figure.of(one),
            Figure.of(many),
            ratios(many, one),
            ratios(many, rates[NO_LOCK, cpus]),
        )
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    table.notes.append(
        "with a GIL one thread runs at a time: no regime can scale here"
        if gil
        else "free-threaded: what scales is what does not share a lock"
    )
    run.table(table)
    run.data("cpu_bound", {f"{regime}/{n}": values for (regime, n), values in rates.items()})


def _rate(regime: str, n: int, seconds: float) -> float:
    with booted(regime, stretched("zero", 1.0)) as k:
        rounds = WORKLOADS["veth"].prepare(k, n)
        warm(k, rounds, k.timing)
        load = drive(rounds, seconds=seconds, seconds_max=10 * seconds, thread=k.chk.Thread)
    assert not load.failures, load.failures[0]
    assert load.rate is not None
    return load.rate
