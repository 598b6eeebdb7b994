"""What stands behind `multiprocessing`'s locks, semaphores and queues inside this process.

A lock, and a semaphore that starts with units, is a lock class by the place where it is made:
taking one is judged and published like any other.  A semaphore that starts without units, or that
somebody releases who holds none, is a signal: a wait for it is an event, its release makes that
happen.  Conditions, events and queues are built of these two, by multiprocessing itself.

Any of them may also be held, or released, by another process, of which nothing is known.  So a wait
counts as stuck only where whoever holds the lock is a thread of this process, or where the object
was never shared: neither forked along nor sent since it was made.

Left out: what a spawned process does with an object that it was sent.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from lockcheck.core.held import WRITE, Hold
from lockcheck.seam import Kind, Op, never
from lockcheck.sync.blocking import block
from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from lockcheck.checker import Checker
    from lockcheck.core.classes import Key, LockClass
    from lockcheck.core.held import ThreadState

__all__ = ["Arrivals", "ProcessLock", "ProcessUnits", "Signal", "sharing"]

SLICE = 0.05
"""Seconds between looks for an aborted run: no other process is made to release what it holds."""


class SemLock(Protocol):
    """The interpreter's own semaphore."""

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool: ...
    def release(self) -> None: ...
    def _is_mine(self) -> bool: ...
    def _is_zero(self) -> bool: ...
    def _count(self) -> int: ...


def _tried(sem: SemLock, block: bool, timeout: float | None) -> bool:
    """Take it if it is free.  Raises: what the interpreter's own would, of such arguments."""
    if timeout is not None:
        math.fabs(timeout)
    return sem.acquire(False) if block is True else sem.acquire(block, 0)


class Sharing:
    """Counts the moments after which what was made before may be known to another process."""

    def __init__(self) -> None:
        self.moments = 0

    def happened(self) -> None:
        """The process was forked, or an object was sent."""
        self.moments += 1


sharing = Sharing()


class _Raw:
    """What is waited for, as `sync.blocking` wants it.

    `attempt` blocks for so many seconds at most and returns whether it got it.
    """

    __slots__ = ("_attempt", "_chk", "_is_free")

    def __init__(
        self, chk: Checker, attempt: Callable[[float], bool], is_free: Callable[[], bool]
    ) -> None:
        self._chk = chk
        self._attempt = attempt
        self._is_free = is_free

    def acquire(self, _blocking: bool = True, timeout: float = -1) -> bool:
        left = timeout
        while not self._chk.aborted:
            piece = SLICE if left < 0 else min(SLICE, left)
            if self._attempt(piece):
                return True
            if left >= 0:
                left -= piece
                if left <= 0:
                    break
        return False

    def release(self) -> None:
        """Nothing: who waits looks for itself."""

    def locked(self) -> bool:
        return not self._is_free()


class _Shareable:
    """What several processes may use.

    Args:
        attempt: block for so many seconds at most, and return whether it was had.
        received: it was made by another process.
    """

    __slots__ = ("__weakref__", "_made", "chk", "raw")

    def __init__(
        self, chk: Checker, attempt: Callable[[float], bool], *, received: bool = False
    ) -> None:
        self.chk = chk
        self._made = -1 if received else sharing.moments
        self.raw = _Raw(chk, attempt, self.is_free)

    @property
    def shared(self) -> bool:
        """May another process know it?"""
        return self._made != sharing.moments

    def is_free(self) -> bool:
        """Could it be had now?"""
        raise NotImplementedError


class ProcessLock(_Shareable):
    """A lock: what the graph knows of it, and the two methods that a program calls."""

    __slots__ = ("_holders", "_pid", "_reentrant", "_sem", "key")

    def __init__(
        self, chk: Checker, key: Key, sem: SemLock, *, reentrant: bool = False, received: bool
    ) -> None:
        super().__init__(chk, lambda seconds: sem.acquire(True, seconds), received=received)
        self._sem = sem
        self.key = key
        self._reentrant = reentrant
        self._holders: list[ThreadState] = []
        """Threads of this process that hold it, one entry a unit."""
        self._pid = os.getpid()

    def is_free(self) -> bool:
        return not self._sem._is_zero()

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def cls(self) -> LockClass:
        return self.key.cls

    @property
    def class_name(self) -> str:
        return self.cls.name

    def _ours(self) -> list[ThreadState]:
        """`_holders`, which in the child of a fork are the parent's."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._holders = []
        return self._holders

    def holders(self) -> Sequence[ThreadState]:
        """Who of this process holds it."""
        if self.is_free():
            return ()
        return [ts for ts in list(self._ours()) if ts.find(self) is not None]

    def owned_by(self, ts: ThreadState | None) -> None:
        """`ts` has taken it; None: it was released."""
        if ts is None:
            self._ours().clear()
        else:
            self._ours().append(ts)

    def really_held(self) -> bool:
        """Is it locked, whatever the held stacks say?"""
        return not self.is_free()

    def own_references(self, ts: ThreadState) -> int:
        """So few that it never looks forgotten: another process may give it back."""
        return -1_000

    @property
    def served(self) -> bool:
        """May somebody who waits for it have it, or get it from another process?"""
        return self.is_free() or len(self.holders()) < self.key.permits

    def ready(self, _op: Op) -> bool:
        """May it be taken now?  (`lockcheck.seam.SyncObject`)"""
        return self.is_free()

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """As multiprocessing's."""
        if self._reentrant and self._sem._is_mine():
            return self._sem.acquire(block, timeout)
        if not _tried(self._sem, block, timeout):
            if not block or (timeout is not None and timeout <= 0):
                return self._sem.acquire(block, timeout)
            if not self._contended(timeout):
                return False
        chk = self.chk
        hold = Hold(self, WRITE)
        tried = not block or timeout is not None
        try:
            chk.engine.acquires.push(chk.current(), hold, trylock=tried)
        except BaseException:
            self._sem.release()
            raise
        return True

    def _contended(self, timeout: float | None) -> bool:
        chk = self.chk
        ts = chk.current()
        op = Op(Kind.ACQUIRE, self, timeout=timeout)
        hold = Hold(self, WRITE)
        engine = chk.engine
        engine.acquires.prepare(hold, trylock=timeout is not None)
        engine.acquires.before_block(ts, hold, op)
        got = False
        began = chk.now()
        try:
            got = block(chk, ts, op, self.raw, -1 if timeout is None else timeout, self)
        finally:
            engine.acquires.after_block(ts, self, got, chk.now() - began)
        return got

    def release(self) -> None:
        """As multiprocessing's."""
        if self._reentrant and self._sem._is_mine() and self._sem._count() > 1:
            self._sem.release()
            return
        ts = self.chk.current()
        if ts.find(self) is not None:
            self.chk.engine.releases.release(ts, self)
            if ts in self._ours():
                self._holders.remove(ts)
        elif not self._reentrant and self.holders():
            self.chk.engine.releases.release(ts, self)  # another thread's; else another process's
        self._sem.release()


class ProcessUnits(ProcessLock):
    """A semaphore that starts with units: a lock that so many hold, or, seen so once, a signal."""

    __slots__ = ("_signal",)

    def __init__(self, chk: Checker, key: Key, sem: SemLock, *, received: bool) -> None:
        super().__init__(chk, key, sem, received=received)
        self._signal: Signal | None = None

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        if self._signal is not None:
            return self._signal.acquire(block, timeout)
        return super().acquire(block, timeout)

    def release(self) -> None:
        signal = self._signal
        if signal is None:
            ts = self.chk.current()
            if ts.find(self) is not None or (self.key.permits == 1 and self.holders()):
                super().release()
                return
            self._ours().clear()
            signal = self._signal = Signal(
                self.chk, f"a unit of {self.name}", self._sem, received=self.shared
            )
        signal.release()


class _Awaited(_Shareable):
    """Something that nobody holds, and that somebody makes happen.

    Args:
        why: what is waited for, in words.
        quiet: waits for it depend on nobody's locks; they are published only.
    """

    __slots__ = ("_parking", "_quiet", "_why")

    def __init__(
        self,
        chk: Checker,
        why: str,
        attempt: Callable[[float], bool],
        *,
        received: bool = False,
        quiet: bool = False,
    ) -> None:
        super().__init__(chk, attempt, received=received)
        self._why = why
        self._quiet = quiet
        self._parking = Parking(chk, why)

    @property
    def served(self) -> bool:
        """May somebody who waits for it have it, or get it from another process?"""
        return self.is_free() or self.shared

    def wait(self, at_once: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait for it, unless `at_once` gets it."""
        chk = self.chk
        ts = chk.current()
        op = Op(Kind.WAIT, self._parking, never, timeout=timeout, why=self._why)
        if not self._quiet:
            chk.waiting.before_wait(ts, op)
        got = False
        try:
            got = at_once() or block(
                chk, ts, op, self.raw, -1 if timeout is None else timeout, self
            )
        finally:
            if not self._quiet:
                chk.waiting.after_wait(ts, op, got)
        return got

    def wakes(self) -> None:
        """The calling thread is about to make it happen."""
        if not self._quiet:
            self.chk.waiting.wake(self.chk.current(), self._parking)


class Signal(_Awaited):
    """A semaphore that nobody holds: whoever releases it makes it happen."""

    __slots__ = ("_sem",)

    def __init__(
        self, chk: Checker, why: str, sem: SemLock, *, received: bool, quiet: bool = False
    ) -> None:
        self._sem = sem
        super().__init__(
            chk, why, lambda seconds: sem.acquire(True, seconds), received=received, quiet=quiet
        )

    def is_free(self) -> bool:
        return not self._sem._is_zero()

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """As multiprocessing's."""
        if timeout is not None:
            math.fabs(timeout)  # raises what the interpreter's own would
        if not block or (timeout is not None and timeout <= 0):
            return self._sem.acquire(block, timeout)
        return self.wait(lambda: _tried(self._sem, block, timeout), timeout)

    def release(self) -> None:
        """As multiprocessing's."""
        self.wakes()
        self._sem.release()


class Arrivals(_Awaited):
    """The items of a queue, which lie in a pipe."""

    __slots__ = ("_poll",)

    def __init__(self, chk: Checker, why: str, poll: Callable[[float], bool]) -> None:
        self._poll = poll
        super().__init__(chk, why, poll)

    def is_free(self) -> bool:
        return self._poll(0.0)
