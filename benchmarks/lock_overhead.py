"""What a checked lock costs: against `threading`'s, against a bare wrapper, against the peers.

All verdicts are on (the default `Checker`); the race detector and the conductors, which exchange
the classes of the primitives, are kept apart.  Ratios are taken round by round within one process.
"""

from __future__ import annotations

import queue
import sys
import sysconfig
import threading
from typing import Any

import lockcheck
from benchmarks import lock_timing
from benchmarks.bench import Run
from benchmarks.lock_anatomy import STEPS
from benchmarks.lock_peers import PEERS, measure_peer
from benchmarks.lock_scale import (
    bytes_of_three,
    bytes_per_lock,
    many_classes,
    new_orders,
    two_threads,
)
from benchmarks.lock_timing import BareLock, Subject, measure
from benchmarks.statistic import Figure, ratios
from benchmarks.table import Table
from lockcheck.core.classes import INSTANCES

__all__ = ["DESCRIPTION", "needed_ratio", "run"]

DESCRIPTION = "what `with lock:` costs when lockcheck watches it"

HELD = (0, 1, 3, 8)
BYTES_MAX = 200
MEAN_BYTES_MAX = 250
CLASS_SPREAD_MAX = 1.20
NEW_CHAIN_US_MAX = 50
TWO_THREADS_MIN = 1.7


def needed_ratio() -> float:
    """The most that a warm checked `with` may cost, in bare wrappers, on this interpreter."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return 3.3
    return 2.0 if sys.version_info < (3, 12) else 2.2


NEEDED = {
    "Lock, `with`": 2.4,
    "Lock, acquire() release()": 3.2,
    "RLock, `with`": 3.0,
    "Semaphore, `with`": 2.8,
    "Event, set() wait() clear()": 4.0,
    "Condition, notify()": 4.0,
    "Queue, put() get()": 3.0,
    "RWLock, read (against Lock)": 12.0,
    "RWLock, write (against Lock)": 12.0,
    "Lock, contended by four threads": 2.0,
}
"""The most that an operation may cost, in threading's own, with a GIL."""
FREE_THREADED = 1.6
"""How much more it may be without one."""
CONTENDED_FREE_THREADED = 3.0


def needed_of(operation: str) -> float | None:
    """The most that an operation may cost, in threading's own, on this interpreter."""
    needed = NEEDED.get(operation)
    if needed is None or not sysconfig.get_config_var("Py_GIL_DISABLED"):
        return needed
    return CONTENDED_FREE_THREADED if "contended" in operation else needed * FREE_THREADED


def run(run: Run) -> None:
    """Measure and print."""
    rounds, count = (7, 2500) if run.quick else (25, 20000)
    _held(run, rounds, count)
    _anatomy(run, rounds, count)
    _others(run, rounds, count)
    _many(run)
    _memory(run)
    _orders(run)
    _threads(run)
    if run.quick:
        run.note("peers (locklib, threadle) are installed and timed without --quick only")
    else:
        _peers(run, rounds, count // 4)


def _verdict(good: bool) -> str:
    return "yes" if good else "NO"


def _held(run: Run, rounds: int, count: int) -> None:
    checker = lockcheck.Checker()
    subjects = []
    for held in HELD:
        groups: dict[str, Any] = {
            "plain": lambda _name: threading.Lock(),
            "bare": lambda _name: BareLock(),
            "lockcheck": checker.Lock,
        }
        for name, make in groups.items():
            outer = [make(f"outer {held}.{i}") for i in range(held)]
            subjects.append(Subject(f"{name} {held}", make(f"inner {held}"), held=outer))
    times = measure(subjects, rounds=rounds, count=count, progress=run.progress)
    needed = needed_ratio()
    table = Table(
        "warm `with lock: pass`, CPU nanoseconds, by the number of other locks held",
        [
            "held",
            "threading.Lock",
            "bare wrapper",
            "lockcheck",
            "x plain",
            "x bare",
            "needed",
            "met",
        ],
        digits_of=dict.fromkeys(("threading.Lock", "bare wrapper", "lockcheck"), 0),
    )
    for held in HELD:
        plain, bare, ours = (times[f"{name} {held}"] for name in ("plain", "bare", "lockcheck"))
        over_bare = ratios(ours, bare)
        table.add(
            held,
            Figure.of(plain),
            Figure.of(bare),
            Figure.of(ours),
            ratios(ours, plain),
            over_bare,
            f"{needed:g}",
            _verdict(over_bare.median <= needed),
        )
    flat = ratios(times[f"lockcheck {HELD[-1]}"], times["lockcheck 0"])
    table.notes.append(f"{HELD[-1]} held against none: {flat.text()} times (flat: about 1)")
    run.data("held", times)
    run.table(table)


def _anatomy(run: Run, rounds: int, count: int) -> None:
    checker = lockcheck.Checker()
    subjects = [Subject(name, make()) for name, make in STEPS.items()]
    subjects.append(Subject("lockcheck", checker.Lock("mine")))
    times = measure(subjects, rounds=rounds, count=count, progress=run.progress)
    table = Table(
        "where it goes: a checked lock built up from the bare wrapper", ["step", "ns", "+ns"]
    )
    before = 0.0
    for name, samples in times.items():
        figure = Figure.of(samples)
        table.add(name, figure, figure.median - before)
        before = figure.median
    table.digits = 0
    run.data("anatomy", times)
    run.table(table)


def _others(run: Run, rounds: int, count: int) -> None:
    checker = lockcheck.Checker()
    racing = lockcheck.Checker(races=True)
    notify, read, write = lock_timing.notify_loop, lock_timing.read_loop, lock_timing.write_loop
    locks, units = lock_timing.contended_loop, threading.Semaphore
    event, items = lock_timing.event_loop, lock_timing.queue_loop
    pairs: list[tuple[str, Subject, Subject]] = [
        ("Lock, `with`", Subject("", threading.Lock()), Subject("", checker.Lock("l"))),
        (
            "Lock, acquire() release()",
            Subject("", threading.Lock(), lock_timing.pair_loop),
            Subject("", checker.Lock("l2"), lock_timing.pair_loop),
        ),
        ("RLock, `with`", Subject("", threading.RLock()), Subject("", checker.RLock("r"))),
        (
            "Condition, `with`",
            Subject("", threading.Condition(threading.Lock())),
            Subject("", checker.Condition(checker.Lock("c"))),
        ),
        (
            "Condition, notify()",
            Subject("", threading.Condition(threading.Lock()), notify),
            Subject("", checker.Condition(checker.Lock("c2")), notify),
        ),
        (
            "RWLock, read (against Lock)",
            Subject("", threading.Lock(), lock_timing.pair_loop),
            Subject("", checker.RWLock("w"), read),
        ),
        (
            "RWLock, write (against Lock)",
            Subject("", threading.Lock(), lock_timing.pair_loop),
            Subject("", checker.RWLock("w2"), write),
        ),
        ("Semaphore, `with`", Subject("", units()), Subject("", checker.Semaphore(name="s"))),
        (
            "Event, set() wait() clear()",
            Subject("", threading.Event(), event),
            Subject("", checker.Event("e"), event),
        ),
        (
            "Queue, put() get()",
            Subject("", queue.Queue(), items),
            Subject("", checker.Queue(name="q"), items),
        ),
        (
            "Lock, contended by four threads",
            Subject("", threading.Lock(), locks),
            Subject("", checker.Lock("l4"), locks),
        ),
        (
            "Lock, `with`, races=True",
            Subject("", threading.Lock()),
            Subject("", racing.Lock("l3")),
        ),
    ]
    subjects = []
    for name, plain, ours in pairs:
        plain.name, ours.name = f"plain {name}", f"ours {name}"
        subjects += [plain, ours]
    times = measure(subjects, rounds=rounds, count=count // 2, progress=run.progress)
    table = Table(
        "other primitives, CPU nanoseconds",
        ["operation", "threading", "lockcheck", "ratio", "needed", "met"],
        digits_of={"threading": 0, "lockcheck": 0},
    )
    for name, _plain, _ours in pairs:
        plain_times, our_times = times[f"plain {name}"], times[f"ours {name}"]
        ratio = ratios(our_times, plain_times)
        needed = needed_of(name)
        table.add(
            name,
            Figure.of(plain_times),
            Figure.of(our_times),
            ratio,
            "" if needed is None else f"{needed:g}",
            "" if needed is None else _verdict(ratio.median <= needed),
        )
    run.data("others", times)
    run.table(table)


def _many(run: Run) -> None:
    total = 10_000 if run.quick else 100_000
    classes = [10, 1_000, total]
    run.progress(f"{total} locks")
    times = many_classes(total, classes, run.rng("classes"), rounds=3 if run.quick else 9)
    table = Table(
        f"{total:,} locks in shuffled order; bytes a lock when each was used once",
        [
            "locks", "ns", "x bare", "against 10 classes", "within 20%", "first visit, ns",
            "bytes in all",
        ],
        digits_of={"ns": 0},
    )  # fmt: skip
    fewest = times["10 classes"]
    for name in ["plain", "bare", *(f"{n} classes" for n in classes)]:
        ours = name not in ("plain", "bare")
        spread = ratios(times[name], fewest)
        size = round(bytes_per_lock(_maker(name), total))
        table.add(
            name,
            Figure.of(times[name]),
            ratios(times[name], times["bare"]),
            spread if ours else None,
            _verdict(spread.median <= CLASS_SPREAD_MAX) if ours else "",
            round(times[f"{name}, first visit"][0]) if ours else None,
            size,
        )
    run.data("many", times)
    run.table(table)


def _maker(name: str) -> Any:
    if name == "plain":
        return lambda _i: threading.Lock()
    if name == "bare":
        return lambda _i: BareLock()
    checker = lockcheck.Checker()
    count = int(name.split()[0])
    names = [f"class {i}" for i in range(min(count, 1000))]
    if count <= len(names):
        return lambda i: checker.Lock(names[i % count])
    return lambda i: checker.Lock(f"class {i}")


def _memory(run: Run) -> None:
    total = 10_000 if run.quick else 100_000
    run.progress(f"memory of {total} locks")
    shared, exact, first = bytes_of_three(total)
    plain = bytes_per_lock(_maker("plain"), total)
    mean = bytes_per_lock(_maker("1000 classes"), total)
    table = Table(
        "what a lock is made of, in bytes, each used once by one thread",
        ["part", "bytes", "needed", "met"],
        digits_of={"bytes": 0},
    )
    table.add("a plain threading.Lock (it is in each of the locks below)", plain, "", "")
    table.add("a lock of a class with many", shared, f"{BYTES_MAX}", _verdict(shared <= BYTES_MAX))
    table.add(
        f"one of the first {INSTANCES} of its class, which reports name one by one", exact, "", ""
    )
    table.add("a class, beside its locks", first, "", "")
    table.add(
        f"averaged over 1000 classes of {total // 1000}, all bytes",
        mean,
        f"{MEAN_BYTES_MAX}",
        _verdict(mean <= MEAN_BYTES_MAX),
    )
    table.notes.append(
        f"{INSTANCES} a class have a key of their own, so that a report can say what these "
        "instances cannot do; their view and record are made when something is taken under them"
    )
    run.data(
        "bytes", {"shared": shared, "exact": exact, "class": first, "plain": plain, "mean": mean}
    )
    run.table(table)


def _orders(run: Run) -> None:
    edges = 2_000 if run.quick else 10_000
    run.progress(f"a graph of {edges} edges")
    samples, had = new_orders(edges, 200 if run.quick else 1_000, run.rng("orders"))
    figure = Figure.of([ns / 1000 for ns in samples])
    table = Table(
        "an order never seen before, CPU microseconds",
        ["edges in the graph", "us", "needed (median)", "met"],
    )
    table.add(had, figure, f"{NEW_CHAIN_US_MAX}", _verdict(figure.median <= NEW_CHAIN_US_MAX))
    run.data("new_orders_us", figure.to_dict())
    run.table(table)


def _threads(run: Run) -> None:
    checker = lockcheck.Checker()
    rounds, count = (5, 60_000) if run.quick else (11, 200_000)
    free_threaded = not getattr(sys, "_is_gil_enabled", lambda: True)()
    table = Table(
        "two threads, each with a lock of its own, against one thread",
        ["lock", "throughput (2 is ideal)", "needed", "met", "CPU a pair (1 is ideal)"],
    )
    makers: dict[str, Any] = {
        "threading.Lock": threading.Lock,
        "bare wrapper": BareLock,
        "lockcheck": lambda: checker.Lock("own"),
    }
    possible = True
    for name, make in makers.items():
        run.progress(f"two threads, {name}")
        faster, dearer = two_threads(make, rounds=rounds, count=count)
        figure = Figure.of(faster)
        if make is threading.Lock:
            possible = figure.median >= TWO_THREADS_MIN
        asked = free_threaded and name == "lockcheck"
        met = _verdict(figure.median >= TWO_THREADS_MIN) if possible else "machine busy"
        table.add(
            name,
            figure,
            f"{TWO_THREADS_MIN}" if asked else "",
            met if asked else "",
            Figure.of(dearer),
        )
    if free_threaded:
        table.notes.append("throughput needs two free CPUs; CPU time shows what the locks share")
    else:
        table.notes.append("with a GIL one thread runs at a time: about 1 is all there can be")
    run.table(table)


def _peers(run: Run, rounds: int, count: int) -> None:
    table = Table(
        "peers, CPU nanoseconds, in an environment of their own",
        [
            "peer",
            "used by",
            "threading.Lock",
            "lockcheck",
            "peer",
            "peer x bare",
            "peer x lockcheck",
        ],
        digits=1,
    )
    for name in PEERS:
        run.progress(f"installing {name}")
        result = measure_peer(name, rounds=rounds, count=count)
        times = result.nanoseconds
        if times is None:
            run.note(f"{name}: not measured ({result.reason})")
            continue
        table.add(
            f"{name} {result.version}",
            result.usage,
            Figure.of(times["plain"]),
            Figure.of(times["lockcheck"]),
            Figure.of(times["peer"]),
            ratios(times["peer"], times["bare"]),
            ratios(times["peer"], times["lockcheck"]),
        )
    run.table(table)
