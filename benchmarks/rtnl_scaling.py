"""Global against per-netns RTNL: throughput, latency and lock wait, by the number of namespaces.

First the credibility check: the model in `global`, with the idle host's waits, must give the curve
that a real host gave.  Then every workload in `global`, `small`, `pernet` and without any lock, on
an idle and on a busy host's waits.  Then, without waits, what the interpreter itself allows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmarks.cpu_bound import cpu_bound
from benchmarks.host_curve import HOST, TOLERANCE, predict
from benchmarks.model import NO_LOCK, REGIMES, stretched
from benchmarks.point import Point, measure_point
from benchmarks.statistic import Figure
from benchmarks.svg import LinePlot, Series, grid
from benchmarks.svg import Point as Dot
from benchmarks.table import Table
from benchmarks.workloads import WORKLOADS, Workload

if TYPE_CHECKING:
    from benchmarks.bench import Run

__all__ = ["DESCRIPTION", "run"]

DESCRIPTION = "create and delete under global RTNL, small RTNL, per-netns RTNL and no lock at all"

BUSY_STRETCH_SHARE = 0.1
"""The busy setting's waits are a hundred times longer: they need less stretching, and up to `FEW`
requesters half of that."""
FEW = 8
LONGEST = 8
"""How many times longer than asked waits may be stretched where Python's time shows."""
QUICK_LONGER = 2
"""With --quick nothing is measured again, so idle waits are stretched more from the start."""
TARGET = 0.90
"""`pernet` over the no-lock bound, on independent work."""
NOTHING = 1.10
"""Below this ratio of `pernet` to `global`, removing RTNL buys nothing."""
INDEPENDENT = ("veth", "veth-across", "bareudp")

FULL: dict[tuple[str, str], tuple[int, ...]] = {
    (name, setting): (1, 4, 16, 64) for name in WORKLOADS for setting in ("idle", "busy")
}
QUICK: dict[tuple[str, str], tuple[int, ...]] = {
    ("veth", "idle"): (64,),
    ("veth", "busy"): (1, 8),
}
"""Namespaces to measure, by workload and setting."""


def run(run: Run) -> None:
    """Credibility, comparison, CPU-bound variant."""
    checked = _credibility(run)
    points = _comparison(run, checked)
    _conclude(run, points)
    _plot(run, checked, points)
    cpu_bound(run)


def _stretch(run: Run, setting: str, n: int) -> float:
    if setting == "idle":
        return run.stretch * (QUICK_LONGER if run.quick else 1)
    return max(1.0, run.stretch * BUSY_STRETCH_SHARE / (2 if n <= FEW else 1))


def _credibility(run: Run) -> dict[int, Point]:
    counts = (1, 2, 64) if run.quick else tuple(HOST)
    seconds = 1.0 if run.quick else 6.0
    repeats = 1 if run.quick else 3
    table = Table(
        "credibility: veth pairs per second, model in `global`, `idle`, against the measured host",
        [
            "requesters", "host", "host min–max", "waits alone", "model", "model/host",
            "within 30%", "CPU/hold", "stretch", "valid",
        ],
        digits=0,
    )  # fmt: skip
    idle = stretched("idle", 1.0)
    create = 2 * idle.register
    delete = 2 * idle.synchronize_net + idle.flush_all_backlogs + 2 * (idle.notifiers + idle.sysfs)
    found: dict[int, Point] = {}
    good = True
    for n in counts:
        point = found[n] = _merged(_repeated(run, n, seconds, repeats))
        alone = predict(n, create=create, delete=delete, barrier=idle.rcu_barrier)
        host = HOST[n]
        ratio = None if point.rate is None else point.rate / host.pairs
        near = ratio is not None and abs(ratio - 1) <= TOLERANCE
        good = good and near
        table.add(
            n,
            host.pairs,
            f"{host.low:,.0f}–{host.high:,.0f}",
            alone.pairs,
            Figure.of(point.rates) if point.rates else None,
            None if ratio is None else f"{ratio:.2f}",
            "yes" if near else "NO",
            f"{point.cpu_share:.1%}",
            f"{point.stretch:g}",
            point.invalid or "yes",
        )
    table.notes.append(
        "the host: Linux 6.18, 2 CPUs, one process a netns; its curve is not flat, because the "
        "barrier is shared and outside RTNL"
    )
    table.notes.append(
        f"RTNL held a round: {1e3 * (create + delete):.2f} ms; "
        f"barrier: {1e3 * idle.rcu_barrier:g} ms"
    )
    run.table(table)
    run.data("credibility", {str(n): point.to_dict() for n, point in found.items()})
    if not good:
        run.note("NOT CREDIBLE at every point: read what follows with that in mind")
    return found


def _repeated(run: Run, n: int, seconds: float, repeats: int) -> list[Point]:
    """One point of the check, on a longer stretch where Python's time shows."""
    asked = stretch = _stretch(run, "idle", n)
    points: list[Point] = []
    while len(points) < repeats:
        point = _one(run, WORKLOADS["veth"], "idle", n, "global", stretch, seconds)
        longer = _longer(run, point, asked)
        points = [] if longer else [*points, point]
        stretch = longer or stretch
    return points


def _longer(run: Run, point: Point, asked: float) -> float:
    """The stretch on which Python's time would not show in this point; 0: it may stay."""
    longer = point.stretch * 2 ** math.ceil(math.log2(max(1.0, point.python_share)))
    return longer if point.stretch < longer <= LONGEST * asked and not run.quick else 0.0


def _merged(points: list[Point]) -> Point:
    """Repeated runs of one point: the median one, with all rates for the range."""
    known = sorted((p for p in points if p.rate is not None), key=lambda p: p.rate or 0.0)
    if not known:
        return points[0]
    middle = known[len(known) // 2]
    if len(known) > 1:
        middle.rates = [p.rate for p in known if p.rate is not None]
    return middle


def _comparison(run: Run, checked: dict[int, Point]) -> list[Point]:
    points: list[Point] = []
    plan = QUICK if run.quick else FULL
    for (name, setting), counts in plan.items():
        workload = WORKLOADS[name]
        rows: list[Point] = []
        for n in counts:
            known = None
            if (name, setting) == ("veth", "idle") and run.quick:
                known = checked[n]
            rows += _regimes(run, workload, setting, n, known)
        run.table(_table(run, workload, setting, rows))
        points += rows
    run.data("points", [point.to_dict() for point in points])
    return points


def _regimes(
    run: Run, workload: Workload, setting: str, n: int, known: Point | None
) -> list[Point]:
    """One point in every regime, all on one stretch: a longer one where Python's time shows."""
    stretch = _stretch(run, setting, n)
    points: list[Point] = []
    while len(points) < len(REGIMES):
        regime = REGIMES[len(points)]
        if known is not None and known.regime == regime:
            points.append(known)
            continue
        point = _one(run, workload, setting, n, regime, stretch)
        longer = _longer(run, point, _stretch(run, setting, n))
        points = [] if longer else [*points, point]
        stretch = longer or stretch
    return points


def _one(
    run: Run,
    workload: Workload,
    setting: str,
    n: int,
    regime: str,
    stretch: float,
    seconds: float = 0.0,
) -> Point:
    return measure_point(
        run,
        workload,
        regime=regime,
        setting=setting,
        n=n,
        stretch=stretch,
        seconds=seconds or (0.6 if run.quick else 4.0),
    )


def _table(run: Run, workload: Workload, setting: str, rows: list[Point]) -> Table:
    table = Table(
        f"{workload.name}, {setting} ({workload.story})",
        [
            "n", "regime", "rounds/s", "/no-lock", "p50 ms", "p99 ms", "max ms",
            "lock wait ms", "CPU ms", "stretch", "valid",
        ],
        digits=1,
    )  # fmt: skip
    bounds = {p.n: p.rate for p in rows if p.regime == NO_LOCK}
    for point in rows:
        bound = bounds.get(point.n)
        share = point.rate / bound if point.rate and bound else None
        table.add(
            point.n,
            point.regime,
            Figure.of(point.rates) if point.rates else None,
            None if share is None else f"{share:.0%}",
            _ms(point.p50),
            _ms(point.p99),
            _ms(point.worst),
            1e3 * point.lock_wait,
            1e3 * point.cpu,
            f"{point.stretch:g}",
            point.invalid or "yes",
        )
    table.notes.append(f"n: {workload.axis}; CPU is Python's own and is not scaled back")
    return table


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1e3 * seconds


def _conclude(run: Run, points: list[Point]) -> None:
    """Say in sentences what the tables say in numbers."""
    by = {(p.workload, p.setting, p.n, p.regime): p for p in points}
    table = Table(
        "what removing RTNL buys: rounds per second of `pernet` over `global`, and over no lock",
        ["workload", "setting", "n", "pernet/global", "pernet/no-lock", "target 90%", "verdict"],
    )
    for workload, setting, n, regime in by:
        if regime != "pernet":
            continue
        three = [by[workload, setting, n, r] for r in ("pernet", "global", NO_LOCK)]
        rates = [p.rate for p in three]
        if rates[0] is None or rates[1] is None or rates[2] is None:
            continue
        gain, share = rates[0] / rates[1], rates[0] / rates[2]
        invalid = next((p.invalid for p in three if p.invalid), "")
        asked = workload in INDEPENDENT
        verdict = "buys nothing" if gain < NOTHING else f"{gain:.1f} times as fast"
        if gain < 1 / NOTHING:
            verdict = "costs"
        table.add(
            workload,
            setting,
            n,
            gain,
            share,
            ("yes" if share >= TARGET else "NO") if asked else "",
            f"invalid: {invalid}" if invalid else verdict,
        )
    run.table(table)


def _plot(run: Run, checked: dict[int, Point], points: list[Point]) -> None:
    host = Series("host, measured", [Dot(n, h.pairs, h.low, h.high) for n, h in HOST.items()])
    host.dashed = True
    model = Series("model, global, idle", [_dot(p) for p in checked.values() if p.rate])
    plots = [
        LinePlot(
            "credibility: veth pairs per second",
            "requesters, one netns each",
            "pairs/s",
            [host, model],
            log_x=True,
            log_y=True,
        )
    ]
    for name in dict.fromkeys(p.workload for p in points):
        for setting in ("idle", "busy"):
            rows = [p for p in points if (p.workload, p.setting) == (name, setting) and p.rate]
            lines = [
                Series(regime, [_dot(p) for p in rows if p.regime == regime], regime == NO_LOCK)
                for regime in REGIMES
            ]
            lines = [line for line in lines if line.points]
            if lines:
                axis = WORKLOADS[name].axis
                title = f"{name}, {setting}: rounds per second"
                plots.append(LinePlot(title, axis, "rounds/s", lines, log_x=True, log_y=True))
    run.plot("rtnl_scaling", grid(plots))


def _dot(point: Point) -> Dot:
    rates = point.rates or [point.rate or 0.0]
    return Dot(point.n, point.rate or 0.0, min(rates), max(rates), valid=not point.invalid)
