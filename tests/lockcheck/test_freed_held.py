"""A held lock with no remaining references is reported, through the public surface alone."""

from __future__ import annotations

import _thread
import functools
import gc
import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

import lockcheck
from lockcheck.conduct.watchdog import Watchdog


def freed(chk: lockcheck.Checker) -> list[Any]:
    return [report for report in chk.reports if report.kind == "freed-held"]


def drop_plain(chk: lockcheck.Checker) -> None:
    chk.Lock("dropped").acquire()


def drop_rlock(chk: lockcheck.Checker) -> None:
    lock = chk.RLock("dropped")
    lock.acquire()
    lock.acquire()


def drop_tried(chk: lockcheck.Checker) -> None:
    assert chk.Lock("dropped").acquire(blocking=False)


def drop_written(chk: lockcheck.Checker) -> None:
    chk.RWLock("dropped").acquire_write()


def drop_read(chk: lockcheck.Checker) -> None:
    lock = chk.RWLock("dropped")
    lock.acquire_read()
    lock.acquire_read()


def drop_with_its_condition(chk: lockcheck.Checker) -> None:
    chk.Condition(name="dropped").acquire()


def drop_named(chk: lockcheck.Checker) -> None:
    chk.Lock("dropped", instance="the one").acquire()


WAYS = [
    drop_plain,
    drop_rlock,
    drop_tried,
    drop_written,
    drop_read,
    drop_with_its_condition,
    drop_named,
]


@pytest.mark.parametrize("drop", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("races", [False, True], ids=["plain", "observed"])
def test_a_held_lock_that_was_dropped_is_told_when_the_reports_are_read(
    drop: Callable[[lockcheck.Checker], None], races: bool
) -> None:
    """One certain finding, which shows where it was taken; it is held no longer."""
    chk = lockcheck.Checker(races=races)
    drop(chk)

    (report,) = freed(chk)
    assert report.severity == "certain"
    assert any(drop.__name__ in str(stack) for title, _, stack in report.stacks if "taken" in title)
    assert "when the reports were read" in str(report)
    assert not chk.held()
    assert len(freed(chk)) == 1


def test_it_is_told_when_the_thread_takes_another_lock() -> None:
    """The slow path looks, so the noticing place is near the mistake."""
    told: list[Any] = []
    chk = lockcheck.Checker(on_report=told.append)
    other = chk.Lock("other")
    drop_plain(chk)
    with other:
        assert [entry.key.cls.name for entry in chk.held()] == ["other"]

    assert [report.kind for report in told] == ["freed-held"]
    assert "took another lock" in told[0].detail
    assert not chk.held()


def test_locks_above_and_below_stay_held() -> None:
    """Only the freed one leaves the held stack, and the order of the others is kept."""
    chk = lockcheck.Checker()
    below, above, top = chk.Lock("below"), chk.Lock("above"), chk.Lock("top")
    with below:
        drop_plain(chk)
        with above:
            assert len(freed(chk)) == 1
            assert [entry.key.cls.name for entry in chk.held()] == ["above", "below"]
            with top:
                pass
        assert [entry.key.cls.name for entry in chk.held()] == ["below"]
    assert not chk.held()
    edges = {(edge.source.name, edge.target.name) for edge in chk.graph.edges}
    assert ("below", "top") in edges
    assert ("above", "top") in edges


def test_a_thread_that_ends_tells_freed_rather_than_held_at_exit() -> None:
    """What no thread could release even before the end is reported as that, and only once."""
    chk = lockcheck.Checker()
    kept = chk.Lock("kept")

    def body() -> None:
        drop_plain(chk)
        kept.acquire()

    thread = chk.Thread(target=body)
    thread.start()
    thread.join()

    told = [(report.kind, report.classes) for report in chk.reports]
    assert sorted(told) == [("freed-held", ("dropped",)), ("held-at-exit", ("kept",))]


def test_a_lock_whose_owner_was_in_a_cycle_is_told_once_the_collector_took_it() -> None:
    """Not before: up to then a finaliser might still release it."""
    chk = lockcheck.Checker()

    class Owner:
        def __init__(self) -> None:
            self.me = self
            self.lock = chk.Lock("owned")
            self.lock.acquire()

    gc.disable()
    try:
        Owner()
        before = freed(chk)
        gc.collect()
    finally:
        gc.enable()

    assert not before
    assert len(freed(chk)) == 1


def test_a_finaliser_that_releases_its_lock_is_in_time() -> None:
    """While `__del__` runs, the owner still refers to its lock."""
    chk = lockcheck.Checker()

    class Owner:
        def __init__(self) -> None:
            self.lock = chk.Lock("owned")
            self.lock.acquire()

        def __del__(self) -> None:
            with chk.Lock("other"):
                self.lock.release()

    Owner()
    assert not freed(chk)
    assert not chk.held()


def test_a_weak_reference_keeps_nothing() -> None:
    """A lock that only a weak reference knows is freed; the reference dies when it was reported."""
    chk = lockcheck.Checker()
    lock = chk.Lock("dropped")
    lock.acquire()
    ref = weakref.ref(lock)
    del lock

    assert len(freed(chk)) == 1
    assert ref() is None


def test_whoever_may_still_release_it_keeps_it() -> None:
    """A with statement, a local, a closure, a default argument, a bound method, an exit stack."""
    chk = lockcheck.Checker(on_report="raise")
    number = iter(range(100))

    def novel() -> None:
        """Take the slow path, which looks."""
        with chk.Lock(f"other {next(number)}"):
            pass

    with chk.Lock("with"):
        novel()
    with chk.RLock("with r"):
        novel()
    with chk.RWLock("with rw").writing():
        novel()
    with chk.Semaphore(1, "with semaphore"):
        novel()
    with chk.Condition(name="with condition"):
        novel()

    local = chk.Lock("local")
    local.acquire()
    novel()
    local.release()

    def closed() -> Callable[[], None]:
        lock = chk.Lock("closed")
        lock.acquire()
        return lambda: lock.release()

    def defaulted() -> Callable[[], None]:
        made = chk.Lock("default")
        made.acquire()

        def release(lock: Any = made) -> None:
            lock.release()

        del made
        return release

    def bound() -> Callable[[], None]:
        lock = chk.Lock("bound")
        lock.acquire()
        return functools.partial(lock.release)

    def stacked() -> Callable[[], None]:
        stack = ExitStack()
        stack.enter_context(chk.Lock("stacked"))
        return stack.close

    for make in (closed, defaulted, bound, stacked):
        release = make()
        novel()
        assert not freed(chk)
        release()
    assert not chk.held()
    assert not freed(chk)


def test_another_thread_is_looked_at_only_while_it_is_blocked() -> None:
    """Of a thread that waits it is reported when reports are read, or by the watchdog."""
    chk = lockcheck.Checker()
    go = chk.Event("go")
    ready = threading.Event()

    def body() -> None:
        drop_plain(chk)
        ready.set()
        go.wait()

    thread = chk.Thread(target=body, name="blocked")
    thread.start()
    ready.wait(60)
    state = thread.state
    while state.waiting is None:
        pass
    (report,) = freed(chk)
    go.set()
    thread.join()

    assert report.threads == ("blocked",)
    assert len(freed(chk)) == 1


def test_the_watchdog_tells_it_of_a_blocked_thread() -> None:
    """Nobody need read the reports meanwhile."""
    came = _thread.allocate_lock()
    came.acquire()
    told: list[Any] = []

    def arrived(report: Any) -> None:
        told.append(report)
        came.release()

    chk = lockcheck.Checker(on_report=arrived)
    go = chk.Event("go")

    def body() -> None:
        drop_plain(chk)
        go.wait()

    thread = chk.Thread(target=body)
    with Watchdog(chk, period=0.001, looks=10_000):
        thread.start()
        assert came.acquire(timeout=60)
    go.set()  # nobody looks any more: a look is a reference more
    thread.join()

    assert [report.kind for report in told] == ["freed-held"]


def test_a_class_that_serves_as_a_signal_is_told_lower() -> None:
    """Locks that other threads release are signals; one that dies taken is worth less a word."""
    chk = lockcheck.Checker()
    box = [chk.Lock("signal")]
    go = threading.Event()

    def body() -> None:
        go.wait(60)
        box[0].release()

    thread = chk.Thread(target=body)
    thread.start()
    box[0].acquire()
    go.set()
    thread.join()
    box.pop().acquire()

    (report,) = freed(chk)
    assert report.severity == "class-only"
    assert "signal" in report.reason


def test_readers_in_other_threads_keep_a_lock_alive() -> None:
    """A second reader is somebody who can still release it."""
    chk = lockcheck.Checker()
    lock = chk.RWLock("shared")
    lock.acquire_read()
    box = [lock]
    del lock
    go = chk.Event("go")
    ready = threading.Event()

    def reader() -> None:
        mine = box.pop()
        with mine.reading():
            ready.set()
            go.wait()

    thread = chk.Thread(target=reader)
    thread.start()
    ready.wait(60)
    assert not freed(chk)
    go.set()
    thread.join()
    assert len(freed(chk)) == 1


def test_raising_leaves_the_lock_that_was_about_to_be_taken_free() -> None:
    """As with every finding: the operation was undone, and the next one goes."""
    chk = lockcheck.Checker(on_report="raise")
    other = chk.Lock("other")
    drop_plain(chk)
    with pytest.raises(lockcheck.Violation):
        other.acquire()

    assert not other.locked()
    with other:
        assert chk.is_held(other)
    assert not chk.held()
