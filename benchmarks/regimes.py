"""What each regime costs where there is nothing to gain: one requester, nobody to wait for.

Python's own CPU time of a create-and-delete without any modelled wait, the works that it caused
included; then how long a round takes with the idle host's waits.  `small` is a debug option in the
kernel as well: it adds locks and assertions to what `global` does and removes none.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.lock_timing import collector_off
from benchmarks.model import booted, stretched, warm
from benchmarks.point import measure_point
from benchmarks.statistic import Figure, ratios
from benchmarks.table import Table
from benchmarks.workloads import WORKLOADS

if TYPE_CHECKING:
    from benchmarks.bench import Run
    from rtnl_model.kernel.kernel import Kernel

__all__ = ["DESCRIPTION", "run"]

DESCRIPTION = "what delegation and the debug option cost when there is one namespace"

REGIMES = ("global", "small", "pernet")
SECONDS_MAX = 1.0
"""For the turns of one workload with --quick."""


def run(run: Run) -> None:
    """CPU time without waits, then the latency with them."""
    _cpu(run)
    _latency(run)


def _cpu(run: Run) -> None:
    turns, rounds = (3, 10) if run.quick else (15, 60)
    names = [name for name in WORKLOADS if name != "netns"]
    table = Table(
        "one requester, no modelled waits: CPU ms of a round, its works included",
        ["workload", *REGIMES, "small/global", "pernet/global"],
    )
    raw = {}
    for name in names:
        times = _turns(run, name, turns, rounds)
        raw[name] = times
        table.add(
            name,
            *(Figure.of(times[regime]).scaled(1e3) for regime in REGIMES),
            ratios(times["small"], times["global"]),
            ratios(times["pernet"], times["global"]),
        )
    table.notes.append("Python's time: how much more there is to do, not how long a kernel takes")
    run.table(table)
    run.data("cpu", raw)


def _turns(run: Run, name: str, turns: int, rounds: int) -> dict[str, list[float]]:
    """CPU seconds a round, by regime, measured in turns on kernels that all stay up."""
    times: dict[str, list[float]] = {regime: [] for regime in REGIMES}
    with ExitStack() as stack:
        work: dict[str, tuple[Kernel, object]] = {}
        for regime in REGIMES:
            k = stack.enter_context(booted(regime, stretched("zero", 1.0)))
            ready = WORKLOADS[name].prepare(k, 1)
            warm(k, ready, k.timing)
            work[regime] = (k, ready[0])
        limit = time.perf_counter() + SECONDS_MAX
        for turn in range(turns + 1):
            if run.quick and turn > 1 and time.perf_counter() > limit:
                break
            for regime, (k, round_) in work.items():
                run.progress(f"{name}, {regime}, turn {turn}")
                assert callable(round_)
                with collector_off():
                    begin = time.process_time()
                    for _ in range(rounds):
                        round_()
                    k.quiesce()
                    spent = (time.process_time() - begin) / rounds
                if turn:  # the first turn makes the chains known
                    times[regime].append(spent)
    return times


def _latency(run: Run) -> None:
    seconds = 0.8 if run.quick else 4.0
    names = ("veth-across",) if run.quick else ("veth", "veth-across", "bareudp", "ipvlan")
    table = Table(
        "one requester, idle host's waits: ms of a round (median), modelled time",
        ["workload", *REGIMES, "small/global", "pernet/global"],
    )
    for name in names:
        found = {}
        for regime in REGIMES:
            point = measure_point(
                run,
                WORKLOADS[name],
                regime=regime,
                setting="idle",
                n=1,
                stretch=run.stretch,
                seconds=seconds,
            )
            found[regime] = None if point.p50 is None else 1e3 * point.p50
        base = found["global"]
        shares = [
            None if base is None or value is None else value / base
            for value in (found["small"], found["pernet"])
        ]
        table.add(name, *found.values(), *shares)
    table.notes.append(
        "rounds follow each other at once: where the peer is delegated, its work's barrier still "
        "runs when the next round comes to its own, so a round sees two; a single deletion does not"
    )
    run.table(table)
