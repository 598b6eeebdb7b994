"""What looking at ordinary data costs: plain, rewritten while nobody looks, and with `--races`.

Each line of work is timed in one process, in thread time, the best of several rounds, while a
second thread exists (before that nothing is remembered).  All but the last touch nothing but shared
data, `locked` under a lock (a new epoch each time); the last has its work elsewhere.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.bench import Run
from benchmarks.table import Table
from lockcheck.checker import Checker
from lockcheck.patch import install, uninstall
from lockcheck.patch.data import RaceHunt
from lockcheck.patch.data.code import compile_seen

__all__ = ["DESCRIPTION", "run"]

DESCRIPTION = "what looking at ordinary data costs, against the plain program"

WORK = """
import threading
class Counter:
    def __init__(self):
        self.n = 0
        self.lock = threading.Lock()
        self.by_name = {"hits": 0}
    def attribute(self, times):
        for _ in range(times):
            self.n += 1
    def item(self, times):
        by_name = self.by_name
        for _ in range(times):
            by_name["hits"] += 1
    def read(self, times):
        for _ in range(times):
            self.n
    def reads(self, times):
        for _ in range(times):
            _ = self.n + self.n + self.n
    def write(self, times):
        for i in range(times):
            self.n = i
    def append(self, times):
        found = []
        for i in range(times):
            found.append(i)
    def locked(self, times):
        for _ in range(times):
            with self.lock:
                self.n += 1
    def elsewhere(self, times):
        total = 0
        for i in range(times):
            total += (i * i) % 7
        return total
"""
NAMES = ("attribute", "item", "read", "reads", "write", "append", "locked", "elsewhere")
LIMITS = {**dict.fromkeys(NAMES, 12.0), "elsewhere": 2.0}
"""Times the plain program's, at most."""
ROUNDS = 7


def run(run: Run) -> None:
    """Time the three ways and print their ratios."""
    times = 20_000 if run.quick else 100_000
    plain = _timed(compile(WORK, "work.py", "exec"), times)
    quiet = _timed(compile_seen(WORK, "work.py"), times)
    chk = Checker(races=True)
    install(chk)
    try:
        with RaceHunt(chk, []):
            watched = _timed(compile_seen(WORK, "work.py"), times)
    finally:
        uninstall()
    table = Table(
        "nanoseconds a step, and how often the plain one",
        ["work", "plain", "nobody looks", "x", "--races", "times", "limit"],
        digits=1,
    )
    for name in NAMES:
        cells = (plain[name], quiet[name], quiet[name] / plain[name], watched[name])
        table.add(name, *cells, watched[name] / plain[name], LIMITS[name])
    run.table(table)


def _timed(code: Any, times: int) -> dict[str, float]:
    """Nanoseconds a step of each kind of work, while another thread waits."""
    namespace: dict[str, Any] = {"__name__": "work"}
    exec(code, namespace)
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    try:
        counter = namespace["Counter"]()
        return {name: _best(getattr(counter, name), times) for name in NAMES}
    finally:
        over.set()
        other.join()


def _best(work: Callable[[int], object], times: int) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.thread_time_ns()
        work(times)
        best = min(best, (time.thread_time_ns() - began) / times)
    return best
