"""Five classic bugs as small functions, and their repaired twins, for `lockcheck explore`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import lockcheck


def _together(*bodies: Callable[[], object]) -> None:
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def lost_update() -> int:
    """Two increments of a shared value, neither under a lock."""
    counter = lockcheck.Shared(0, name="counter")

    def increment() -> None:
        counter.value = counter.value + 1

    _together(increment, increment)
    assert counter.value == 2, f"one increment is lost: {counter.value}"
    return int(counter.value)


def no_lost_update() -> int:
    """The same with a lock."""
    counter = lockcheck.Shared(0, name="counter")
    lock = threading.Lock()

    def increment() -> None:
        with lock:
            counter.value = counter.value + 1

    _together(increment, increment)
    assert counter.value == 2
    return int(counter.value)


def lost_wakeup() -> None:
    """The flag is looked at before the lock is taken; the notify may come in between."""
    condition = threading.Condition()
    ready = lockcheck.Shared(False, name="ready")

    def consumer() -> None:
        if not ready.value:
            with condition:
                condition.wait()

    def producer() -> None:
        with condition:
            ready.value = True
            condition.notify()

    _together(consumer, producer)


def no_lost_wakeup() -> None:
    """The same, looking under the lock."""
    condition = threading.Condition()
    ready = lockcheck.Shared(False, name="ready")

    def consumer() -> None:
        with condition:
            while not ready.value:
                condition.wait()

    def producer() -> None:
        with condition:
            ready.value = True
            condition.notify()

    _together(consumer, producer)


def abba() -> None:
    """Two locks in two orders."""
    a = threading.Lock()
    b = threading.Lock()

    def forward() -> None:
        with a:
            with b:
                pass

    def backward() -> None:
        with b:
            with a:
                pass

    _together(forward, backward)


def no_abba() -> None:
    """Two locks in one order."""
    a = threading.Lock()
    b = threading.Lock()

    def forward() -> None:
        with a:
            with b:
                pass

    _together(forward, forward)


def check_then_act() -> None:
    """`empty()` says no, another thread takes the item, `get_nowait()` raises."""
    items: queue.Queue[int] = queue.Queue()
    items.put(1)

    def take() -> None:
        if not items.empty():
            items.get_nowait()

    _together(take, take)


def no_check_then_act() -> None:
    """The same, asking forgiveness."""
    items: queue.Queue[int] = queue.Queue()
    items.put(1)

    def take() -> None:
        try:
            items.get_nowait()
        except queue.Empty:
            pass

    _together(take, take)


def no_loop() -> None:
    """Two consumers, one item, `if` instead of `while` around the wait."""
    condition = threading.Condition()
    items: list[int] = []

    def consumer() -> None:
        with condition:
            if not items:
                condition.wait(timeout=10)
            if items:
                items.pop()

    def hasty() -> None:
        with condition:
            if not items:
                condition.wait()
            items.pop()

    def producer() -> None:
        with condition:
            items.append(1)
            condition.notify_all()

    _together(hasty, consumer, producer)


def with_loop() -> None:
    """The same with `while`, and one item each."""
    condition = threading.Condition()
    items: list[int] = []

    def consumer() -> None:
        with condition:
            while not items:
                condition.wait()
            items.pop()

    def producer() -> None:
        with condition:
            items.extend((1, 2))
            condition.notify_all()

    _together(consumer, consumer, producer)
