"""`Checker`: one engine and the primitives bound to it.

A facade: it makes primitives of the class that this run needs (free, or with scheduling points and
race clocks), keeps the threads it has seen, and passes questions on to the engine.  Several
checkers can live in one process; nothing here is global.

Lock order: the engine's internal lock and `_threads_lock` are leaves; no callback of the user's and
no log call runs under either.

One file: a facade, a few lines for each thing that a user may ask of a checker.
"""

from __future__ import annotations

import _thread
import threading
import time
from _thread import allocate_lock
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

from lockcheck import sync
from lockcheck.census import census
from lockcheck.core.classes import Key, LockClass
from lockcheck.core.collecting import PAUSED, pause, resume
from lockcheck.core.engine import Engine
from lockcheck.core.held import Hold, ThreadState
from lockcheck.core.violation import Violation
from lockcheck.graph_file import GraphFile
from lockcheck.seam import Conductor, Kind, Op, never
from lockcheck.sync.breach import FieldGuards
from lockcheck.sync.departure import Departure
from lockcheck.sync.lock import Mutex, NamedLock
from lockcheck.sync.plain import is_machinery
from lockcheck.sync.recorder import RecordedLock
from lockcheck.sync.rlock import ObservedRLock

if TYPE_CHECKING:
    from lockcheck.core.classes import Compare
    from lockcheck.core.held import Blocking, CheckedLock
    from lockcheck.core.report import Report
    from lockcheck.sync.recorder import Recorder

__all__ = ["Checker", "Violation"]

OnReport = Literal["collect", "raise", "log"]


class _Local(threading.local):
    """`tls.t`: this thread's ThreadState, made on first use in a thread we did not start."""

    def __init__(self, chk: Checker) -> None:
        begun: ThreadState | None = chk._beginning.get(_thread.get_ident())
        self.t: ThreadState = chk.make_state(None) if begun is None else begun
        chk.near.t = self.t
        if begun is None and _thread.get_ident() != threading.main_thread().ident:
            self.departure = Departure(chk, self.t)


class Checker:
    """A lock checker and its primitives.

    Args:
        on_report: "collect" (default: read `.reports`), "raise" (in the thread that closed the
            cycle, after its operation was undone), "log" (structlog), or a callable.
        conductor: who decides which thread runs next; None: the operating system.
        races: check happens-before races on `shared()` fields.
        recorder: keeps spans of holding and waiting, for time lines and lock_stat.
    """

    def __init__(
        self,
        on_report: OnReport | Callable[[Report], None] = "collect",
        *,
        conductor: Conductor | None = None,
        races: bool = False,
        recorder: Recorder | None = None,
    ) -> None:
        self.on_report = on_report
        if conductor is None and census.conductor is not None:
            races = True  # explored: the program's own fields are points as well
        self.conductor = census.conductor if conductor is None else conductor
        self.races = races
        self.recorder = recorder
        self.observed = races or self.conductor is not None
        self.main_only: tuple[str, ...] = ()
        """Contexts that strike the main thread only: Python's signal handlers, for `install()`."""
        self.aborted = False
        """The run is over: every wait raises Unwind from now on."""
        self.broken_off: Blocking | None = None
        """The newest wait that an exception ended, as Ctrl-C does."""
        self.failures: list[tuple[str, BaseException]] = []
        """(thread name, exception) of threads whose body raised."""
        self.engine = Engine(self)
        self.waiting = self.engine.waiting
        self.happens = self.engine.happens
        self.guards = FieldGuards(self)
        """What is known about `guarded()` fields."""
        self.threads: dict[int, ThreadState] = {}
        """Live threads by serial; under `_threads_lock`."""
        self._threads_lock = allocate_lock()
        self._serial = 0
        self._instances: dict[str, int] = {}
        self._beginning: dict[int, ThreadState] = {}
        self.near = threading.local()
        """`.t` again, in threads that are known: a plain local is the faster one (`Lock`)."""
        self.tls = _Local(self)
        self.clock = time.monotonic
        if conductor is None:
            census.note(self)

    # -- threads -------------------------------------------------------------------------------

    def current(self) -> ThreadState:
        """Return the calling thread's state."""
        try:
            known: ThreadState = self.near.t
        except AttributeError:
            pause()  # a finaliser that takes a lock would ask for what is not there yet
            try:
                return self.tls.t
            finally:
                resume()
        return known

    def make_state(
        self,
        thread: Any,  # whatever stands for a thread
    ) -> ThreadState:  # a threading.Thread, or whatever stands for one
        """Make and register a ThreadState; serials are never reused, unlike thread idents."""
        ident = _thread.get_ident()
        with PAUSED, self._threads_lock:
            self._serial += 1
            serial = self._serial
        # Not threading.current_thread(): in a thread that threading does not know yet it would
        # make a dummy entry that nobody removes.
        known = thread if thread is not None else threading._active.get(ident)  # type: ignore[attr-defined]  # private
        ts = ThreadState(serial, known.name if known is not None else f"thread-{serial}")
        ts.ident = ident
        ts.thread = known
        if thread is not None or not is_machinery(ident):  # internal threads are not counted
            with PAUSED, self._threads_lock:
                self.threads[serial] = ts
        self.engine.thread_begin(ts, thread)
        if self.main_only and ident != threading.main_thread().ident:
            for context in self.main_only:
                self.engine.interruptions.disable(ts, context)
        return ts

    def begin_thread(self, thread: object) -> ThreadState:
        """First instruction of a thread of ours; a pooled OS thread gets a fresh state."""
        with PAUSED:  # a finaliser that takes a lock would make a state of its own
            ts = self.make_state(thread)
            ident = _thread.get_ident()
            self._beginning[ident] = ts  # a first look at `tls` takes this one, not a new one
            self.tls.t = self.near.t = ts
            self._beginning.pop(ident, None)
        return ts

    def resume_thread(self, ts: ThreadState) -> None:
        """The calling thread is the one that `ts` knows: a world was put back (`explore`)."""
        ident = _thread.get_ident()
        ts.ident = ident
        self._beginning[ident] = ts
        self.tls.t = self.near.t = ts
        self._beginning.pop(ident, None)

    def known_as(self, thread: threading.Thread, ident: int) -> None:
        """A running thread's ident, after the world was put back."""
        life = sync.thread.life_of(thread)
        if life is not None and life.state is not None:
            life.state.ident = ident

    def end_thread(self, thread: object, wake: Callable[[], None] | None = None) -> None:
        """Last instruction of a thread of ours; up to `wake` its joiners count on it."""
        ts = self.current()
        try:
            self.engine.thread_end(ts)
            if wake is not None:
                wake()
        finally:
            with PAUSED, self._threads_lock:
                self.threads.pop(ts.serial, None)

    def departed(self, ts: ThreadState) -> None:
        """A thread that we did not start has ended (`sync.departure`), or is seen to be gone."""
        with PAUSED, self._threads_lock:
            first = ts.alive and ts.serial in self.threads
            ts.alive = False
        if first:
            self.engine.thread_end(ts)
            with PAUSED, self._threads_lock:
                self.threads.pop(ts.serial, None)

    # -- primitives ----------------------------------------------------------------------------

    def lock_key(
        self,
        name: str | None,
        instance: str | None = None,
        cmp: Compare | None = None,
        depth: int = 2,
        kind: str = "lock",
        permits: int = 1,
    ) -> Key:
        """Return the key of a new lock instance of class `name` (default: the allocation site)."""
        return self.engine.lock_key(
            name, instance, cmp=cmp, kind=kind, permits=permits, depth=depth + 1
        )

    def Lock(
        self,
        name: str | None = None,
        *,
        instance: str | None = None,
        cmp: Compare | None = None,
        no_block: bool = False,
    ) -> sync.Lock:
        """Make a mutex of class `name`.

        `cmp(held, wanted) < 0` allows taking `wanted` while `held`, of the same class, is held
        (lock_set_cmp_fn).  `instance` is this lock's stable name; default: class#n.
        `no_block`: waiting or sleeping while it is held is reported.
        """
        key = self.lock_key(name, instance, cmp)
        if no_block:
            key.cls.no_block = True
        return self.plain_lock(key, instance)

    def plain_lock(self, key: Key, label: str | None = None) -> sync.Lock:
        """Make a mutex of the class of objects that this run needs."""
        if self.recorder is not None:
            return RecordedLock(self, key, label)
        if self.observed:
            return sync.ObservedLock(self, key, label)
        if label is not None and key.many:
            return NamedLock(self, key, label)
        return sync.Lock(self, key)

    def RLock(self, name: str | None = None, *, instance: str | None = None) -> sync.RLock:
        """Make a re-entrant mutex of class `name`."""
        return self.reentrant_lock(self.lock_key(name, instance, kind="rlock"))

    def reentrant_lock(self, key: Key) -> sync.RLock:
        """Make a re-entrant mutex of the class of objects that this run needs."""
        if self.observed or self.recorder is not None:
            return ObservedRLock(self, self.plain_lock(key))
        return sync.RLock(self, key)

    def RWLock(self, name: str | None = None, *, instance: str | None = None) -> sync.RWLock:
        """Make a reader/writer lock of class `name`."""
        return sync.RWLock(self, self.lock_key(name, instance, kind="rwlock"))

    def LockMap(self, name: str, *, instance: str | None = None) -> sync.LockMap:
        """Make a pseudo-lock (lockdep_map) of class `name`."""
        return sync.LockMap(self, self.lock_key(name, instance, kind="map"))

    def Condition(self, lock: object = None, name: str | None = None) -> sync.Condition:
        if lock is None and name is None:
            lock = self.reentrant_lock(self.lock_key(None, kind="rlock"))  # a class by its site
        return sync.Condition(self, lock, self.object_name("condition", name))

    def Event(self, name: str | None = None) -> sync.Event:
        return sync.Event(self, self.object_name("event", name))

    def Semaphore(self, value: int = 1, name: str | None = None) -> sync.Semaphore:
        return sync.Semaphore(self, value, self.object_name("semaphore", name))

    def BoundedSemaphore(self, value: int = 1, name: str | None = None) -> sync.BoundedSemaphore:
        return sync.BoundedSemaphore(self, value, self.object_name("semaphore", name))

    def Barrier(
        self,
        parties: int,
        action: Callable[[], object] | None = None,
        timeout: float | None = None,
        name: str | None = None,
    ) -> sync.Barrier:
        return sync.Barrier(self, parties, action, timeout, self.object_name("barrier", name))

    def Queue(self, maxsize: int = 0, name: str | None = None) -> sync.Queue:
        return sync.Queue(self, maxsize, self.object_name("queue", name))

    def Parking(self, name: str | None = None) -> sync.Parking:
        return sync.Parking(self, self.object_name("parking", name))

    def Counts(self, name: str | None = None) -> sync.Counts:
        return sync.Counts(self, self.object_name("counts", name))

    def Refcount(self, name: str, value: int = 1, owner: object = None) -> sync.Refcount:
        return sync.Refcount(self, name, value, owner)

    def AtomicRef(self, name: str, value: object = None) -> sync.AtomicRef:
        return sync.AtomicRef(self, name, value)

    def Thread(self, *args: Any, **kwargs: Any) -> sync.Thread:  # threading.Thread's own
        """As `threading.Thread(...)`; a real OS thread in every mode."""
        return sync.Thread(self, *args, **kwargs)

    def object_name(self, kind: str, name: str | None) -> str:
        """Return a stable name: the one given, or `kind#n` in order of creation."""
        if name is not None:
            return name
        with PAUSED, self._threads_lock:
            self._instances[kind] = n = self._instances.get(kind, 0) + 1
        return f"{kind}#{n}"

    # -- waits ---------------------------------------------------------------------------------

    def wait_refs(
        self,
        refs: Sequence[sync.Refcount],
        value: int = 1,
        *,
        timeout: float | None = None,
        timer: str = "",
        repeat: bool = False,
    ) -> sync.Refcount | None:
        """Block until any of `refs` has `value`; None when the timer fired.  Raises: Unwind."""
        return sync.wait_refs(self, refs, value, timeout=timeout, timer=timer, repeat=repeat)

    def now(self) -> float:
        """Seconds: logical under control, monotonic otherwise."""
        return self.clock() if self.conductor is None else self.conductor.now()

    def sleep(self, seconds: float, name: str = "sleep") -> None:
        """Wait for a named length of time; nothing happens for zero in a free run."""
        if self.conductor is None and seconds <= 0:
            return
        sync.Parking(self, name).wait(
            never, why=f"{name} ({seconds:g} s)", timeout=seconds, timer=name
        )

    @property
    def timed(self) -> bool:
        """Do waits take the time they say, be it logical?  No: timers may fire at any time."""
        return self.conductor is None or self.conductor.timed

    def choose(self, n: int, why: str) -> int:
        """Resolve a choice among `range(n)`; 0 in a free run."""
        return 0 if self.conductor is None else self.conductor.choose(n, why)

    def point(self, kind: Kind, obj: object) -> None:
        """A bare scheduling point, for models with operations of their own."""
        if self.conductor is not None:
            self.conductor.point(Op(kind, obj))

    # -- questions and annotations ---------------------------------------------------------------

    def held(self) -> tuple[CheckedLock | Hold, ...]:
        """Return the calling thread's held entries, newest first."""
        found = tuple(self.current().held())
        for entry in found:
            if isinstance(entry, Hold):
                entry.bare = False
        return found

    def is_held(self, lock: object) -> bool:
        """Does the calling thread hold `lock`?"""
        if not isinstance(lock, Mutex):
            lock = _inner(lock)
        entry = self.current().top
        while entry is not None:
            if entry is lock or (type(entry) is Hold and entry.lock is lock):
                return True  # a plain lock is its own entry
            entry = entry.prev
        return False

    def assert_held(self, lock: CheckedLock) -> None:
        """Report when the calling thread does not hold `lock` (lockdep_assert_held)."""
        if not self.is_held(lock):
            self.engine.assertion(self.current(), lock, held=True)

    def assert_not_held(self, lock: CheckedLock) -> None:
        """Report when the calling thread holds `lock` (lockdep_assert_not_held)."""
        if self.is_held(lock):
            self.engine.assertion(self.current(), lock, held=False)

    def might_lock(self, lock: CheckedLock) -> None:
        """Record and judge the order as if `lock` were taken here (might_lock)."""
        self.engine.acquires.might_lock(self.current(), _inner(lock))

    def pin(self, lock: CheckedLock) -> int:
        """Forbid releasing `lock` until `unpin` with the returned cookie."""
        return self.engine.pin(self.current(), _inner(lock))

    def unpin(self, lock: CheckedLock, cookie: int) -> None:
        """Take a pin away."""
        self.engine.unpin(self.current(), _inner(lock), cookie)

    @contextmanager
    def context(self, name: str) -> Iterator[None]:
        """Run the body in an interrupting context ("signal" or "gc")."""
        ts = self.current()
        self.engine.interruptions.enter(ts, name)
        try:
            yield
        finally:
            self.engine.interruptions.leave(ts, name)

    @contextmanager
    def disabled(self, name: str) -> Iterator[None]:
        """Say that the context cannot interrupt the body (signals masked, gc off)."""
        ts = self.current()
        self.engine.interruptions.disable(ts, name)
        try:
            yield
        finally:
            self.engine.interruptions.enable(ts, name)

    def report(self, kind: str, title: str, **fields: object) -> Report | None:
        """File a finding of the caller's own (invariant, warn, leak, hang, assertion…).

        `reporter=__file__` leaves the innermost frames of that file out of the finding's stack.
        Returns the report, or None when its fingerprint was filed before.
        """
        return self.engine.user_report(self.current(), kind, title, fields)

    def deliver(self, report: Report, ts: ThreadState) -> None:
        """Do with a new (or strengthened) report what `on_report` says.

        Context: the thread that closed the cycle, no lock of ours held.  Raises: Violation.
        """
        if callable(self.on_report):
            self.on_report(report)
        elif self.on_report == "raise" and report.severity != "class-only" and ts.alive:
            raise Violation(report)
        elif self.on_report == "log":
            import structlog  # costly to import, and few log

            structlog.get_logger("lockcheck").warning(
                report.title, kind=report.kind, severity=report.severity, thread=ts.name
            )

    @property
    def reports(self) -> list[Report]:
        """Reports so far, in order; whoever asks also looks for held locks that were freed."""
        self.sweep("when the reports were read")
        return self.engine.reports

    def sweep(self, when: str) -> None:
        """Report held locks with no remaining references: this thread's, and blocked ones'."""
        with PAUSED, self._threads_lock:
            others = [ts for ts in self.threads.values() if ts.waiting is not None]
        with suppress(Violation):  # they are filed, and none is the fault of what runs now
            me = getattr(self.near, "t", None)  # a threading.local
            self.engine.releases.sweep(me, others, when)

    @property
    def graph(self) -> GraphFile:
        """Classes, dependencies, chains, statistics; `.to_dict()`, `.save(path)`."""
        return GraphFile(self.engine)

    def classes(self) -> list[LockClass]:
        """Return the lock classes seen so far."""
        return list(self.engine.classes)


def _inner(lock: Any) -> Any:  # whatever a caller may pass
    """The lock that stands for `lock` in a held stack (an RLock's, a Semaphore's own)."""
    return getattr(lock, "lock", lock)  # a plain one has none
