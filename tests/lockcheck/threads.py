"""Running bodies on real threads, one after the other, unordered for the checker."""

from __future__ import annotations

import threading
from collections.abc import Callable

import lockcheck


def in_turn(chk: lockcheck.Checker, *bodies: Callable[[], None]) -> None:
    """Run the bodies one after the other on threads that the checker sees as unordered."""
    gates = [threading.Event() for _ in range(len(bodies) + 1)]

    def run(number: int) -> None:
        gates[number].wait(30)
        bodies[number]()
        gates[number + 1].set()

    threads = [chk.Thread(target=run, args=(i,), name=f"t{i}") for i in range(len(bodies))]
    for thread in threads:
        thread.start()
    gates[0].set()
    for thread in threads:
        thread.join()
    assert all(thread.exception is None for thread in threads)


def kinds(chk: lockcheck.Checker) -> list[tuple[str, str]]:
    return [(report.kind, report.severity) for report in chk.reports]
