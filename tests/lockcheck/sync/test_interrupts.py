"""Ctrl-C never falls into a step of the checker's: no lock is left taken that nobody knows of."""

from __future__ import annotations

import _thread
import asyncio
import importlib
import random
import secrets
import signal
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

import lockcheck
from lockcheck.core.leaf import Leaf
from lockcheck.sync import blocking, interrupts
from lockcheck.sync.frames import current_frames
from lockcheck.sync.interrupts import Deferred, deferred_interrupts
from lockcheck.sync.plain import PlainThread
from lockcheck.sync.recorder import Recorder

ROUNDS = 200


class Loud:
    """A raw lock whose every success is followed by a signal, before the caller knows of it."""

    def __init__(self, real: Any, number: int = signal.SIGINT) -> None:
        self.real = real
        self.number = number

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        got: bool = self.real.acquire(blocking, timeout)
        if got:
            signal.raise_signal(self.number)
        return got

    def release(self) -> None:
        self.real.release()

    def locked(self) -> bool:
        return bool(self.real.locked())


class CtrlC(Deferred):
    """Raises KeyboardInterrupt at the first signal; more of them are nobody's."""

    def __init__(self) -> None:
        super().__init__(self.hear)
        self.heard = threading.Event()
        self.coming: list[int] = []

    def hear(self, number: int, _frame: FrameType | None) -> None:
        first = not self.heard.is_set()
        self.heard.set()
        if first:
            raise KeyboardInterrupt

    def send_until_heard(self, thread: int) -> None:
        """Again and again, but no faster than a thread can take it."""
        signal.pthread_kill(thread, signal.SIGINT)
        while not self.heard.wait(0.02):
            signal.pthread_kill(thread, signal.SIGINT)

    def thread(self, chk: lockcheck.Checker, *, wakes: bool) -> Any:
        """One that interrupts the caller when it blocks; `wakes`: the caller gets the signal."""
        main = threading.get_ident()

        def interrupt() -> None:
            while not in_take(main):
                pass
            self.send_until_heard(main if wakes else threading.get_ident())

        return chk.Thread(target=interrupt)

    def send_again(self, number: int) -> None:
        self.coming.append(number)
        super().send_again(number)

    def again(self, number: int) -> None:
        try:
            super().again(number)
        finally:
            self.coming.pop()


@pytest.fixture
def ctrl_c() -> Iterator[CtrlC]:
    """pytest's main thread, with Ctrl-C as a program has it; no signal comes after its test."""
    handler = CtrlC()
    before = signal.signal(signal.SIGINT, handler)
    yield handler
    while handler.coming:
        pass
    signal.signal(signal.SIGINT, before)


def in_take(thread: int) -> bool:
    """Does the thread block on a plain lock, or is it just about to?"""
    return current_frames()[thread].f_code is blocking.take.__code__


def forever() -> None:
    """Let time pass in the interpreter, so that a signal is seen."""
    while True:
        threading.current_thread()


def take_and_spin(lock: Any) -> None:
    with lock:
        forever()


@pytest.mark.parametrize("make", ["Lock", "RLock"])
@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_while_a_lock_is_taken_comes_when_it_is_known(make: str) -> None:
    """The body is interrupted, and leaving it gives the lock back."""
    chk = lockcheck.Checker()
    lock = getattr(chk, make)("l")
    plain = lock if make == "Lock" else lock.lock
    plain.real = Loud(plain.real)

    with pytest.raises(KeyboardInterrupt):
        take_and_spin(lock)

    assert not plain.real.locked()
    assert chk.held() == ()


def test_without_deferring_the_lock_is_lost() -> None:
    """What the test above would miss, were it not for the handler."""
    chk = lockcheck.Checker()
    lock = chk.Lock("l")
    lock.real = Loud(lock.real)  # type: ignore[assignment]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            take_and_spin(lock)
    finally:
        signal.signal(signal.SIGINT, before)

    assert lock.locked()
    assert chk.held() == ()


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_at_the_end_of_a_wait_gives_the_lock_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Taken after blocking, and a handler raises before the caller could know: not taken.

    The main thread does not get the signal, only the interpreter does, so that the handler runs as
    soon as the blocking call has returned and not in it.
    """
    monkeypatch.setattr(blocking, "SLICE", 3600.0)
    chk = lockcheck.Checker()
    lock = chk.Lock("l")
    held = _thread.allocate_lock()
    held.acquire()
    main = threading.get_ident()

    def owner() -> None:
        with lock:
            held.release()
            while not in_take(main):
                pass
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    thread = chk.Thread(target=owner)
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    thread.start()
    held.acquire()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with pytest.raises(KeyboardInterrupt):
            lock.acquire()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
    thread.join()

    assert not lock.locked()
    assert chk.held() == ()
    assert chk.current().waiting is None


def test_who_waits_is_interrupted_at_once(ctrl_c: CtrlC) -> None:
    """A wait ends with the interrupt; it is no step that must end.

    The signal is sent until it was heard: one that comes just before the main thread blocks is
    heard by nobody, with a plain lock too.
    """
    chk = lockcheck.Checker()
    event = chk.Event("never")
    thread = ctrl_c.thread(chk, wakes=True)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        event.wait()
    thread.join()

    assert chk.current().waiting is None
    event.set()
    assert event.wait()


class Grave:
    """What dies in a WeakSet."""


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_in_a_weakref_callback_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    """`WeakSet` takes a dead element out, the signal comes then: what follows is interrupted."""
    alive: weakref.WeakSet[Grave] = weakref.WeakSet()
    refs: set[Any] = set()
    strike = defaultdict(partial(signal.raise_signal, signal.SIGINT)).__getitem__  # no frame
    alive.data = SimpleNamespace(add=refs.add, discard=strike)  # type: ignore[attr-defined]
    grave = Grave()
    alive.add(grave)

    def bury() -> None:
        nonlocal grave
        del grave
        forever()

    with pytest.raises(KeyboardInterrupt):
        bury()

    assert "Exception ignored" not in capfd.readouterr().err


@pytest.mark.parametrize("timeout", [None, 600.0])
def test_an_interrupt_that_wakes_nobody_is_heard(ctrl_c: CtrlC, timeout: float | None) -> None:
    """As one that comes after the last look for signals and before the main thread sleeps."""
    chk = lockcheck.Checker()
    event = chk.Event("never")
    thread = ctrl_c.thread(chk, wakes=False)
    thread.start()
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with pytest.raises(KeyboardInterrupt):
            event.wait(timeout)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
    thread.join()

    assert chk.current().waiting is None


def test_a_callback_of_the_program_is_interrupted_at_once(ctrl_c: CtrlC) -> None:
    """The barrier's action, a condition's predicate, what is called with a report."""
    chk = lockcheck.Checker()
    barrier = chk.Barrier(1, forever_after_an_interrupt)
    condition = chk.Condition()

    with pytest.raises(KeyboardInterrupt):
        barrier.wait()
    ctrl_c.heard.clear()
    with pytest.raises(KeyboardInterrupt), condition:
        condition.wait_for(forever_after_an_interrupt)
    assert chk.held() == ()
    ctrl_c.heard.clear()
    loud = lockcheck.Checker(on_report=lambda _report: forever_after_an_interrupt())
    a, b = loud.Lock("a"), loud.Lock("b")
    with a, b:
        pass
    with pytest.raises(KeyboardInterrupt), b, a:
        pass
    assert not a.locked()
    assert not b.locked()
    assert loud.held() == ()


def forever_after_an_interrupt() -> None:
    signal.raise_signal(signal.SIGINT)
    forever()


class Expired(Exception):
    """What the handler below raises."""


@pytest.mark.parametrize("installed", [False, True], ids=["own checker", "installed"])
def test_an_alarm_at_any_moment_leaves_no_lock_taken(installed: bool) -> None:
    """A timer's handler raises at random moments of a loop that takes locks, free and wanted."""
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    chk = lockcheck.Checker()
    if installed:
        lockcheck.install(chk)
    try:
        before = signal.signal(signal.SIGALRM, expire if installed else Deferred(expire))
        try:
            _loop_under_alarms(chk, rng)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    finally:
        if installed:
            lockcheck.uninstall()


def expire(_number: int, _frame: FrameType | None) -> None:
    raise Expired


def _loop_under_alarms(chk: lockcheck.Checker, rng: random.Random) -> None:
    a, b = chk.Lock("a"), chk.RLock("b")
    over = threading.Event()

    def rival() -> None:
        while not over.is_set():
            with a, b:
                pass

    thread = chk.Thread(target=rival)
    thread.start()
    try:
        for _ in range(ROUNDS):
            _until_expired(a, b, rng)
            assert chk.held() == ()
    finally:
        over.set()
        thread.join()
    assert not a.locked()
    assert not b.lock.locked()
    assert not chk.reports


def _until_expired(a: Any, b: Any, rng: random.Random) -> None:
    try:
        signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-5, 1e-3))
        while True:
            with a:
                with b:
                    for _ in range(30):  # a step of ours is not all there is to strike
                        pass
    except Expired:
        pass


def test_only_the_main_thread_of_a_program_that_minds_ctrl_c_is_changed() -> None:
    """Elsewhere nothing is set; and what was set is taken back."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred_interrupts():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with deferred_interrupts():
            assert isinstance(signal.getsignal(signal.SIGINT), Deferred)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_program_that_has_installed_the_checker_still_sees_its_own_handler() -> None:
    """asyncio asks whether Ctrl-C has the default handler, and acts on it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        lockcheck.install()
        try:
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            assert signal.signal(signal.SIGINT, expire) is signal.default_int_handler
            assert signal.signal(signal.SIGINT, signal.default_int_handler) is expire
        finally:
            lockcheck.uninstall()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_signal_that_asyncio_handles_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number goes through a pipe as it comes; sent again, it would be handled twice."""
    again: list[Any] = []
    monkeypatch.setattr(interrupts._thread, "start_new_thread", lambda *a: again.append(a))
    calls: list[str] = []
    chk = lockcheck.install()
    try:
        lock = chk.Lock("l")
        lock.real = Loud(lock.real, signal.SIGUSR1)  # type: ignore[assignment]

        async def program() -> None:
            loop = asyncio.get_running_loop()
            told = asyncio.Event()
            loop.add_signal_handler(signal.SIGUSR1, lambda: (calls.append("told"), told.set()))
            with lock:
                pass
            await told.wait()
            loop.remove_signal_handler(signal.SIGUSR1)

        asyncio.run(program())
    finally:
        lockcheck.uninstall()

    assert calls == ["told"]
    assert again == []


PLACES = interrupts.WAITS | interrupts.CALLS_OUT | interrupts.EMPTY


@pytest.mark.parametrize("place", sorted(PLACES))
def test_the_places_exist(place: tuple[str, str]) -> None:
    """Names in a table rot: each must be a function of its module or of a class in it."""
    module = importlib.import_module(place[0])
    owners: list[Any] = [module, *(c for c in vars(module).values() if isinstance(c, type))]
    found: list[Callable[..., Any]] = [vars(o)[place[1]] for o in owners if place[1] in vars(o)]
    assert any(function.__module__ == place[0] for function in found)


def test_the_leaf_is_the_interpreters_own() -> None:
    """A lock in Python could be interrupted between its taking and its note of that."""
    assert isinstance(lockcheck.Checker().engine.leaf, Leaf)
    assert Leaf.__module__ == "_thread"


@pytest.mark.parametrize("recorder", [None, Recorder()])
def test_what_the_collector_runs_has_the_lock_that_was_just_taken(
    recorder: Recorder | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A re-entrant lock is its owner's as soon as it is taken, not only when that is noted."""
    chk = lockcheck.Checker(recorder=recorder)
    lock = chk.RLock("r")
    acquires = chk.engine.acquires
    after_block = acquires.after_block
    inside: list[bool] = []

    def with_a_finaliser(ts: Any, *args: Any) -> None:
        with lock:
            inside.append(lock._is_owned())
        after_block(ts, *args)

    monkeypatch.setattr(acquires, "after_block", with_a_finaliser)
    main = threading.get_ident()
    taken = threading.Event()

    def hold() -> None:
        with lock:
            taken.set()
            while not in_take(main):
                pass

    thread = chk.Thread(target=hold)
    thread.start()
    taken.wait()
    with lock:
        inside.append(lock._is_owned())
    thread.join()

    assert inside == [True, True]
    assert not lock._is_owned()
    assert chk.reports == []


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="the system has no masks")
def test_threads_of_the_machinery_leave_the_programs_signals_alone() -> None:
    """A signal that the program blocks waits, as without us: no thread of ours lets it in."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    seen: list[set[Any]] = []
    thread = PlainThread(lambda: seen.append(signal.pthread_sigmask(signal.SIG_BLOCK, ())), "ours")
    thread.start()
    thread.join()

    assert seen[0] >= {signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM}
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
