"""`threading.Lock`, checked.  The warm path stands here, and nowhere else.

A plain lock is its own entry in its owner's held stack: entries are linked through the locks, so
taking a known lock in a known situation costs no allocation, no shared lock and no call into the
engine.  `_pk`/`_k` cache the last transition: "taken on top of chain `_pk` it leads to chain `_k`".

Two classes, chosen when the lock is made (design rule 10): `Lock` for free runs, `ObservedLock` with
scheduling points and release/acquire order for the race detector.

Invariant: `_k`, `prev`, `ts` are written only by the thread that holds `real`.
"""

from __future__ import annotations

import _thread
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lockcheck.seam import Kind, Op
from lockcheck.sync.blocking import block

if TYPE_CHECKING:
    from lockcheck.checker import Checker
    from lockcheck.core.classes import LockClass
    from lockcheck.core.held import Chain, ThreadState

__all__ = ["Lock", "ObservedLock"]


class Lock:
    """As `threading.Lock`, and it knows its class.

    `subclass` and `nest` are lockdep's annotations for nesting inside one class.
    """

    __slots__ = (
        "__weakref__", "_k", "_pk", "_tls", "chk", "key", "nest", "pins", "prev", "real",
        "trylock", "ts",
    )  # fmt: skip

    def __init__(self, chk: Checker, key: Any) -> None:
        self.chk = chk
        self._tls = chk.tls
        self.key = key
        """Instance key (class, stable name); shared by the instances after the 64th of a class."""
        self.real = _thread.allocate_lock()
        """The lock that excludes: a real `threading.Lock`."""
        self.ts: ThreadState | None = None
        self.prev: Any = None
        self._pk: Chain | None = None
        self._k: Chain | None = None
        self.nest: Any = None
        self.trylock = False
        self.pins = 0

    @property
    def name(self) -> str:
        return str(self.key.name)

    @property
    def cls(self) -> LockClass:
        return self.key.cls  # type: ignore[no-any-return]

    @property
    def chain(self) -> Chain | None:
        """The chain that ends with this lock, while held."""
        return self._k

    def __repr__(self) -> str:
        return f"<lockcheck Lock {self.name} {'locked' if self.real.locked() else 'unlocked'}>"

    def locked(self) -> bool:
        """Return whether anybody holds it."""
        return self.real.locked()

    def acquire(
        self, blocking: bool = True, timeout: float = -1, *, subclass: int = 0, nest: Any = None
    ) -> bool:
        """Take the lock.  May block.  Raises: Unwind when the run is aborted meanwhile."""
        if subclass or nest is not None or not blocking or timeout != -1:
            return self._acquire_odd(blocking, timeout, subclass, nest)
        ts = self._tls.t
        if not self.real.acquire(False):
            self._contended(ts, -1)
        top = ts.chain
        if self._pk is not top:
            self._k = top.next.get(self.key) or self.chk.engine.extend(ts, self)
            self._pk = top
        self.prev = ts.top
        self.ts = ts
        ts.top = self
        ts.chain = self._k
        return True

    def __enter__(self) -> bool:
        return self.acquire()

    def release(self) -> None:
        """Drop the lock; by any thread, as `threading.Lock` allows.  Raises: RuntimeError."""
        ts = self._tls.t
        if ts.top is self:
            prev = self.prev
            ts.top = prev
            ts.chain = ts.root if prev is None else prev.chain
            self.ts = None
            if self.pins:
                self.chk.engine.released_pinned(ts, self)
            self._unlock()
        else:
            self._release_odd(ts)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def ready(self, op: Op) -> bool:
        """May `op` go now?  (`lockcheck.seam.SyncObject`)"""
        return op.kind is not Kind.ACQUIRE or not self.real.locked()

    # -- odd ways -----------------------------------------------------------------------------

    def _contended(self, ts: ThreadState, timeout: float) -> bool:
        """Judge the order before blocking, then block."""
        op = Op(Kind.ACQUIRE, self, timeout=None if timeout < 0 else timeout)
        self.chk.engine.before_block(ts, self, op)
        got = block(self.chk, ts, op, self.real, timeout)
        self.chk.engine.after_block(ts, self, op, got)
        return got

    def _acquire_odd(self, blocking: bool, timeout: float, subclass: int, nest: Any) -> bool:
        ts = self._tls.t
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if not self._take(ts, blocking, timeout):
            return False
        self.trylock = not blocking
        self.nest = nest
        self._k = self.chk.engine.extend(
            ts, self, subclass=subclass, trylock=not blocking, nest=nest
        )
        self._pk = None  # never a key for the warm path
        self.prev = ts.top
        self.ts = ts
        ts.top = self
        ts.chain = self._k
        return True

    def _take(self, ts: ThreadState, blocking: bool, timeout: float) -> bool:
        if self.real.acquire(False):
            return True
        return blocking and self._contended(ts, timeout)

    def _release_odd(self, ts: ThreadState) -> None:
        """Not on top: out of order, by another thread, or not held at all."""
        self.chk.engine.release(ts, self)
        self._unlock()

    def _unlock(self) -> None:
        try:
            self.real.release()
        except RuntimeError:
            if not self.chk.aborted:
                raise

    def _at_fork_reinit(self) -> None:
        self.real = _thread.allocate_lock()
        self.ts = None

    # -- what threading.Condition asks of its lock ----------------------------------------------

    def _is_owned(self) -> bool:
        return self.ts is self._tls.t

    def _release_save(self) -> Any:
        self.release()
        return None

    def _acquire_restore(self, saved: Any) -> None:
        self.acquire()


class ObservedLock(Lock):
    """`Lock` with a scheduling point before each operation and happens-before for races."""

    __slots__ = ("clock",)

    def __init__(self, chk: Checker, key: Any) -> None:
        super().__init__(chk, key)
        self.clock: Any = None

    def locked(self) -> bool:
        conductor = self.chk.conductor
        if conductor is not None:
            conductor.point(Op(Kind.PROBE, self))
        return self.real.locked()

    def acquire(
        self, blocking: bool = True, timeout: float = -1, *, subclass: int = 0, nest: Any = None
    ) -> bool:
        conductor = self.chk.conductor
        if conductor is not None:
            kind = Kind.ACQUIRE if blocking else Kind.TRY_ACQUIRE
            limit = None if timeout < 0 else timeout
            if not conductor.point(Op(kind, self, timeout=limit, timer=f"{self.name}.acquire")):
                return False
            assert not (conductor.controlled and blocking and self.real.locked()), self.name
        if not super().acquire(blocking, timeout, subclass=subclass, nest=nest):
            return False
        self.chk.engine.hb_acquire(self._tls.t, self)
        return True

    def release(self) -> None:
        ts = self._tls.t
        conductor = self.chk.conductor
        if conductor is not None:
            conductor.point(Op(Kind.RELEASE, self))
        self.chk.engine.hb_release(ts, self)
        super().release()
