"""Happens-before on real threads: everything that hands over gives order."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

import lockcheck
from tests.lockcheck.threads import in_turn, kinds


class Box:
    """Something with a shared field."""

    value = lockcheck.shared()

    def __init__(self, chk: lockcheck.Checker) -> None:
        self.chk = chk
        self.name = "box"
        self.value = 0


@pytest.mark.parametrize(
    "how", ["queue", "nowait", "event", "flag", "barrier", "count", "join", "flush"]
)
def test_everything_that_hands_over_gives_order(how: str) -> None:
    """One thread writes and hands over, another reads afterwards: no race."""
    chk = lockcheck.Checker(races=True)
    box = Box(chk)
    queue, event, barrier = chk.Queue(), chk.Event(), chk.Barrier(2)
    count = chk.Refcount("count", 2)
    lot = chk.Parking("work")
    passed = threading.Event()  # the test's own, unseen: makes the order, gives no order

    give: dict[str, Callable[[], object]] = {
        "queue": lambda: queue.put(1),
        "nowait": lambda: queue.put(1),
        "event": event.set,
        "flag": event.set,
        "count": count.dec,
        "flush": lambda: lot.change(bool),
    }
    take: dict[str, Callable[[], object]] = {
        "queue": queue.get,
        "nowait": lambda: queue.get(block=False),
        "event": event.wait,
        "flag": event.is_set,
        "barrier": barrier.wait,
        "count": lambda: chk.wait_refs([count]),
        "join": lambda: threads[0].join(),
        "flush": lambda: lot.peek(bool, acquire=True),
    }

    def writer() -> None:
        box.value = 1
        give.get(how, bool)()
        passed.set()
        if how == "barrier":
            barrier.wait()

    def reader() -> None:
        passed.wait(30)
        take[how]()
        assert box.value == 1

    threads = [chk.Thread(target=body) for body in (writer, reader)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [thread.exception for thread in threads] == [None, None]
    assert chk.reports == []


def test_nothing_handed_over_is_a_race() -> None:
    """The same without a hand-over that the checker knows."""
    chk = lockcheck.Checker(races=True)
    box = Box(chk)

    def write() -> None:
        box.value = 1

    in_turn(chk, write, lambda: bool(box.value) and None)

    assert [kind for kind, _ in kinds(chk)] == ["race"]
