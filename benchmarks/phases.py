"""Where the time of a create-and-delete goes: modelled sleeps, locks, other threads, Python.

Each thread's waits are recorded by name (`watch.py`).  The requester's round is split into its
waits, and what is left is Python's own time; the same for each run of a per-netns work, from the
moment that it was queued.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.model import booted, end_waits, stretched, warm
from benchmarks.requesters import Load, drive
from benchmarks.svg import Bar, StackedBars, grid
from benchmarks.table import Table
from benchmarks.watch import BARRIER_LOCK, Wait, WatchedChecker
from benchmarks.workloads import WORKLOADS
from rtnl_model.kernel.kernel import Kernel
from rtnl_model.kernel.net_namespace import Net
from rtnl_model.kernel.overlay import Fix
from rtnl_model.kernel.rcu import Rcu
from rtnl_model.kernel.rtnl_work import RtnlWork, Work

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.bench import Run

__all__ = ["DESCRIPTION", "PHASES", "phase_of", "run"]

DESCRIPTION = "where the time goes: grace periods, notifiers, barrier, locks, works"

PHASES = (
    "work latency",
    "lock: RTNL",
    "lock: other",
    "registration",
    "backlog flush",
    "grace period 1",
    "notifiers",
    "sysfs",
    "grace period 2",
    "rcu_barrier",
    "references",
    "rest (Python)",
)
"""In the order of an unregistration, the order of the bars."""

SLEEPS = {
    "register": "registration",
    "flush_all_backlogs": "backlog flush",
    "notifiers": "notifiers",
    "sysfs": "sysfs",
    "rcu_barrier": "rcu_barrier",
}
RTNL_CLASSES = ("rtnl_mutex", "&net->rtnl_mutex")
REGIMES = ("global", "small", "pernet")


@dataclass(slots=True)
class Split:
    """Mean milliseconds of modelled time by phase, for one kind of thread."""

    label: str
    runs: int = 0
    whole: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)


def run(run: Run) -> None:
    """Two settings, three regimes, few and many namespaces."""
    counts = (4,) if run.quick else (1, 16)
    seconds = 0.7 if run.quick else 6.0
    plots = []
    for setting in ("idle", "busy"):
        splits = []
        for n in counts:
            for regime in REGIMES:
                run.progress(f"{setting}, {regime}, {n}")
                splits += _measure(run, regime, setting, n, seconds)
        table = Table(
            f"veth between two namespaces, {setting}: mean ms of modelled time",
            ["phase", *(split.label for split in splits)],
        )
        for phase in PHASES:
            values = [split.parts.get(phase, 0.0) for split in splits]
            if any(value >= 0.005 for value in values):
                table.add(phase, *values)
        table.add("whole", *(split.whole for split in splits))
        table.add("how many", *(split.runs for split in splits))
        table.notes.append(
            "request: one create and one delete; work: one run of a namespace's own work, from "
            "the moment it was queued"
        )
        run.table(table)
        run.data(setting, {split.label: split.parts for split in splits})
        bars = [Bar(split.label, split.parts) for split in splits]
        title = f"veth between two namespaces, {setting}"
        plots.append(StackedBars(title, "ms of modelled time", PHASES, bars))
    run.plot("phases", grid(plots, columns=1))


def _measure(run: Run, regime: str, setting: str, n: int, seconds: float) -> list[Split]:
    stretch = run.stretch if setting == "idle" else run.stretch / 10
    stretch = max(1.0, stretch / 2 if run.quick else stretch)
    layers = [Fix("phases", "names for grace periods and work latency", "", LAYER)]
    with booted(regime, stretched("zero", 1.0), overlays=layers) as k:
        rounds = WORKLOADS["veth-across"].prepare(k, n)
        warm(k, rounds, stretched(setting, stretch))
        chk = k.chk
        assert isinstance(chk, WatchedChecker)
        load = drive(
            rounds,
            seconds=seconds,
            seconds_max=max(20.0, 3 * seconds),
            thread=chk.Thread,
            finish=lambda: end_waits(k),
        )
        waits = list(chk.waits)
    assert not load.failures, load.failures[0]
    return _split(f"{regime} {n}", load, waits, 1e3 / stretch)


def _split(label: str, load: Load, waits: list[Wait], scale: float) -> list[Split]:
    """Requests and works that were over inside the window, with the waits of each."""
    works: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for wait in waits:
        if wait.kind == "work" and load.begin <= wait.end <= load.end:
            works[wait.thread].append((wait.begin, wait.end))
    requests = {
        name: [(a, b) for a, b in rounds if load.begin <= b <= load.end]
        for name, rounds in load.by_requester.items()
    }
    found = [
        _one_split(f"{label} request", requests, waits, scale),
        _one_split(f"{label} work", works, waits, scale),
    ]
    return [split for split in found if split.runs]


def _one_split(
    label: str,
    intervals: Mapping[str, Sequence[tuple[float, float]]],
    waits: list[Wait],
    scale: float,
) -> Split:
    """Means over `intervals`, by thread; a wait belongs to the interval it began in."""
    split = Split(label, runs=sum(len(each) for each in intervals.values()))
    if not split.runs:
        return split
    factor = scale / split.runs
    split.whole = factor * sum(b - a for each in intervals.values() for a, b in each)
    sums: dict[str, float] = defaultdict(float)
    for wait in waits:
        if wait.kind != "work" and any(
            a <= wait.begin and wait.end <= b for a, b in intervals.get(wait.thread, ())
        ):
            sums[phase_of(wait)] += factor * (wait.end - wait.begin)
    split.parts = dict(sums)
    split.parts["rest (Python)"] = max(0.0, split.whole - sum(sums.values()))
    return split


def phase_of(wait: Wait) -> str:
    """The phase that a wait belongs to."""
    if wait.kind == "lock":
        if wait.name == BARRIER_LOCK:
            return "rcu_barrier"
        return "lock: RTNL" if wait.name in RTNL_CLASSES else "lock: other"
    if wait.kind == "refs":
        return "references"
    return SLEEPS.get(wait.name, wait.name)


# -- names for what the kernel's own files do not distinguish --


class NamedGracePeriods(Rcu):
    """The two grace periods of an unregistration, by the flush that comes before the first."""

    def __init__(self, k: Kernel) -> None:
        super().__init__(k)
        self.following = threading.local()

    def flush_all_backlogs(self) -> None:
        super().flush_all_backlogs()
        self.following.name = "grace period 1"

    def _sleep(self, length: float, name: str) -> None:
        if name == "synchronize_net":
            name = getattr(self.following, "name", name)
            self.following.name = "grace period 2" if name == "grace period 1" else "elsewhere"
        super()._sleep(length, name)


class TimedWork(RtnlWork):
    """When a work was queued, when it began, when it was over."""

    def __init__(self, k: Kernel) -> None:
        super().__init__(k)
        self.since: dict[str, float] = {}

    def queue_work(self, work: Work) -> None:
        self.since.setdefault(work.net.label, time.perf_counter())
        super().queue_work(work)

    def rtnl_net_work_func(self, net: Net) -> None:
        queued = self.since.pop(net.label, None)
        if queued is not None:
            self.k.chk.record("latency", "work latency", queued)
        super().rtnl_net_work_func(net)
        if queued is not None:
            self.k.chk.record("work", "whole", queued)


LAYER = {"rcu": NamedGracePeriods, "rtnl_work": TimedWork}
