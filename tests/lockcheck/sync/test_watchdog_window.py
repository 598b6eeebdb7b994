"""What the watchdog must not take for stuck, or for alive: windows held open by construction."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable
from typing import Any

import pytest

import lockcheck
from lockcheck.conduct import deadlock, watchdog
from lockcheck.conduct.watchdog import Watchdog, look
from lockcheck.core.report import LockRef, Report, Step
from lockcheck.sync import atomic, parking
from lockcheck.sync.blocking import block


class Late:
    """A raw lock whose blocking acquire returns only when it is let: taken, and not yet awake.

    The first acquire is its maker's.  The one that blocks may come when it is free already: its
    thread said that it waits before that.
    """

    def __init__(self) -> None:
        self.raw = _thread.allocate_lock()
        self.taken = threading.Event()
        self.let = threading.Event()
        self.made = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if not blocking or not self.made:
            self.made = True
            return self.raw.acquire(False)
        got = self.raw.acquire(blocking, timeout)
        self.taken.set()
        assert self.let.wait(60)
        return got

    def release(self) -> None:
        self.raw.release()

    def locked(self) -> bool:
        return self.raw.locked()


def wait_until_blocked(thread: Any) -> None:
    while thread.state is None or thread.state.waiting is None:
        pass


def running(chk: lockcheck.Checker, thread: Any) -> bool:
    return (0, thread.state.serial) in look(chk).running


def test_who_has_just_taken_a_shared_lock_runs() -> None:
    """Locked, but in nobody's held stack: a waiter took it and was not scheduled since."""
    chk = lockcheck.Checker()
    lock = chk.Lock("shared")
    late = Late()
    lock.real = late  # type: ignore[assignment]
    lock.acquire()

    def take() -> None:
        with lock:
            pass

    thread = chk.Thread(target=take, name="taker")
    thread.start()
    wait_until_blocked(thread)

    assert not running(chk, thread)
    lock.release()
    assert late.taken.wait(60)
    assert thread.state.waiting is not None
    assert running(chk, thread)
    late.let.set()
    thread.join()


def event(chk: lockcheck.Checker) -> tuple[Callable[[], Any], Callable[[], Any]]:
    made = chk.Event("event")
    return made.wait, made.set


def queue(chk: lockcheck.Checker) -> tuple[Callable[[], Any], Callable[[], Any]]:
    made = chk.Queue(name="queue")
    return made.get, lambda: made.put(1)


def semaphore(chk: lockcheck.Checker) -> tuple[Callable[[], Any], Callable[[], Any]]:
    made = chk.Semaphore(0, "semaphore")
    return made.acquire, made.release


def barrier(chk: lockcheck.Checker) -> tuple[Callable[[], Any], Callable[[], Any]]:
    made = chk.Barrier(2, name="barrier")
    return made.wait, made.wait


def condition(chk: lockcheck.Checker) -> tuple[Callable[[], Any], Callable[[], Any]]:
    made = chk.Condition(name="condition")

    def wait() -> None:
        with made:
            made.wait()

    def wake() -> None:
        with made:
            made.notify()

    return wait, wake


def readers(chk: lockcheck.Checker) -> tuple[Callable[[], Any], Callable[[], Any]]:
    made = chk.RWLock("readers")
    made.acquire_write()

    def read() -> None:
        with made.reading():
            pass

    return read, made.release_write


def references(chk: lockcheck.Checker) -> tuple[Callable[[], Any], Callable[[], Any]]:
    made = chk.Refcount("references", 2)
    return lambda: chk.wait_refs([made]), made.dec


@pytest.mark.parametrize("make", [event, queue, semaphore, barrier, condition, readers, references])
def test_who_was_served_runs_before_it_is_awake(
    make: Callable[[lockcheck.Checker], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The waker says so before it lets the waiter's own lock go, and the waiter need not run."""
    chk = lockcheck.Checker()
    wait, wake = make(chk)
    late = Late()

    def one_lock() -> Any:
        """The waiter's one lock is the late one."""
        return late if threading.current_thread() is thread else _thread.allocate_lock()

    thread = chk.Thread(target=lambda: wait(), name="waiter")
    monkeypatch.setattr(parking, "allocate_lock", one_lock)
    monkeypatch.setattr(atomic._RefWaiter, "__init__", _ref_waiter(late))
    thread.start()
    wait_until_blocked(thread)

    assert not running(chk, thread)
    wake()
    assert late.taken.wait(60)
    assert thread.state.waiting is not None
    assert running(chk, thread)
    late.let.set()
    thread.join()


def _ref_waiter(late: Late) -> Callable[..., None]:
    def init(self: Any, value: int) -> None:
        self.value = value
        self.claim = _thread.allocate_lock()
        self.raw = late
        self.raw.acquire()
        self.hit = None

    return init


def test_who_was_served_before_it_blocked_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is published after the waker was there: the ticket says so all the same."""
    chk = lockcheck.Checker()
    made = chk.Event("event")
    seen: list[bool] = []

    class Looking:
        """The waiter's own lock: taken at once, and before that returns, the watchdog looks."""

        def __init__(self, raw: Any) -> None:
            self.raw = raw
            self.locked = raw.locked
            self.release = raw.release

        def acquire(self, blocking: bool, timeout: float) -> bool:
            assert self.raw.acquire(False), "served before it blocked"
            seen.append((0, chk.current().serial) in look(chk).running)
            return True

    def set_first(chk: Any, ts: Any, op: Any, raw: Any, *more: Any) -> bool:
        made.set()
        return block(chk, ts, op, Looking(raw), *more)

    monkeypatch.setattr(parking, "block", set_first)
    assert made.wait()
    assert seen == [True]


def test_a_lock_left_behind_by_a_thread_that_ended_is_stuck() -> None:
    """Its owner is gone and said so: whoever waits for it waits for good."""
    chk = lockcheck.Checker()
    lock = chk.Lock("left")
    leaver = chk.Thread(target=lock.acquire, name="leaver")
    leaver.start()
    leaver.join()
    with Watchdog(chk, period=0.005) as dog, pytest.raises(lockcheck.Unwind):
        lock.acquire()

    assert dog.report is not None
    assert "held by leaver" in dog.report.detail
    assert {report.kind for report in chk.reports} == {"held-at-exit", "deadlock"}


def test_a_lock_left_behind_may_be_released_by_another_thread() -> None:
    """As `threading` allows; the next owner is not mistaken for the one that ended."""
    chk = lockcheck.Checker()
    lock = chk.Lock("left")
    leaver = chk.Thread(target=lock.acquire, name="leaver")
    leaver.start()
    leaver.join()
    lock.release()
    with lock:
        assert leaver.state.find(lock) is None

    assert [report.kind for report in chk.reports] == ["held-at-exit"]


def bare_thread(body: Callable[[], object]) -> None:
    """Run `body` in a thread that threading does not know, and wait for the thread's end."""
    ended = _thread.allocate_lock()
    ended.acquire()

    class Last:
        """Dies after the body, with the thread's own storage."""

        def __del__(self) -> None:
            ended.release()

    own = _thread._local()

    def run() -> None:
        body()
        own.last = Last()

    _thread.start_new_thread(run, ())
    assert ended.acquire(timeout=60)


def drained(chk: lockcheck.Checker) -> bool:
    """Is this thread the only one left?  (A thread's own storage dies in no order.)"""
    while len(chk.threads) > 1:
        pass
    return True


def test_a_bare_thread_that_ended_is_forgotten_and_what_it_holds_told() -> None:
    """Nobody announces the end of a thread started below threading; its storage dies with it."""
    chk = lockcheck.Checker()
    lock = chk.Lock("left")
    chk.current()
    bare_thread(lock.acquire)

    assert drained(chk)
    assert [report.kind for report in chk.reports] == ["held-at-exit"]


def test_bare_threads_one_after_the_other_are_told_apart() -> None:
    """An ident may be used again at once: each thread is a thread of its own."""
    chk = lockcheck.Checker()
    lock = chk.Lock("lock")
    chk.current()
    seen: list[Any] = []

    def body() -> None:
        with lock:
            seen.append(chk.current())

    for _ in range(20):
        bare_thread(body)

    assert drained(chk)
    assert len({ts.serial for ts in seen}) == 20
    assert not any(ts.alive for ts in seen)
    assert not chk.reports


def test_a_bare_thread_that_ended_does_not_keep_the_watchdog_away() -> None:
    """A lost wake-up is reported although a bare thread once used a lock."""
    chk = lockcheck.Checker()
    lock = chk.Lock("lock")

    def body() -> None:
        with lock:
            pass

    bare_thread(body)
    event = chk.Event("never")
    with Watchdog(chk, period=0.005) as dog, pytest.raises(lockcheck.Unwind):
        event.wait()
    assert dog.report is not None


def test_a_thread_of_a_bare_threading_tells_what_it_holds_at_its_end() -> None:
    """`threading.Thread` without install(): the same storage shows it, before a join returns."""
    chk = lockcheck.Checker()
    lock = chk.Lock("left")
    thread = threading.Thread(target=lock.acquire, name="plain")
    thread.start()
    thread.join()

    (report,) = chk.reports
    assert (report.kind, report.threads) == ("held-at-exit", ("plain",))


def test_a_thread_runs_until_its_joiners_may_go() -> None:
    """Between its last instruction and the waking of its joiners it counts as running."""
    chk = lockcheck.Checker()
    seen: list[bool] = []
    thread = chk.Thread(target=lambda: None)
    finish = thread._lockcheck.done.finish

    class Done(type(thread._lockcheck.done)):  # type: ignore[misc]
        __slots__ = ()

        def finish(self) -> None:
            seen.append((0, thread.state.serial) in look(chk).running)
            finish()

    thread._lockcheck.done.__class__ = Done
    thread.start()
    thread.join()

    assert seen == [True]
    assert thread.state.serial not in chk.threads


def test_one_deadlock_is_one_finding() -> None:
    """What the live cycle knew and what the watchdog sees stand in one report."""
    chk = lockcheck.Checker()
    a, b = chk.Lock("a"), chk.Lock("b")
    meet = threading.Barrier(2)

    def body(first: Any, second: Any) -> None:
        with first:
            meet.wait(60)
            with second:
                raise AssertionError("cannot get here")

    with Watchdog(chk, period=0.005) as dog:
        threads = [
            chk.Thread(target=body, args=args, name=name)
            for name, args in (("ab", (a, b)), ("ba", (b, a)))
        ]
        for thread in threads:
            thread.start()
        with pytest.raises(lockcheck.Unwind):
            threads[0].join()
        for thread in threads:
            threading.Thread.join(thread, 60)

    told = [report for report in chk.reports if report.kind == "deadlock"]
    assert told == [dog.report]
    text = str(told[0])
    assert "held by ba" in text
    assert "held by ab" in text
    assert "waited so far  " in text
    assert {step.held.name for step in told[0].cycle} == {a.name, b.name}
    assert all(step.held.stack for step in told[0].cycle)


def test_a_deadlock_of_other_threads_is_a_finding_of_its_own() -> None:
    """Only a report about the same threads is the same; a lost wake-up has no cycle at all."""
    chk = lockcheck.Checker()

    def about(*names: str) -> Report:
        lock = LockRef("lock", "lock")
        steps = tuple(Step(name, lock, lock) for name in names)
        return Report("deadlock", "certain", "deadlock", cycle=steps, fingerprint="".join(names))

    old = chk.engine.ledger.file(about("one", "two"))

    assert watchdog._told_before(chk, about("two", "one")) is old
    assert watchdog._told_before(chk, about("one", "three")) is None
    assert watchdog._told_before(chk, about()) is None


@pytest.mark.parametrize("moments", [1, watchdog.MOMENTS])
def test_a_round_of_a_repeating_wait_is_not_what_the_report_shows(
    moments: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its timer fires while the report is made: the lock of the round is no part of it.

    Where no other moment is to be had, the report says so.
    """
    chk = lockcheck.Checker()
    users = chk.Refcount("users", 2)
    lock = chk.Lock("of the round")
    asked, entered, left = threading.Event(), threading.Event(), threading.Event()
    details: list[str] = []
    original = deadlock.explain_stuck

    def explain(*args: Any, **named: Any) -> Report:
        if not details:
            asked.set()
            assert entered.wait(60)
        report = original(*args, **named)
        details.append(report.detail)
        left.set()
        return report

    def go_round() -> None:
        while chk.wait_refs([users], 1, timeout=0.05, timer="again", repeat=True) is None:
            with lock:
                if asked.is_set():
                    entered.set()
                    assert left.wait(60)

    monkeypatch.setattr(watchdog, "MOMENTS", moments)
    monkeypatch.setattr(deadlock, "explain_stuck", explain)
    with Watchdog(chk, period=0.005) as dog, pytest.raises(lockcheck.Unwind):
        go_round()

    assert dog.report is not None
    assert "of the round" in details[0]
    for words in ("of the round", "went round"):
        assert (words in dog.report.detail) == (moments == 1)
