"""The watchdog ends what is stuck, names who waits for whom, and lets slow runs be."""

from __future__ import annotations

import gc
import threading
from _thread import allocate_lock
from itertools import count

import pytest

import lockcheck
from lockcheck.conduct.watchdog import Watchdog


def abba(chk: lockcheck.Checker, meet: threading.Barrier) -> list[lockcheck.sync.Thread]:
    """Two threads that certainly deadlock: both hold their first lock before wanting the second."""
    a, b = chk.Lock("a"), chk.Lock("b")

    def body(first: lockcheck.sync.Lock, second: lockcheck.sync.Lock) -> None:
        with first:
            meet.wait(30)
            with second:
                raise AssertionError("cannot get here")

    threads = [
        chk.Thread(target=body, args=(a, b), name="ab"),
        chk.Thread(target=body, args=(b, a), name="ba"),
    ]
    for thread in threads:
        thread.start()
    return threads


def test_a_deadlock_ends_with_every_thread_joined() -> None:
    """The report is certain, both threads unwind, and the main thread's join returns."""
    chk = lockcheck.Checker()
    with Watchdog(chk, period=0.01):
        threads = abba(chk, threading.Barrier(2))
        with pytest.raises(lockcheck.Unwind):
            threads[0].join()
        for thread in threads:
            threading.Thread.join(thread, 60)

    assert not any(thread.is_alive() for thread in threads)
    assert all(thread.unwound for thread in threads)
    kinds = {report.kind for report in chk.reports}
    assert kinds & {"deadlock", "hang"}
    stuck = next(report for report in chk.reports if report.kind in ("deadlock", "hang"))
    assert stuck.severity == "certain"
    assert {"ab", "ba"} <= {str(name) for name in stuck.threads}


def test_the_watchdog_collects_nothing() -> None:
    """However much is due: finalisers of the program run in threads of its own."""
    collects: set[int] = set()
    looked = allocate_lock()
    looks = count()

    def others() -> list[lockcheck.Checker]:
        if next(looks) == 5:
            looked.release()
        return []

    def strikes(_phase: str, _info: dict[str, int]) -> None:
        collects.add(threading.get_ident())

    chk = lockcheck.Checker()
    go = chk.Event("go")
    waiter = chk.Thread(target=go.wait)
    threshold = gc.get_threshold()
    looked.acquire()
    gc.callbacks.append(strikes)
    try:
        with Watchdog(chk, others=others, period=0.001, looks=10_000):
            waiter.start()
            gc.set_threshold(1)
            looked.acquire()
            go.set()
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(strikes)
        waiter.join()

    assert collects <= {threading.get_ident(), waiter.ident}


def test_an_idle_service_is_not_stuck() -> None:
    """A thread that waits for work that may still come does not end the run."""
    chk = lockcheck.Checker()
    lot = chk.Parking("work")
    work: list[int] = []
    service = chk.Thread(
        target=lambda: lot.wait(lambda: bool(work), why="work", idle=True), name="service"
    )
    with Watchdog(chk, period=0.005) as dog:
        service.start()
        gate = threading.Event()
        gate.wait(0.2)  # not a wait of ours: the main thread counts as running
        lot.change(lambda: work.append(1))
        service.join()

    assert dog.report is None
    assert not chk.aborted


def test_a_lost_wakeup_ends_too() -> None:
    """A wait that nobody can end any more is stuck although there is no cycle."""
    chk = lockcheck.Checker()
    event = chk.Event("never")
    thread = chk.Thread(target=event.wait, name="waiter")
    with Watchdog(chk, period=0.01) as dog:
        thread.start()
        with pytest.raises(lockcheck.Unwind):
            thread.join()
        threading.Thread.join(thread, 60)

    assert dog.report is not None
    assert not thread.is_alive()


def test_a_hang_on_the_objects_of_another_checker_ends_too() -> None:
    """A program's own checker is watched beside the one that runs it, and gets the report."""
    running, own = lockcheck.Checker(), lockcheck.Checker()
    running.Lock("known to both").acquire()  # this thread has a state in both
    with Watchdog(running, others=lambda: [own], period=0.01) as dog:
        threads = abba(own, threading.Barrier(2))
        with pytest.raises(lockcheck.Unwind):
            threads[0].join()
        for thread in threads:
            threading.Thread.join(thread, 60)

    assert dog.report is not None
    assert dog.report in own.reports
    assert not any(thread.is_alive() for thread in threads)
    assert running.aborted
    assert own.aborted


def test_a_thread_that_waits_in_one_checker_and_runs_in_no_other_is_not_stuck_alone() -> None:
    """As long as a thread of another checker runs, nothing is stuck."""
    running, own = lockcheck.Checker(), lockcheck.Checker()
    event = own.Event("later")
    waiter = own.Thread(target=event.wait, name="waiter")
    with Watchdog(running, others=lambda: [own], period=0.005) as dog:
        running.current()
        waiter.start()
        threading.Event().wait(0.2)  # not a wait of ours: the main thread counts as running
        event.set()
        waiter.join()

    assert dog.report is None
