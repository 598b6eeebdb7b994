"""`concurrent.futures` under install(): a task is a work, result() flushes it."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait

import pytest

import lockcheck


@pytest.fixture
def chk() -> Iterator[lockcheck.Checker]:
    """An installed checker."""
    checker = lockcheck.install()
    yield checker
    lockcheck.uninstall()


def told(chk: lockcheck.Checker) -> list[str]:
    return [report.kind for report in chk.reports]


def test_a_result_under_a_lock_that_the_task_takes_is_told_without_hanging(
    chk: lockcheck.Checker,
) -> None:
    """The task took it in an earlier run; now it is slow and does not."""
    a = threading.Lock()
    gate = threading.Event()

    def work(take: bool) -> None:
        if take:
            with a:
                pass
        else:
            gate.wait()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work, True).result()
        slow = pool.submit(work, False)
        with a:
            timer = threading.Timer(0.05, gate.set)
            timer.start()
            slow.result()
        timer.join()

    assert "circular" in told(chk)


def test_a_result_that_was_waited_for_by_a_semaphore_is_there() -> None:
    """One worker does both tasks: with the unit of the second the first is over in every run."""
    chk = lockcheck.Checker()
    a, ended = chk.Lock("a"), chk.Semaphore(0, "ended")

    def work() -> None:
        with a:
            pass
        ended.release()

    thread = chk.Thread(target=work)
    thread.start()
    ended.acquire()
    with a:
        thread.join()

    assert chk.reports == []


def test_a_result_that_happens_to_be_there_is_judged_as_if_it_were_not(
    chk: lockcheck.Checker,
) -> None:
    """The task took the lock and was faster, this time."""
    a = threading.Lock()
    ended = (
        _thread.allocate_lock()
    )  # an order that the checker does not see, so it keeps nobody away
    ended.acquire()

    def work() -> None:
        with a:
            pass

    with ThreadPoolExecutor(1) as pool:
        fast = pool.submit(work)
        pool.submit(ended.release)
        ended.acquire()
        with a:
            fast.result()

    assert [(r.kind, r.severity) for r in chk.reports] == [("circular", "possible")]


@pytest.mark.parametrize(
    "how",
    ["done", "wait", "wait for what is over", "as_completed", "callback", "shutdown", "again"],
)
def test_a_result_that_had_to_be_there_is_no_wait(chk: lockcheck.Checker, how: str) -> None:
    """The thread asked before it took the lock, in whichever way."""
    a = threading.Lock()

    def work() -> int:
        with a:
            return 1

    def late(future: Future[int]) -> None:
        with a:
            assert future.result() == 1

    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    if how == "done":
        while not future.done():
            pass
    elif how == "wait":
        wait([future])
    elif how == "wait for what is over":
        while future._state != "FINISHED":  # unasked
            pass
        wait([future])
    elif how == "as_completed":
        assert list(as_completed([future])) == [future]
    elif how == "callback":
        future.add_done_callback(late)
    elif how == "again":
        future.result()
    if how in ("callback", "shutdown"):
        pool.shutdown()
    with a:
        assert future.result() == 1
    pool.shutdown()

    assert chk.reports == []


def test_a_result_with_nothing_held_is_fine(chk: lockcheck.Checker) -> None:
    """And one under another lock."""
    a, b = threading.Lock(), threading.Lock()

    def work() -> int:
        with a:
            return 1

    with ThreadPoolExecutor(2) as pool:
        assert pool.submit(work).result() == 1
        with b:
            assert pool.submit(work).result() == 1

    assert chk.reports == []


def test_what_comes_before_a_submit_is_ordered_before_the_task(chk: lockcheck.Checker) -> None:
    """AB, then a task that does BA: never at once."""
    a, b = threading.Lock(), threading.Lock()

    def work() -> None:
        with b, a:
            pass

    with a, b:
        pass
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()

    assert [report.severity for report in chk.reports] == ["class-only"]


def test_tasks_that_wait_for_each_other_in_a_wide_pool_are_fine(chk: lockcheck.Checker) -> None:
    """Recursion through a pool with workers to spare."""
    with ThreadPoolExecutor(4) as pool:

        def total(depth: int) -> int:
            return 1 + (pool.submit(total, depth - 1).result() if depth else 0)

        assert pool.submit(total, 2).result() == 3

    assert chk.reports == []


def test_futures_are_put_back(chk: lockcheck.Checker) -> None:
    """After uninstall() the methods are the original ones."""
    lockcheck.uninstall()

    assert ThreadPoolExecutor.submit.__module__ == "concurrent.futures.thread"
