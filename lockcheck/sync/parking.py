"""A parking lot: plain state, changed atomically, and threads parked until a predicate holds.

All waits that are not for a mutex stand on it (event, condition, semaphore, barrier, queue, join,
flush, idle worker), so that there is one place where a waiter is queued, handed its result, timed
out and unwound.  The idea is WebKit's and trio's parking lot; the hand-over (the waker performs the
waiter's `take` for it, in arrival order) makes every primitive built on it fair.

Invariant: `_gate` is a leaf; only `ready`, `take` and `change`'s function run under it, and these
touch plain attributes only.  Left out: wake-one optimisation for very many waiters.
"""

from __future__ import annotations

import threading
from _thread import TIMEOUT_MAX, allocate_lock
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lockcheck.core.waits import Waits
from lockcheck.seam import Kind, Op, Ownerless
from lockcheck.sync.blocking import block

if TYPE_CHECKING:
    from lockcheck.core.events import Part
    from lockcheck.core.held import ThreadState
    from lockcheck.core.vector import Times
    from lockcheck.sync.host import Host

__all__ = ["Parking"]


def _rejects_nan() -> bool:
    """Does `threading` refuse to wait for a time that is no number?  From 3.14 on it does."""
    condition = threading.Condition()
    with condition:
        try:
            condition.wait(float("nan"))
        except ValueError:
            return True
    return False


NAN_IS_AN_ERROR = _rejects_nan()


def _refused(timeout: float) -> bool:
    """Is it a number, but no time that a lock waits for?"""
    return isinstance(timeout, (int, float)) and (
        timeout > TIMEOUT_MAX or (timeout != timeout and NAN_IS_AN_ERROR)
    )


class _Waiter:
    __slots__ = ("at", "by", "error", "raw", "ready", "result", "served", "take", "ts")

    def __init__(self, ready: Callable[[], bool], take: Callable[[], object] | None) -> None:
        self.ready = ready
        self.take = take
        self.raw = allocate_lock()
        self.raw.acquire()
        self.result: object = None
        self.error: BaseException | None = None
        self.ts: ThreadState | None = None
        self.by: ThreadState | None = None
        """Whose change let it go, and when (`at`): for a recorder's arrows."""
        self.at = 0.0
        self.served = False
        """Set before `raw` is released: the thread runs from then on, awake or not."""

    def serve(self) -> None:
        """Take for the parked thread; what that raises is the parked thread's, not the waker's."""
        try:
            self.result = self.take() if self.take is not None else True
        except BaseException as error:
            self.error = error
        self.served = True

    def outcome(self) -> object:
        """What the parked thread gets."""
        if self.error is not None:
            raise self.error
        return self.result


class Parking(Ownerless):
    """A monitor for service queues, barriers, grace periods: state plus parked threads.

    Subclasses and owners keep the state in plain attributes which only `change`, `ready` and
    `take` functions touch.
    """

    __slots__ = ("__weakref__", "_gate", "_waiters", "_woken", "chk", "clock", "dep", "name")

    once = False
    """Happens once a generation (event, end of a thread)."""
    parties = 0
    """Of how many threads it needs each one (a barrier)."""
    lacking: tuple[str, ...] = ()
    """Parts of which there is nothing until somebody makes it happen."""
    raises = False
    """Who lacks it in the end gets an exception."""

    def __init__(self, chk: Host, name: str = "parking") -> None:
        self.chk = chk
        self.name = name
        self.clock: Times | None = None
        self.dep: dict[str, Part] | None = None
        """The wait/event layer's memory of this object (`lockcheck.core.waits`)."""
        self._gate = allocate_lock()
        self._waiters: list[_Waiter] = []
        self._woken: tuple[object, str, object, bool] | None = None
        """The newest wake that the engine knows: chain, part, wait before, was it owed?"""

    def supply(self, part: str) -> int:
        """How many may have a part before anybody makes it happen; 0: it is not known."""
        return 0

    def ready(self, op: Op) -> bool:
        """May `op` go now?  (`lockcheck.seam.SyncObject`)"""
        if op.kind is not Kind.WAIT:
            return True
        with self._gate:  # nobody else is inside; guarded state asks whether somebody is
            return bool(op.aux())

    def peek(self, look: Callable[[], Any], *, acquire: bool = False) -> Any:  # what it returns
        """Return `look()` evaluated atomically with respect to `change`.

        `acquire`: what came before the changes comes before what follows, as behind a wait (a flush
        that finds everything done already).
        """
        chk = self.chk
        if chk.conductor is not None:
            chk.conductor.point(Op(Kind.PROBE, self))
        with self._gate:
            seen = look()
        if acquire and chk.observed:
            chk.happens.acquire(chk.current(), self)
        return seen

    def change(
        self,
        fn: Callable[[], object],
        *,
        why: str = "",
        part: str | None = "",
        commutes: bool = False,
        known: object = None,
    ) -> Any:  # what the wait's attempt returns
        """Run `fn` atomically, then wake whoever may go now.

        Context: `fn` must be short, must not block and must not call into lockcheck.
        Returns what `fn` returns.  `part` says which of several things that are waited for
        happens (a queue's item, its room); None: nothing that anybody waits for.  `commutes`: the
        order of such changes does not matter (they count), only that of waits and looks.  `known`:
        what a search may know of it (`lockcheck.sync.counts`).
        """
        chk = self.chk
        if chk.conductor is not None:
            chk.conductor.point(Op(Kind.WAKE, self, known, takes=not commutes, why=why))
        ts = chk.current()
        if part is not None:
            self._wakes(chk, ts, part)
        elif chk.observed and not self.once:
            chk.happens.release(ts, self, shared=True)
        with self._gate:
            result = fn()
            if chk.conductor is not None:
                self._note(ts)
            if self._waiters:
                self._hand_over(ts)
        if chk.observed and not self.once:
            chk.happens.acquire(ts, self)  # a monitor: a change sees the changes before
        return result

    def wait(
        self,
        ready: Callable[[], bool],
        take: Callable[[], object] | None = None,
        *,
        why: str,
        timeout: float | None = None,
        timer: str = "",
        repeat: bool = False,
        idle: bool = False,
        part: str = "",
    ) -> Any:  # what the wait's attempt returns
        """Block until `ready()`, then run `take()` atomically with it.

        Returns `take()`'s result (True without one), or None when `timeout` seconds passed first.
        `idle` marks a service waiting for work: it never counts as stuck.  May block.
        Raises: Unwind.
        """
        chk = self.chk
        ts = chk.current()
        if not (chk.observed or self.once or ts.top.lock is not None or ts.top.prev is not None):
            with self._gate:  # it holds nothing: nothing depends on a wait that ends at once
                if not self._waiters and ready():
                    result = take() if take is not None else True
                    at_once = True
                else:
                    at_once = False
            if at_once:
                self._went_at_once(chk, ts, part, sure=timeout is None)
                return result
        if timeout is not None and _refused(timeout) and not ready():
            allocate_lock().acquire(True, timeout)  # raises what the interpreter's own would
        op = Op(
            Kind.WAIT,
            self,
            ready,
            timeout=timeout,
            timer=timer,
            repeat=repeat,
            idle=idle,
            takes=take is not None,
            why=why,
        )
        chk.waiting.before_wait(ts, op, part)
        conductor = chk.conductor
        granted = True
        if conductor is not None:
            granted = conductor.point(op)
        if conductor is not None and conductor.controlled:
            result = self._take_granted(ready, take) if granted else None
        else:
            result = self._park(ts, op, ready, take)
        chk.waiting.after_wait(ts, op, result is not None, part)
        return result

    def _wakes(self, chk: Host, ts: ThreadState, part: str) -> None:
        """Let the engine know that `ts` makes `part` happen, unless it knows just that."""
        if chk.observed or self.once:
            chk.waiting.wake(ts, self, part)
            return
        woken = self._woken
        found = None if self.dep is None else self.dep.get(part)
        owed = found is not None and ts.serial in found.owing
        if (
            found is None
            or woken is None
            or woken[0] is not ts.top._k
            or woken[1] != part
            or woken[2] is not ts.last_wait
            or woken[3] is not owed
        ):
            chk.waiting.wake(ts, self, part)
            if not ts.tracing:
                self._woken = (ts.chain, part, ts.last_wait, owed)
        elif found.taken:
            Waits.gave(ts, found)

    def _went_at_once(self, chk: Host, ts: ThreadState, part: str, *, sure: bool) -> None:
        """What there is to note of a wait that did not block, of a thread that holds nothing."""
        ts.blocked = ts.blocked_on = ts.blocked_at = ts.pending = ts.last_wait = None
        if self.dep is None:
            return
        found = self.dep.get(part)
        if found is None or found not in ts.waited:
            chk.waiting.took(ts, self, part, sure=sure)
        else:
            found.taken[ts.serial] = ()
            if found.lacks and sure:
                found.owing.add(ts.serial)

    def _take_granted(self, ready: Callable[[], bool], take: Callable[[], object] | None) -> object:
        with self._gate:
            assert ready(), f"{self.name}: granted but not ready"
            return take() if take is not None else True

    def _park(
        self, ts: ThreadState, op: Op, ready: Callable[[], bool], take: Callable[[], object] | None
    ) -> object:
        with self._gate:
            if not self._waiters and ready():
                self._note(ts)
                return take() if take is not None else True
            waiter = _Waiter(ready, take)
            waiter.ts = ts
            self._waiters.append(waiter)
            self._hand_over(ts)  # others may be ahead, and still this one may be able to go
        timeout = -1.0 if op.timeout is None else max(0.0, op.timeout)
        try:
            if block(self.chk, ts, op, waiter.raw, timeout, waiter):
                recorder = self.chk.recorder
                if recorder is not None and waiter.by is not None:
                    recorder.woke(waiter.by, ts, op, waiter.at, self.chk.clock())
                return waiter.outcome()
        finally:
            with self._gate:
                handed = waiter not in self._waiters
                if not handed:
                    self._waiters.remove(waiter)
        return waiter.outcome() if handed else None

    def _note(self, ts: ThreadState | None) -> None:
        """Show a conductor that only watches whose turn it was.  Locks: `_gate`."""
        conductor = self.chk.conductor
        if conductor is not None and not conductor.controlled and ts is not None:
            conductor.note(self, ts)

    def _hand_over(self, by: ThreadState | None = None) -> None:
        """Give every waiter that may go its result, in arrival order.  Locks: `_gate`."""
        moved = True
        while moved:
            moved = False
            for waiter in self._waiters:
                if waiter.ready():
                    self._note(waiter.ts)
                    self._waiters.remove(waiter)
                    if self.chk.recorder is not None:
                        waiter.by, waiter.at = by, self.chk.clock()
                    waiter.serve()
                    try:
                        waiter.raw.release()
                    except RuntimeError:
                        if not self.chk.aborted:
                            raise  # else: the watchdog has released it already
                    moved = True
                    break
