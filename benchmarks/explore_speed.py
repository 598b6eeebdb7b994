"""What a scheduling point costs, in hand-overs of a raw eventfd ping-pong; schedules a second.

Ratios are taken round by round within one process pinned to one core: a round times the ping-pong,
then points of two threads that never switch, then of two that switch at each point, each with bare
objects and with checked locks.  A *step* is one acquire and release of a lock of one's own: one
scheduling point and one silent operation.
"""

from __future__ import annotations

import _thread
import gc
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.bench import Refused, Run
from benchmarks.statistic import Figure, ratios
from benchmarks.table import Table
from lockcheck.checker import Checker
from lockcheck.conduct import END, ControlledConductor, Pool, make_baton
from lockcheck.explore import (
    FirstThread,
    Limits,
    Pct,
    Pos,
    RandomWalk,
    Session,
    Strategy,
    make_strategy,
)
from lockcheck.seam import Choice, Kind, Op

__all__ = ["DESCRIPTION", "run"]

DESCRIPTION = "what a scheduling point costs, and how many schedules a second that makes"

STAY_MAX = 0.5
"""Hand-overs that a point without a switch may cost."""
SWITCH_MAX = 2.5
CHECKER_MAX = 2.0
"""By how much the checker may multiply either."""

Body = Callable[[ControlledConductor], None]


class _Stay(Strategy):
    """Never switch."""

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        return current if current is not None and current in enabled else enabled[0]


class _Alternate(Strategy):
    """Switch at each point."""

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        for choice in enabled:
            if choice != current and choice:
                return choice
        return enabled[0]


class _BareLock:
    """The least that the seam asks of a lock."""

    def __init__(self, conductor: ControlledConductor, name: str) -> None:
        self.name = name
        self.real = _thread.allocate_lock()
        self._conductor = conductor
        self._acquire = Op(Kind.ACQUIRE, self)
        self._acquire.busy = self.real.locked
        self._release = Op(Kind.RELEASE, self)

    def ready(self, op: Op) -> bool:
        return op.kind is not Kind.ACQUIRE or not self.real.locked()

    def __enter__(self) -> None:
        self._conductor.point(self._acquire)
        self.real.acquire(False)

    def __exit__(self, *_exc: object) -> None:
        self._conductor.point(self._release)
        self.real.release()


class _Named:
    def __init__(self, name: str) -> None:
        self.name = name
        self.daemon = False


def run(run: Run) -> None:
    """Measure and print."""
    if not hasattr(os, "sched_setaffinity"):
        raise Refused("explore_speed needs a system that can pin a process to a core")
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    collecting = gc.isenabled()
    gc.disable()
    try:
        _points(run)
        _schedules(run)
        _model(run)
    finally:
        if collecting:
            gc.enable()
        os.sched_setaffinity(0, allowed)


# -- points --


def _points(run: Run) -> None:
    rounds, steps = (7, 1500) if run.quick else (25, 6000)
    series: dict[str, list[float]] = {}
    with Pool() as pool:
        conductor = ControlledConductor(pool, max_points=10**9)
        for number in range(rounds):
            run.progress(f"round {number + 1} of {rounds}")
            series.setdefault("hand-over", []).append(_ping_pong(steps))
            for name, strategy in (("stay", _Stay()), ("switch", _Alternate())):
                for kind in ("bare", "checked", "races"):
                    took = _steps(conductor, strategy, kind, steps)
                    series.setdefault(f"{name} {kind}", []).append(took)
            gc.collect()
    base = series["hand-over"]
    table = Table(
        "one step of a thread (acquire and release a lock of its own), two threads live",
        ["step", "microseconds", "in hand-overs", "at most", "held"],
    )
    table.add("raw eventfd hand-over", Figure.of(base).scaled(1e6), "1", "", "")
    for name, bound, words in (
        ("stay", STAY_MAX, "point without a switch"),
        ("switch", SWITCH_MAX, "point with a switch"),
    ):
        for kind, factor, more in (
            ("bare", 1.0, ""),
            ("checked", CHECKER_MAX, ", checker on"),
            ("races", CHECKER_MAX, ", checker and race detector on"),
        ):
            ratio = ratios(series[f"{name} {kind}"], base)
            limit = bound * factor
            table.add(
                words + more,
                Figure.of(series[f"{name} {kind}"]).scaled(1e6),
                ratio,
                f"{limit:g}",
                "yes" if ratio.median <= limit else "NO",
            )
            run.data(f"{name} {kind}", ratio.to_dict())
    run.table(table)


def _ping_pong(count: int) -> float:
    """Seconds for one hand-over between two real threads."""
    here, there = make_baton(), make_baton()

    def echo() -> None:
        for _ in range(count):
            there.park()
            here.wake()

    thread = threading.Thread(target=echo)
    thread.start()
    wake, park = there.wake, here.park
    began = time.perf_counter()
    for _ in range(count):
        wake()
        park()
    took = time.perf_counter() - began
    thread.join()
    here.close()
    there.close()
    return took / (2 * count)


def _steps(conductor: ControlledConductor, strategy: Strategy, kind: str, steps: int) -> float:
    """Seconds for one step."""
    taken = [0.0]

    def body() -> None:
        if kind == "bare":
            _two_bare(conductor, steps)
            return
        chk = Checker(conductor=conductor, races=kind == "races")
        with FirstThread(chk):
            _two_checked(chk, steps)

    strategy.begin(conductor, 0)
    began = time.perf_counter()
    verdict = conductor.run(body, strategy)
    taken[0] = time.perf_counter() - began
    assert verdict == END, verdict
    if conductor.error is not None:
        raise conductor.error
    return taken[0] / (2 * steps)


def _work(lock: Any, steps: int) -> Callable[[], None]:
    def work() -> None:
        for _ in range(steps):
            with lock:
                pass

    return work


def _two_bare(conductor: ControlledConductor, steps: int) -> None:
    for i in range(2):
        conductor.spawn(_Named(f"t{i}"), _work(_BareLock(conductor, f"l{i}"), steps))


def _two_checked(chk: Checker, steps: int) -> None:
    for i in range(2):
        chk.Thread(target=_work(chk.Lock(f"l{i}"), steps), name=f"t{i}").start()


# -- schedules --


class _Shape:
    """Threads that take a global lock, then one of their own, then read and write a field."""

    title = "rtnl-shaped"

    def __init__(self, threads: int, rounds: int, *, races: bool) -> None:
        self.threads = threads
        self.rounds = rounds
        self.races = races

    def world(self, conductor: ControlledConductor) -> _ShapeWorld:
        return _ShapeWorld(self, conductor)

    def describe(self) -> dict[str, Any]:
        return {"kind": "benchmark", "threads": self.threads, "rounds": self.rounds}


class _ShapeWorld:
    def __init__(self, shape: _Shape, conductor: ControlledConductor) -> None:
        self._shape = shape
        self.chk = Checker(conductor=conductor, races=shape.races)
        self.checkers: Sequence[Checker] = (self.chk,)

    def body(self) -> None:
        chk = self.chk
        with FirstThread(chk):
            glob = chk.Lock("global")
            field = chk.AtomicRef("field", 0)

            def work(own: Any) -> None:
                for _ in range(self._shape.rounds):
                    with glob, own:
                        field.set(field.get() + 1)

            for i in range(self._shape.threads):
                chk.Thread(target=work, args=(chk.Lock(f"net{i}"),), name=f"t{i}").start()

    def findings(self) -> list[Any]:
        return list(self.chk.reports)

    def state(self) -> str:
        return ""

    def close(self) -> None:
        pass


def _schedules(run: Run) -> None:
    count, most = (300, 0.7) if run.quick else (1500, None)
    table = Table(
        "schedules a second, everything on (checker, orders counted), fresh world each",
        ["threads x rounds", "points", "strategy", "schedules/s", "us a point"],
    )
    for threads, rounds in ((2, 2), (4, 5)):
        for make in (RandomWalk, Pct, Pos):
            subject = _Shape(threads, rounds, races=False)
            with Session(subject, limits=Limits(schedules=count, seconds=most)) as session:
                run.progress(f"{threads}x{rounds} {make.name}")
                result = session.explore(make(run.seed))
            points = sum(result.coverage.points) / max(1, len(result.coverage.points))
            rate = result.coverage.schedules / result.seconds
            table.add(
                f"{threads} x {rounds}",
                f"{points:.0f}",
                make.name,
                f"{rate:,.0f}",
                f"{1e6 / (rate * points):.1f}",
            )
            run.data(f"{threads}x{rounds} {make.name}", rate)
    run.table(table)


def _model(run: Run) -> None:
    from rtnl_model.iproute import parse_script
    from rtnl_model.lab.explore import ModelSubject
    from rtnl_model.lab.model_run import ModelSetting
    from rtnl_model.lab.topologies import topology

    count, most = (40, 1.5) if run.quick else (200, None)
    table = Table(
        "the cover letter, boot and set-up (without points) in every schedule",
        ["regime", "strategy", "points", "schedules/s", "orders", "redundant"],
    )
    for regime in ("small", "pernet"):
        for name in ("random", "dpor"):
            subject = ModelSubject(parse_script(topology("T1")), ModelSetting(rtnl=regime))
            with Session(
                subject, limits=Limits(schedules=count, seconds=most, shrink=False)
            ) as session:
                run.progress(f"cover letter, {regime}, {name}")
                result = session.explore(make_strategy(name, run.seed))
            coverage = result.coverage
            points = sum(coverage.points) / max(1, len(coverage.points))
            table.add(
                regime,
                name,
                f"{points:.0f}",
                f"{coverage.schedules / result.seconds:.0f}",
                str(len(coverage.orders)),
                str(coverage.redundant),
            )
            run.data(f"cover letter {regime} {name}", coverage.schedules / result.seconds)
    run.table(table)
