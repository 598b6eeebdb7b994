"""One measured point: a workload, a regime, a setting, so many namespaces; and whether it is valid.

A point is valid where Python's own CPU time is small beside what is modelled: CPU time of a round
under 10 percent of the stretched time that a round holds RTNL, and the interpreter not near
saturation (`UTILISATION_MAX`), for threads that queue for the interpreter model no lock.  And the
sleeps must last about as long as they were to: on a machine where others run they do not.
Everything is scaled back by the stretch factor, except CPU time: that is Python's, shown as it is.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.model import booted, end_waits, stretched, warm
from benchmarks.requesters import Load, drive
from benchmarks.statistic import rate_of_intervals
from benchmarks.watch import BARRIER_LOCK, Wait, WatchedChecker

if TYPE_CHECKING:
    from benchmarks.bench import Run
    from benchmarks.workloads import Workload

__all__ = ["CPU_SHARE_MAX", "Point", "measure_point"]

CPU_SHARE_MAX = 0.10
"""CPU time of a round over the stretched RTNL hold time of a round."""
UTILISATION_MAX = 0.60
"""CPU seconds per second, of the one interpreter lock (of all CPUs, free-threaded)."""
OVERRUN_MAX = 0.15
SERIAL = ("global", "small")
OUTSIDE = frozenset({"rcu_barrier", "synchronize_rcu_expedited"})
"""Modelled sleeps that happen with RTNL dropped."""


@dataclass(slots=True)
class Point:
    """One row of a table.  Rates and times as the modelled kernel's: scaled back."""

    workload: str
    setting: str
    regime: str
    n: int
    stretch: float
    rates: list[float] = field(default_factory=list)
    """Rounds per second, by part of the window."""
    rate: float | None = None
    p50: float | None = None
    p99: float | None = None
    worst: float | None = None
    lock_wait: float = 0.0
    """Seconds a round waits for locks, all its threads together, the shared barrier left out."""
    hold: float = 0.0
    """Seconds a round is to sleep with RTNL held."""
    overrun: float = 0.0
    """Seconds by which a round's sleeps with RTNL held lasted longer than they were to."""
    cpu: float = 0.0
    """CPU seconds of a round: Python's, not scaled."""
    utilisation: float = 0.0
    rounds: int = 0
    starved: int = 0
    """Requesters that ended no round in all the time there was."""
    failures: list[str] = field(default_factory=list)

    @property
    def cpu_share(self) -> float:
        """CPU time over the stretched hold time of a round."""
        return self.cpu / (self.hold * self.stretch) if self.hold else float("inf")

    @property
    def overrun_share(self) -> float:
        """Overrun over what it delays: others, where RTNL is global, else only the round itself."""
        base = self.hold if self.regime in SERIAL else self.p50 or 0.0
        return self.overrun / base if base else 0.0

    @property
    def python_share(self) -> float:
        """Python's own time over what it may be: above 1 the waits need more stretching."""
        if self.hold <= 0:
            return 0.0
        return max(self.cpu_share / CPU_SHARE_MAX, self.utilisation / UTILISATION_MAX)

    @property
    def invalid(self) -> str:
        """Why it says nothing about the kernel; empty: it is valid."""
        if self.failures:
            return f"failed: {self.failures[0][:60]}"
        if self.rate is None:
            return f"{self.starved} of {self.n} ended no round"
        if self.overrun_share > OVERRUN_MAX:
            return f"machine busy: sleeps {self.overrun_share:.0%} over"
        if self.cpu_share > CPU_SHARE_MAX:
            return f"CPU {self.cpu_share:.0%} of hold"
        if self.utilisation > UTILISATION_MAX:
            return f"CPU {self.utilisation:.0%} busy"
        return ""

    def to_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        found["invalid"] = self.invalid
        return found


def measure_point(
    run: Run,
    workload: Workload,
    *,
    regime: str,
    setting: str,
    n: int,
    stretch: float,
    seconds: float,
) -> Point:
    """Boot a kernel, let the requesters work, scale back."""
    what = f"{workload.name}, {setting}, {regime}, {n}"
    timing = stretched(setting, stretch)
    with booted(regime, stretched("zero", 1.0)) as k:
        rounds = workload.prepare(k, n)
        warm(k, rounds, timing)
        chk = k.chk
        assert isinstance(chk, WatchedChecker)
        load = drive(
            rounds,
            seconds=seconds,
            seconds_max=max(4 * seconds, 45.0),
            rounds_min=1 if run.quick else 2,
            thread=chk.Thread,
            finish=lambda: end_waits(k),
            progress=lambda text: run.progress(f"{what}: {text}"),
        )
        waits = list(chk.waits)
    return _scaled_back(Point(workload.name, setting, regime, n, stretch), load, waits)


def _scaled_back(point: Point, load: Load, waits: list[Wait]) -> Point:
    stretch = point.stretch
    point.rounds = len(load.latencies)
    point.rate = None if load.rate is None else load.rate * stretch
    point.rates = [rate * stretch for rate in load.rates]
    point.starved = load.starved
    for name, share in (("p50", 0.5), ("p99", 0.99), ("worst", 1.0)):
        latency = load.latency(share)
        setattr(point, name, None if latency is None else latency / stretch)
    totals = _totals(waits, load.begin, load.end)
    each = stretch * max(1.0, (load.rate or 0.0) * (load.end - load.begin))
    point.lock_wait = totals["lock"] / each
    whole = _totals(waits, load.started, load.end)  # bursts may miss a short window
    spent = load.end - load.started
    rounds = rate_of_intervals(load.rounds, load.started, load.end) * spent if spent > 0 else 0.0
    point.hold = whole["asked"] / (stretch * max(1.0, rounds))
    point.overrun = (whole["held"] - whole["asked"]) / (stretch * max(1.0, rounds))
    point.cpu = load.cpu_per_round
    point.utilisation = load.utilisation
    point.failures = load.failures
    return point


def _totals(waits: list[Wait], begin: float, end: float) -> dict[str, float]:
    """Seconds of the window spent in waits: for locks, and asleep with RTNL held."""
    totals: dict[str, float] = defaultdict(float)
    for wait in waits:
        inside = min(wait.end, end) - max(wait.begin, begin)
        if inside <= 0:
            continue
        if wait.kind == "lock" and wait.name != BARRIER_LOCK:
            totals["lock"] += inside
        elif wait.kind == "sleep" and wait.name not in OUTSIDE:
            totals["held"] += inside
            totals["asked"] += wait.asked * inside / (wait.end - wait.begin)
    return totals
