"""ABBA inside one class with an order function: reported in whatever order it is seen."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest

import lockcheck


def unordered_runs(chk: lockcheck.Checker, bodies: list[Callable[[], None]]) -> None:
    """Run the bodies one after the other on threads that nothing of the checker's orders."""
    gates = [threading.Event() for _ in range(len(bodies) + 1)]

    def run(i: int) -> None:
        gates[i].wait(30)
        bodies[i]()
        gates[i + 1].set()

    threads = [chk.Thread(target=run, args=(i,), name=f"t{i}") for i in range(len(bodies))]
    for thread in threads:
        thread.start()
    gates[0].set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("order", list(itertools.permutations(["up", "down"])), ids="-".join)
def test_abba_between_two_instances_is_circular_and_possible_in_either_order(
    order: tuple[str, str],
) -> None:
    """One thread goes up the declared order, another down: two instances, a real cycle.

    `recursive` alone is for a nesting whose other direction was never seen.
    """
    chk = lockcheck.Checker()
    low, high = (
        chk.Lock("net", instance=name, cmp=lambda a, b: (a.name > b.name) - (a.name < b.name))
        for name in ("ns1", "ns2")
    )

    def up() -> None:
        with low, high:
            pass

    def down() -> None:
        with high, low:
            pass

    unordered_runs(chk, [{"up": up, "down": down}[word] for word in order])

    told = [report for report in chk.reports if report.kind == "circular"]
    assert [report.severity for report in told] == ["possible"]
    assert set(told[0].locks) == {"ns1", "ns2"}
    assert len(told[0].cycle) == 2


def test_going_up_only_is_clean() -> None:
    """The declared order is no finding."""
    chk = lockcheck.Checker()
    locks = [
        chk.Lock("net", instance=f"ns{i}", cmp=lambda a, b: (a.name > b.name) - (a.name < b.name))
        for i in range(3)
    ]

    def up() -> None:
        with locks[0], locks[1], locks[2]:
            pass

    unordered_runs(chk, [up, up])

    assert chk.reports == []


def test_abba_without_an_order_function_is_circular_too() -> None:
    """Two unnamed-order locks of one class, both ways by two threads."""
    chk = lockcheck.Checker()
    a, b = chk.Lock("x", instance="a"), chk.Lock("x", instance="b")

    def ab() -> None:
        with a, b:
            pass

    def ba() -> None:
        with b, a:
            pass

    unordered_runs(chk, [ab, ba])

    assert ("circular", "possible") in {(r.kind, r.severity) for r in chk.reports}
