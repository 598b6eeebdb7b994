"""Who makes something happen took a lock before: every kind of wait, under every kind of lock.

The waiter holds the lock.  Where the other thread took it and dropped it before, another schedule
has both of them stuck; where it takes the lock only afterwards, none has.  The threads meet by
plain `threading`, in which the checker sees no order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple

import pytest

import lockcheck
from lockcheck.core.report import CLASS_ONLY

Body = Callable[[], object]
Guard = Callable[[], AbstractContextManager[object]]
When = Literal["before", "after"]


class Guards(NamedTuple):
    """One lock, as the waiter and as the waker takes it."""

    waiter: Guard
    waker: Guard


def alike(lock: AbstractContextManager[object]) -> Guards:
    return Guards(lambda: lock, lambda: lock)


def written_and_read(chk: lockcheck.Checker) -> Guards:
    lock = chk.RWLock("L")
    return Guards(lock.writing, lock.reading)


def read_and_written(chk: lockcheck.Checker) -> Guards:
    lock = chk.RWLock("L")
    return Guards(lock.reading, lock.writing)


LOCKS: dict[str, Callable[[lockcheck.Checker], Guards]] = {
    "Lock": lambda chk: alike(chk.Lock("L")),
    "RLock": lambda chk: alike(chk.RLock("L")),
    "Semaphore(1)": lambda chk: alike(chk.Semaphore(1, "L")),
    "RWLock, written by the waiter": written_and_read,
    "RWLock, written by the waker": read_and_written,
}

Run = Callable[[lockcheck.Checker, Guards, When], None]


def in_turn(*bodies: Body) -> None:
    for body in bodies:
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()


def under(guard: Guard, body: Body) -> Body:
    def run() -> None:
        with guard():
            body()

    return run


def waker(guards: Guards, when: When, happen: Body) -> Body:
    """Make it happen, and take the lock for a moment before or after."""

    def run() -> None:
        if when == "before":
            under(guards.waker, lambda: None)()
        happen()
        if when == "after":
            under(guards.waker, lambda: None)()

    return run


def made_first(happen: Body, wait: Body, guards: Guards, when: When) -> None:
    """What lasts until it is waited for."""
    in_turn(waker(guards, when, happen), under(guards.waiter, wait))


def event(chk: lockcheck.Checker, guards: Guards, when: When) -> None:
    event = chk.Event("event")
    made_first(event.set, event.wait, guards, when)


def item(chk: lockcheck.Checker, guards: Guards, when: When) -> None:
    items = chk.Queue(0, "items")
    made_first(lambda: items.put(1), items.get, guards, when)


def tasks_done(chk: lockcheck.Checker, guards: Guards, when: When) -> None:
    items = chk.Queue(0, "items")
    items.put(1)
    made_first(lambda: (items.get(), items.task_done()), items.join, guards, when)


def unit(chk: lockcheck.Checker, guards: Guards, when: When) -> None:
    units = chk.Semaphore(0, "units")
    made_first(units.release, units.acquire, guards, when)


def notify(chk: lockcheck.Checker, guards: Guards, when: When) -> None:
    """A notify does not last: the waiter is there before, and the waker had the lock by then."""
    condition = chk.Condition(name="condition")
    had, waits = threading.Event(), threading.Event()

    def wait() -> None:
        with condition:
            waits.set()
            condition.wait()

    def happen() -> None:
        had.set()
        waits.wait()
        with condition:
            condition.notify()

    thread = threading.Thread(target=waker(guards, when, happen))
    thread.start()
    had.wait()
    in_turn(under(guards.waiter, wait))
    thread.join()


def party(chk: lockcheck.Checker, guards: Guards, when: When) -> None:
    meeting = chk.Barrier(2, name="meeting")
    had = threading.Event()

    def happen() -> None:
        had.set()
        meeting.wait()

    thread = threading.Thread(target=waker(guards, when, happen))
    thread.start()
    had.wait()
    in_turn(under(guards.waiter, meeting.wait))
    thread.join()


def end(chk: lockcheck.Checker, guards: Guards, when: When) -> None:
    """Its end comes after all that a thread does: what it does when it has been joined is none."""
    over = threading.Event()
    body = waker(guards, when, over.set) if when == "before" else over.set
    thread = chk.Thread(target=body)
    thread.start()
    over.wait()
    under(guards.waiter, thread.join)()
    if when == "after":
        in_turn(under(guards.waker, lambda: None))


WAITS: dict[str, Run] = {
    "an event": event,
    "an item": item,
    "the tasks of a queue": tasks_done,
    "a unit": unit,
    "a notify": notify,
    "the parties of a barrier": party,
    "the end of a thread": end,
}


def predictions(lock: str, wait: str, when: When) -> list[tuple[str, str, str]]:
    chk = lockcheck.Checker()
    WAITS[wait](chk, LOCKS[lock](chk), when)
    found = [(r.kind, r.severity, r.title) for r in chk.reports]
    return [each for each in found if each[1] != CLASS_ONLY]


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("lock", LOCKS)
def test_a_waker_that_took_and_dropped_the_lock_is_seen(lock: str, wait: str) -> None:
    """The waiter may come first, and keep it from there: possible, as a cycle of waits."""
    found = predictions(lock, wait, "before")

    assert [kind for kind, _, _ in found] == ["wait-cycle"], found


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("lock", LOCKS)
def test_a_waker_that_takes_the_lock_only_afterwards_is_no_finding(lock: str, wait: str) -> None:
    """Nothing keeps it from making it happen."""
    assert predictions(lock, wait, "after") == []
