"""A lock held across a hand-over: what was done under it is over once the other thread takes it.

One thread takes the lock, hands over, and wants `inner` under it.  The other one comes after the
hand-over; what it takes the other way round can only meet that where it has not had the lock since.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import lockcheck
from lockcheck.core.report import CLASS_ONLY, POSSIBLE

Body = Callable[[], object]
HandOver = Callable[[lockcheck.Checker], tuple[Body, Body]]
"""Makes what gives and what receives."""


def by_event(chk: lockcheck.Checker) -> tuple[Body, Body]:
    event = chk.Event("go")
    return event.set, event.wait


def by_item(chk: lockcheck.Checker) -> tuple[Body, Body]:
    queue = chk.Queue(0, "queue")
    return lambda: queue.put(1), queue.get


def by_unit(chk: lockcheck.Checker) -> tuple[Body, Body]:
    units = chk.Semaphore(0, "units")
    return units.release, units.acquire


def by_barrier(chk: lockcheck.Checker) -> tuple[Body, Body]:
    meeting = chk.Barrier(2, name="meeting")
    return meeting.wait, meeting.wait


def by_third(chk: lockcheck.Checker) -> tuple[Body, Body]:
    """What is given goes through a third thread, which knows of it what the first one did."""
    first, second = chk.Event("first"), chk.Event("second")

    def between() -> None:
        first.wait()
        second.set()

    threading.Thread(target=between).start()
    return first.set, second.wait


def in_turn(*bodies: Body) -> None:
    for body in bodies:
        thread = threading.Thread(target=body)
        thread.start()
        thread.join(60)


KINDS: list[HandOver] = [by_event, by_item, by_unit, by_barrier, by_third]
Since = Callable[[Any], object]
"""What the receiver does with the lock before it takes both the other way round."""


def takes(lock: Any) -> None:
    with lock:
        pass


def tries(lock: Any) -> None:
    if lock.acquire(False):
        lock.release()


def nothing(lock: Any) -> None:
    pass


def severities(kind: HandOver | None, since: Since) -> set[str]:
    """The verdicts on the two orders, which a plain event keeps from meeting; None: a start."""
    chk = lockcheck.Checker()
    lock, inner = chk.Lock("lock"), chk.Lock("inner")
    over = threading.Event()
    started: list[Any] = []

    def receiver(receive: Body) -> Body:
        def run() -> None:
            receive()
            if since is not takes:
                over.wait(60)
            since(lock)
            with inner, lock:
                pass

        return run

    if kind is None:

        def give() -> object:
            started.append(chk.Thread(target=receiver(lambda: None)))
            return started[0].start()

    else:
        give, receive = kind(chk)
        started.append(threading.Thread(target=receiver(receive)))
        started[0].start()
    with lock:
        give()
        with inner:
            pass
    over.set()
    started[0].join(60)
    assert not started[0].is_alive()
    return {report.severity for report in chk.reports if report.kind == "circular"}


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_what_was_done_under_the_lock_is_over_once_the_other_has_taken_it(
    kind: HandOver | None,
) -> None:
    """Lock, hand-over, inner; the other one has had the lock since: the orders never meet."""
    assert severities(kind, takes) == {CLASS_ONLY}


@pytest.mark.parametrize("since", [nothing, tries])
@pytest.mark.parametrize("kind", [None, *KINDS])
def test_who_has_not_taken_the_lock_since_may_meet_what_is_done_under_it(
    kind: HandOver | None, since: Since
) -> None:
    """The same without the lock between, or with a try, which goes on without it: they meet."""
    assert severities(kind, since) == {POSSIBLE}


@pytest.mark.parametrize("kind", KINDS)
def test_readers_of_the_lock_are_not_over_for_each_other(kind: HandOver) -> None:
    """Held shared by both: to have taken it since says nothing of the other one's hold."""
    chk = lockcheck.Checker()
    lock, one, two = chk.RWLock("lock"), chk.Lock("one"), chk.Lock("two")
    over = threading.Event()
    give, receive = kind(chk)

    def receiver() -> None:
        receive()
        over.wait(60)
        with lock.reading():
            pass
        with two, one:
            pass

    thread = threading.Thread(target=receiver)
    thread.start()
    with lock.reading():
        give()
        with one, two:
            pass
    over.set()
    thread.join(60)

    assert [report.severity for report in chk.reports] == [POSSIBLE]


def test_what_is_held_when_it_is_learned_was_released_before() -> None:
    """The lock is taken before the hand-over is received: the other one had it still before."""
    chk = lockcheck.Checker()
    lock, one, two = chk.Lock("lock"), chk.Lock("one"), chk.Lock("two")
    done = chk.Event("done")

    def first() -> None:
        with lock:
            done.set()
            with one, two:
                pass

    def second() -> None:
        with lock:
            done.wait()
        with two, one:
            pass

    in_turn(first, second)

    assert {r.severity for r in chk.reports if r.kind == "circular"} == {CLASS_ONLY}


def set_under_the_lock(chk: lockcheck.Checker) -> None:
    """Two events under one hold: who has had the lock since the first finds the second set."""
    lock, first, second = chk.Lock("lock"), chk.Event("first"), chk.Event("second")

    def maker() -> None:
        with lock:
            first.set()
            second.set()

    def waiter() -> None:
        first.wait()
        with lock:
            second.wait()

    in_turn(maker, waiter)


def put_under_the_lock(chk: lockcheck.Checker) -> None:
    """The same with two queues."""
    lock, first, second = chk.Lock("lock"), chk.Queue(0, "first"), chk.Queue(0, "second")

    def maker() -> None:
        with lock:
            first.put(1)
            second.put(1)

    def waiter() -> None:
        first.get()
        with lock:
            second.get()

    in_turn(maker, waiter)


def set_before_another(chk: lockcheck.Checker) -> None:
    """No hand-over under the lock, but the first event is set before the second in any case."""
    lock, first, second = chk.Lock("lock"), chk.Event("first"), chk.Event("second")

    def maker() -> None:
        with lock:
            first.set()
        second.set()

    def waiter() -> None:
        second.wait()
        with lock:
            first.wait()
            first.set()  # so that it is no waiter only

    in_turn(maker, waiter)


@pytest.mark.parametrize("program", [set_under_the_lock, put_under_the_lock, set_before_another])
def test_what_has_happened_in_any_case_is_not_waited_for(
    program: Callable[[lockcheck.Checker], None],
) -> None:
    """The waiter holds what the waker needed, but comes after it: nobody is kept away."""
    chk = lockcheck.Checker()
    program(chk)

    assert POSSIBLE not in {report.severity for report in chk.reports}
