"""What becomes of a lock's cost when there are many: locks, classes, edges, threads.

The same locks in shuffled order, in few and in many classes; memory by `tracemalloc`; the cost of
an order never seen before when the graph is large; and whether two threads with locks of their own
disturb each other.
"""

from __future__ import annotations

import gc
import threading
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import lockcheck
from benchmarks.lock_timing import BareLock, collector_off, with_loop
from lockcheck.core.classes import INSTANCES

if TYPE_CHECKING:
    import random

__all__ = ["bytes_of_three", "bytes_per_lock", "many_classes", "new_orders", "two_threads"]


def many_classes(
    total: int, classes: Sequence[int], rng: random.Random, *, rounds: int
) -> dict[str, list[float]]:
    """Nanoseconds of `with`, over `total` locks in shuffled order; the first visit apart.

    Keys: "plain", "bare", "N classes" and "N classes, first visit".
    """
    order = list(range(total))
    rng.shuffle(order)
    populations: dict[str, list[Any]] = {
        "plain": [threading.Lock() for _ in range(total)],
        "bare": [BareLock() for _ in range(total)],
    }
    for count in classes:
        checker = lockcheck.Checker()
        populations[f"{count} classes"] = [checker.Lock(f"class {i % count}") for i in range(total)]
    shuffled = {name: [locks[i] for i in order] for name, locks in populations.items()}
    found: dict[str, list[float]] = {name: [] for name in shuffled}
    with collector_off():
        for name, locks in shuffled.items():
            first = _visit(locks)
            if name not in ("plain", "bare"):
                found[f"{name}, first visit"] = [first]
        for _ in range(rounds):
            for name, locks in shuffled.items():
                found[name].append(_visit(locks))
    return found


def _visit(locks: Sequence[Any]) -> float:
    begin = time.thread_time_ns()
    for lock in locks:
        with lock:
            pass
    return (time.thread_time_ns() - begin) / len(locks)


def bytes_per_lock(make: Callable[[int], Any], total: int) -> float:
    """Bytes that `total` locks, each taken once, need beyond the list that holds them."""
    gc.collect()
    tracemalloc.start()
    try:
        locks: list[Any] = [None] * total
        before, _ = tracemalloc.get_traced_memory()
        for i in range(total):
            locks[i] = make(i)
        for lock in locks:
            with lock:
                pass
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / total


def bytes_of_three(total: int) -> tuple[float, float, float]:
    """Bytes of a lock whose class has many, of one of a class's first, and of a class itself.

    From three populations of `total` locks: all of a few classes that are full, all among their
    class's first, and each alone in its class.
    """
    checker = lockcheck.Checker()
    few = [f"few {i}" for i in range(10)]
    for name in few:
        for _ in range(INSTANCES + 1):
            with checker.Lock(name):
                pass
    shared = bytes_per_lock(lambda i: checker.Lock(few[i % len(few)]), total)
    full = bytes_per_lock(lambda i: checker.Lock(f"full {i // INSTANCES}"), total)
    alone = bytes_per_lock(lambda i: checker.Lock(f"alone {i}"), total)
    first = (alone - full) * INSTANCES / (INSTANCES - 1)
    return shared, alone - first, first


def new_orders(edges: int, samples: int, rng: random.Random) -> tuple[list[float], int]:
    """Nanoseconds of taking a lock in an order never seen, in a graph that has `edges`.

    The graph is a random order without cycles over as few classes as can hold twice as many
    dependencies, so a search for a cycle has somewhere to go.  Returns the samples and the edges
    that the graph says it had.
    """
    checker = lockcheck.Checker()
    nodes = 2
    while nodes * (nodes - 1) // 2 < 2 * edges + samples:
        nodes += 1
    locks = [checker.Lock(f"node {i}") for i in range(nodes)]
    pairs = [(a, b) for a in range(nodes) for b in range(a + 1, nodes)]
    rng.shuffle(pairs)
    for a, b in pairs[:edges]:
        with locks[a], locks[b]:
            pass
    had = len(checker.graph.edges)
    found = []
    with collector_off():
        for a, b in pairs[edges : edges + samples]:
            inner = locks[b]
            with locks[a]:
                begin = time.thread_time_ns()
                inner.acquire()
                found.append(float(time.thread_time_ns() - begin))
                inner.release()
    assert not checker.reports
    return found, had


def two_threads(
    make: Callable[[], Any], *, rounds: int, count: int
) -> tuple[list[float], list[float]]:
    """Two threads, each with a lock of its own, against one; by round.

    Returns the throughputs' ratio (2 is ideal), and the CPU time of an operation together over
    alone (1 is ideal, and other programs do not matter to it).
    """
    faster, dearer = [], []
    locks = [make(), make()]
    with collector_off():
        for _ in range(rounds):
            alone, cpu_alone = _together(locks[:1], count)
            both, cpu_both = _together(locks, count)
            faster.append(2 * alone / both)
            dearer.append(cpu_both / cpu_alone)
    return faster, dearer


def _together(locks: Sequence[Any], count: int) -> tuple[float, float]:
    """Wall seconds for all, and mean CPU seconds of one thread."""
    barrier = threading.Barrier(len(locks) + 1)
    cpu: list[float] = []

    def body(lock: Any) -> None:
        with_loop(lock, 1000)
        barrier.wait()
        begin = time.thread_time()
        with_loop(lock, count)
        cpu.append(time.thread_time() - begin)
        barrier.wait()

    threads = [threading.Thread(target=body, args=(lock,)) for lock in locks]
    for thread in threads:
        thread.start()
    barrier.wait()
    begin = time.perf_counter()
    barrier.wait()
    spent = time.perf_counter() - begin
    for thread in threads:
        thread.join()
    return spent, sum(cpu) / len(cpu)
