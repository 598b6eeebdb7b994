"""Cycles through what somebody had to wait for on the way: a join, a waker, two joins.

Each program ends, its threads in an order that brings nobody to the crossing; in another order
they are stuck for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

import lockcheck
from lockcheck.core.report import POSSIBLE, Report

Program = Callable[[lockcheck.Checker], None]


def run(*bodies: Callable[[], object]) -> None:
    """Run each body in a thread of its own, one after the other; the checker sees no order."""
    for body in bodies:
        thread = threading.Thread(target=body)
        thread.start()
        thread.join(60)


def reports(program: Program) -> list[Report]:
    chk = lockcheck.Checker()
    program(chk)
    return [report for report in chk.reports if report.severity == POSSIBLE]


def a_joined_thread_waits_for_an_event(chk: lockcheck.Checker) -> None:
    lock, ready = chk.Lock("lock"), chk.Event("ready")

    def maker() -> None:
        with lock:
            ready.set()

    thread = chk.Thread(target=ready.wait, name="worker")
    run(maker)
    thread.start()
    with lock:
        thread.join()


def a_joined_thread_waits_for_an_item(chk: lockcheck.Checker) -> None:
    lock, items = chk.Lock("lock"), chk.Queue(0, "items")

    def maker() -> None:
        with lock:
            pass
        items.put(1)

    thread = chk.Thread(target=items.get, name="worker")
    run(maker)
    thread.start()
    with lock:
        thread.join()


def what_a_joined_thread_joined_waits_for(chk: lockcheck.Checker) -> None:
    lock, ready = chk.Lock("lock"), chk.Event("ready")

    def maker() -> None:
        with lock:
            ready.set()

    def outer() -> None:
        inner = chk.Thread(target=ready.wait, name="inner")
        inner.start()
        inner.join()

    run(maker)
    thread = chk.Thread(target=outer, name="outer")
    thread.start()
    with lock:
        thread.join()


def a_waker_comes_after_an_item(chk: lockcheck.Checker) -> None:
    lock, items, ready = chk.Lock("lock"), chk.Queue(0, "items"), chk.Event("ready")

    def maker() -> None:
        with lock:
            items.put(1)

    def waker() -> None:
        items.get()
        ready.set()

    def waiter() -> None:
        with lock:
            ready.wait()

    run(maker, waker, waiter)


def a_waker_comes_after_a_barrier(chk: lockcheck.Checker) -> None:
    lock, meeting, ready = chk.Lock("lock"), chk.Barrier(2, name="meeting"), chk.Event("ready")

    def other() -> None:
        with lock:
            meeting.wait()

    def waker() -> None:
        meeting.wait()
        ready.set()

    def waiter() -> None:
        with lock:
            ready.wait()

    threads = [threading.Thread(target=body) for body in (other, waker)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    run(waiter)


def two_who_join_with_locks_held(chk: lockcheck.Checker) -> None:
    one, two = chk.Lock("one"), chk.Lock("two")

    def takes(lock: lockcheck.Lock) -> None:
        with lock:
            pass

    def joins(held: lockcheck.Lock, wanted: lockcheck.Lock) -> None:
        thread = chk.Thread(target=takes, args=(wanted,))
        thread.start()
        with held:
            thread.join()

    run(lambda: joins(one, two), lambda: joins(two, one))


def a_lock_that_another_one_releases(chk: lockcheck.Checker) -> None:
    """Who releases it has taken and dropped what its holder holds when it takes it once more."""
    lock, signal = chk.Lock("lock"), chk.Lock("signal")

    def releases() -> None:
        with lock:
            pass
        signal.release()

    def waits() -> None:
        with lock:
            signal.acquire()
        run(releases)
        with lock:
            signal.acquire()
            signal.release()

    run(waits)


@pytest.mark.parametrize(
    "program",
    [
        a_lock_that_another_one_releases,
        a_joined_thread_waits_for_an_event,
        a_joined_thread_waits_for_an_item,
        what_a_joined_thread_joined_waits_for,
        a_waker_comes_after_an_item,
        a_waker_comes_after_a_barrier,
        two_who_join_with_locks_held,
    ],
)
def test_who_waits_on_the_way_is_part_of_the_cycle(program: Program) -> None:
    """The lock that is held is needed by whoever ends the wait of somebody else first."""
    (report, *others) = reports(program)

    assert report.kind == "wait-cycle"
    assert not others


def another_makes_it_happen(chk: lockcheck.Checker) -> None:
    """As the first, and a second maker needs nothing: seen before the join, or after it."""
    lock, ready = chk.Lock("lock"), chk.Event("ready")

    def maker() -> None:
        with lock:
            ready.set()

    thread = chk.Thread(target=ready.wait, name="worker")
    run(maker)
    thread.start()
    with lock:
        thread.join()
    run(ready.set)


def it_made_it_happen_itself(chk: lockcheck.Checker) -> None:
    lock, ready = chk.Lock("lock"), chk.Event("ready")

    def maker() -> None:
        with lock:
            ready.set()

    def worker() -> None:
        ready.set()
        ready.wait()

    thread = chk.Thread(target=worker)
    run(maker)
    thread.start()
    with lock:
        thread.join()


def it_had_happened(chk: lockcheck.Checker) -> None:
    """Who joins has waited for it itself, or was started after it."""
    lock, ready = chk.Lock("lock"), chk.Event("ready")

    def maker() -> None:
        with lock:
            ready.set()

    thread = chk.Thread(target=ready.wait, name="worker")
    run(maker)
    thread.start()
    ready.wait()
    with lock:
        thread.join()


def it_waits_for_so_long_only(chk: lockcheck.Checker) -> None:
    lock, ready = chk.Lock("lock"), chk.Event("ready")

    def maker() -> None:
        with lock:
            ready.set()

    thread = chk.Thread(target=ready.wait, args=(60,), name="worker")
    run(maker)
    thread.start()
    with lock:
        thread.join()


def another_waker_of_the_waker(chk: lockcheck.Checker) -> None:
    """An item comes without the lock, too; that is seen when the waiter was judged already."""
    lock, items, ready = chk.Lock("lock"), chk.Queue(0, "items"), chk.Event("ready")

    def maker() -> None:
        with lock:
            items.put(1)

    def waker() -> None:
        items.get()
        ready.set()

    def waiter() -> None:
        with lock:
            ready.wait()

    run(maker, waker, waiter, lambda: items.put(2))


def joins_in_one_order(chk: lockcheck.Checker) -> None:
    one, two = chk.Lock("one"), chk.Lock("two")

    def takes() -> None:
        with two:
            pass

    def joins() -> None:
        thread = chk.Thread(target=takes)
        thread.start()
        with one:
            thread.join()

    run(joins, joins)


def taken_once_and_released_by_another(chk: lockcheck.Checker) -> None:
    """Its holder never waits for it, for nobody else takes it."""
    lock, signal = chk.Lock("lock"), chk.Lock("signal")

    def takes() -> None:
        with lock:
            signal.acquire()

    def releases() -> None:
        with lock:
            pass
        signal.release()

    run(takes, releases)


def an_item_taken_makes_room_for_the_next(chk: lockcheck.Checker) -> None:
    """Who puts an item back has taken one: the first finds room, whoever comes first."""
    lock, items = chk.Lock("lock"), chk.Queue(1, "items")

    def puts() -> None:
        with lock:
            items.put(1)

    def puts_back() -> None:
        with lock:
            pass
        items.put(items.get())

    run(puts, puts_back)


def room_that_another_one_fills_later(chk: lockcheck.Checker) -> None:
    """Who else puts is started when the first has put."""
    lock, items = chk.Lock("lock"), chk.Queue(1, "items")

    def gets() -> None:
        with lock:
            pass
        items.get()

    def puts() -> None:
        with lock:
            items.put(1)
        second = chk.Thread(target=items.put, args=(2,))
        run(gets)
        second.start()
        second.join()

    run(puts, gets)


@pytest.mark.parametrize(
    "program",
    [
        room_that_another_one_fills_later,
        taken_once_and_released_by_another,
        an_item_taken_makes_room_for_the_next,
        another_makes_it_happen,
        it_made_it_happen_itself,
        it_had_happened,
        it_waits_for_so_long_only,
        another_waker_of_the_waker,
        joins_in_one_order,
    ],
)
def test_who_goes_on_all_the_same_is_none(program: Program) -> None:
    """Somebody else makes it happen, it has happened, or it is not waited for any longer."""
    assert reports(program) == []
