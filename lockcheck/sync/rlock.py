"""`threading.RLock` on a plain lock: an owner and a count, so that a stuck run can be unwound.

Only the outermost acquire and release are operations; re-entry by the owner makes no dependency.
In a free run it is its own entry of the held stack, as a `Lock` is, and repeats that one's warm
path; where there is more to do at each operation it stands on a lock of the class which does it.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from lockcheck.core.collecting import pause, resume
from lockcheck.sync.lock import Lock, Mutex

if TYPE_CHECKING:
    from lockcheck.core.classes import Key, LockClass
    from lockcheck.core.held import ThreadState
    from lockcheck.sync.host import Host

__all__ = ["ObservedRLock", "RLock"]


class RLock(Mutex):
    """As `threading.RLock`.

    `ts` is its owner: None whenever `real` is not locked.  It is looked at only where `real` cannot
    be had, for a thread that holds nothing of it needs to know no more.
    """

    __slots__ = ("_again",)

    def __init__(self, chk: Host, key: Key) -> None:
        super().__init__(chk, key)
        self._again = 0
        """How often its owner has taken it beyond the first time."""

    def __repr__(self) -> str:
        state = "locked" if self.real.locked() else "unlocked"
        owner = self.ts
        return (
            f"<{state} lockcheck.RLock object {self.name} owner={owner and owner.name} "
            f"count={self._count} at {id(self):#x}>"
        )

    @property
    def _count(self) -> int:
        return 0 if self.ts is None else self._again + 1

    def acquire(
        self, blocking: bool = True, timeout: float = -1, subclass: int = 0, nest: object = None
    ) -> bool:
        """Take the lock, or count once more.  May block.  Raises: Unwind."""
        if timeout != -1 or blocking is not True or subclass or nest is not None:
            return self._acquire_with(blocking, timeout, subclass, nest)
        try:
            ts = self._tls.t
        except AttributeError:
            ts = self.chk.current()
        if not self.real.acquire(False):
            if self.ts is ts or self._just_took(ts):
                self._again += 1
                return True
            self._contended(ts, -1)
        top = ts.top
        parent = top._k
        if self._pk is parent or self._leads(ts, parent):
            self.prev = top
            ts.top = self
        self.ts = ts
        return True

    def __enter__(self) -> bool:
        try:
            ts = self._tls.t
        except AttributeError:
            ts = self.chk.current()
        if not self.real.acquire(False):
            if self.ts is ts or self._just_took(ts):
                self._again += 1
                return True
            self._contended(ts, -1)
        top = ts.top
        parent = top._k
        if self._pk is parent or self._leads(ts, parent):
            self.prev = top
            ts.top = self
        self.ts = ts
        return True

    def release(self) -> None:
        """Count down; drop the lock at zero.  Raises: RuntimeError when not the owner."""
        try:
            ts = self._tls.t
        except AttributeError:
            ts = self.chk.current()
        if ts.top is not self or self._again:
            if self._again and self.ts is ts:
                self._again -= 1  # here: where the stack is full, no call would come through
            else:
                self._release_not_plainly(ts)
            return
        self.ts = None
        ts.top = self.prev
        try:
            self.real.release()
        except RuntimeError:
            self._was_unlocked()

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        value: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        try:
            ts = self._tls.t
        except AttributeError:
            ts = self.chk.current()
        if ts.top is not self or self._again:
            if self._again and self.ts is ts:
                self._again -= 1  # here: where the stack is full, no call would come through
            else:
                self._release_not_plainly(ts)
            return
        self.ts = None
        ts.top = self.prev
        try:
            self.real.release()
        except RuntimeError:
            self._was_unlocked()

    def _release_not_plainly(self, ts: ThreadState) -> None:
        """Not the newest thing held, or not held by this thread."""
        if self.ts is not ts:
            self._not_mine(ts)
        else:
            self.ts = None
            self._release_odd(ts)

    def _acquire_with(self, blocking: object, timeout: object, subclass: int, nest: object) -> bool:
        ts = self.chk.current()
        if self.ts is ts:
            self._again += 1
            return True
        if not self._acquire_odd(blocking, timeout, subclass, nest):
            return False
        self.ts = ts
        return True

    def _just_took(self, ts: ThreadState) -> bool:
        """Has this thread got it, and not noted that?  A finaliser asks, which interrupts it."""
        if ts.took is not self:
            return False
        self.ts = ts
        return True

    def _not_mine(self, ts: ThreadState) -> None:
        if self.chk.aborted:
            return
        self.chk.engine.releases.not_held(ts, self)
        raise RuntimeError("cannot release un-acquired lock")

    def _at_fork_reinit(self) -> None:
        self._again = 0
        super()._at_fork_reinit()

    # -- what threading.Condition asks of its lock ----------------------------------------------

    def _is_owned(self) -> bool:
        return self.ts is self.chk.current()

    def _recursion_count(self) -> int:
        return self._count if self._is_owned() else 0

    def _release_save(self) -> Any:  # opaque to threading.Condition too
        if not self._is_owned():
            raise RuntimeError("cannot release un-acquired lock")
        again = self._again
        self._again = 0
        self.release()
        return again

    def _acquire_restore(self, saved: Any) -> None:  # the same
        self.acquire()
        self._again = saved


class ObservedRLock(RLock):
    """`RLock` on a lock that has scheduling points, race clocks or a recorder."""

    __slots__ = ("_chk", "_inner")

    def __init__(self, chk: Host, inner: Lock) -> None:
        self._chk = chk
        self._inner = inner
        """The plain lock below; it is what the graph sees."""
        self.ts = None
        self._again = 0

    @property
    def chk(self) -> Host:
        return self._chk

    @property
    def lock(self) -> Lock:
        return self._inner

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def key(self) -> Key:  # type: ignore[override]  # a slot there; its own is never filled
        return self._inner.key

    @property
    def cls(self) -> LockClass:
        return self._inner.cls

    @property
    def real(self) -> object:  # type: ignore[override]  # as `key`
        return self._inner.real

    def acquire(
        self, blocking: bool = True, timeout: float = -1, subclass: int = 0, nest: object = None
    ) -> bool:
        me = self._chk.current()
        if self.ts is me or self._just_took(me):
            self._again += 1
            return True
        if not self._inner.acquire(blocking, timeout, subclass=subclass, nest=nest):
            return False
        self.ts = me
        return True

    def _just_took(self, ts: ThreadState) -> bool:
        inner = self._inner
        if ts.took is not inner and (inner.ts is not ts or ts.find(inner) is None):
            return False
        self.ts = ts
        return True

    def __enter__(self) -> bool:
        return self.acquire()

    def release(self) -> None:
        ts = self._chk.current()
        if self.ts is not ts:
            if self._chk.aborted:
                return
            self._chk.engine.releases.not_held(ts, self._inner)
            raise RuntimeError("cannot release un-acquired lock")
        if self._again:
            self._again -= 1
        else:
            pause()  # nobody's, and still locked: what the collector runs would wait for it
            try:
                self.ts = None
                self._inner.release()
            finally:
                resume()

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        value: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.release()

    def locked(self) -> bool:
        return self._inner.locked()

    def _at_fork_reinit(self) -> None:
        self.ts = None
        self._again = 0
        self._inner._at_fork_reinit()
