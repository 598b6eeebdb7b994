"""`threading.Lock`, checked.  The warm path stands here, and nowhere else.

A plain lock is its own entry in its owner's held stack: entries are linked through the locks, so
taking a known lock in a known situation costs no allocation, no shared lock and no call into the
engine.  `_pk`/`_k` cache the last transition: "taken on top of `_pk` it leads to chain `_k`".
`__enter__`/`__exit__` repeat `acquire`/`release` instead of calling them: a Python call is a third
of what a checked `with` may cost.

Two classes, chosen when the lock is made: `Lock` for free runs, `ObservedLock`
with scheduling points and release/acquire order for the race detector.

A thread's chain is its top entry's `_k`.  What `ts` says is stale once the lock was released: one
write less.

Invariant: `_k`, `_pk`, `prev`, `ts` are written only by the thread that holds `real`.

One file: two classes of one lock, each with its warm path written out.
"""

from __future__ import annotations

import time
from _thread import allocate_lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from lockcheck.core import clocks
from lockcheck.core.collecting import pause, resume
from lockcheck.core.held import WRITE, Hold
from lockcheck.seam import Kind, Op
from lockcheck.sync.blocking import block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck.core.classes import Key, LockClass
    from lockcheck.core.held import ThreadState
    from lockcheck.core.vector import Times
    from lockcheck.core.views import Chain
    from lockcheck.sync.host import Host

__all__ = ["Lock", "Mutex", "NamedLock", "ObservedLock"]


TRIES = 2
"""How often a taken lock is tried again before its waiter blocks."""

_sleep = time.sleep  # bound at import: an explored program's is logical


NO_TRANSITION: Final = object()
"""No chain has a transition under it (`Mutex.token`)."""


class Mutex:
    """A real lock that is its own entry of its owner's held stack."""

    __slots__ = (
        "__weakref__", "_k", "_pk", "_tls", "key", "prev", "real", "token", "ts",
    )  # fmt: skip

    mode = WRITE
    nest = None
    trylock = False

    def __init__(self, chk: Host, key: Key) -> None:
        self._tls = chk.near
        self.key = key
        """Instance key (class, stable name); shared by the instances after the 64th of a class."""
        self.token: object = key
        """Under what a known transition is found; something else once another thread than its owner
        has released it: it may still be an entry of that one's stack, so no other stack gets it."""
        self.real = allocate_lock()
        """The lock that excludes: a real `threading.Lock`."""
        self.ts: ThreadState | None = None
        """Who took it last; it is still held by them if their held stack says so."""
        self.prev: object = None
        self._pk: Chain | None = None
        self._k: Chain | None = None

    @property
    def chk(self) -> Host:
        return self.key.cls.host  # type: ignore[no-any-return]  # a Host, which core does not know

    @property
    def name(self) -> str:
        return str(self.key.name)

    @property
    def cls(self) -> LockClass:
        return self.key.cls

    @property
    def lock(self) -> Mutex:
        """The lock of this held entry: itself."""
        return self

    @property
    def chain(self) -> Chain | None:
        """The chain that it was last taken to; None: it never was."""
        return self._k

    @property
    def class_name(self) -> str:
        return self.cls.name

    def holders(self) -> Sequence[ThreadState]:
        """Who holds it; nobody while its owner has not said so yet (`core.held.Waitable`)."""
        owner = self.ts
        held = owner is not None and self.real.locked() and owner.find(self) is not None
        return (owner,) if owner is not None and held else ()

    def owned_by(self, ts: ThreadState | None) -> None:
        """`ts` has taken it; None: another thread than its owner is about to release it."""
        self.ts = ts
        if ts is None:
            self.token = NO_TRANSITION

    def really_held(self) -> bool:
        """Is it locked, whatever the held stacks say?"""
        return self.real.locked()

    def own_references(self, ts: ThreadState) -> int:
        """References to it by its own parts."""
        return 0

    def locked(self) -> bool:
        """Return whether anybody holds it."""
        return self.real.locked()

    def ready(self, op: Op) -> bool:
        """May `op` go now?  (`lockcheck.seam.SyncObject`)"""
        return op.kind is not Kind.ACQUIRE or not self.real.locked()

    # -- odd ways -----------------------------------------------------------------------------

    def _novel(self, ts: ThreadState) -> Chain | None:
        """Let the engine judge a transition that this thread has not made before.

        None: the engine pushed an entry of its own.  Nothing stays locked when it raises.
        The chain before it may be another one afterwards.
        """
        pause()  # it is taken, and nobody knows: no code of the program's may run
        try:
            acquires = self.chk.engine.acquires
            own = self.token is self.key
            lone = self.ts is None or self.ts is ts
            return acquires.extend(ts, self, known=1, own=own, lone=lone)  # known: `top` above us
        except BaseException:
            self.real.release()
            raise
        finally:
            resume()

    def _leads(self, ts: ThreadState, parent: Chain) -> bool:
        """The transition from `parent` is not the last one that was made: find it.

        False: the engine pushed an entry of its own.
        """
        chain = parent.next.get(self.token)
        if chain is None:
            chain = self._novel(ts)
            if chain is None:
                return False
            parent = ts.top._k
        self._pk = parent
        self._k = chain
        return True

    def _contended(self, ts: ThreadState, timeout: float, hold: Hold | None = None) -> bool:
        """Judge the order before blocking, then block.

        Most rivals only lost their turn between two of our instructions: who lets them run first
        mostly finds the lock free, and nobody has to be woken.
        """
        if hold is None and self.ts is not ts:
            for _ in range(TRIES):
                _sleep(0)
                if self.real.acquire(False):
                    self.key.cls.contentions += 1
                    return True
        acquires = self.chk.engine.acquires
        pause()  # what else this thread holds, a finaliser might want
        try:
            op = Op(Kind.ACQUIRE, self, timeout=None if timeout < 0 else timeout)
            acquires.before_block(ts, hold or self, op)
        finally:
            resume()
        got = False
        began = self.chk.now()
        try:
            got = block(self.chk, ts, op, self.real, timeout)
        finally:
            pause()  # it is taken, and nobody knows
            try:
                acquires.after_block(ts, self, got, self.chk.now() - began)
            finally:
                resume()
        if got:
            self.ts = ts
            ts.took = None
        return got

    def _acquire_odd(self, blocking: Any, timeout: Any, subclass: int, nest: Any) -> bool:  # any
        ts = self.chk.current()
        acquires = self.chk.engine.acquires
        pause()  # what else this thread holds, a finaliser might want
        try:
            allocate_lock().acquire(blocking, timeout)  # raises what the interpreter's own would
            blocking = bool(blocking)
            hold = Hold(self, WRITE)
            trylock = not blocking or timeout != -1
            acquires.prepare(hold, subclass=subclass, trylock=trylock, nest=nest)
        finally:
            resume()
        if not self.real.acquire(False) and not (blocking and self._contended(ts, timeout, hold)):
            return False
        pause()
        try:
            acquires.push(ts, hold, subclass=subclass, trylock=trylock, nest=nest)
        except BaseException:
            self.real.release()
            raise
        finally:
            resume()
        return True

    def _release_odd(self, ts: ThreadState) -> None:
        """Not on top: out of order, by another thread, or not held at all; or pinned."""
        pause()
        try:
            had = self.chk.engine.releases.release(ts, self)
        finally:
            resume()
        try:
            self.real.release()
        except RuntimeError:
            self._was_unlocked(ts if had else None)

    def _was_unlocked(self, owner: ThreadState | None = None) -> None:
        """`real` was free at its release.  `owner`: who held it as far as was known."""
        if self.chk.aborted:
            return
        if owner is not None:
            pause()
            try:
                self.chk.engine.releases.was_unlocked(owner, self)
            finally:
                resume()
        raise

    def _at_fork_reinit(self) -> None:
        ts = self.chk.current()
        if ts.find(self) is not None:
            self.chk.engine.releases.release(ts, self)
        self.real = allocate_lock()
        self.ts = None

    # -- what threading.Condition asks of its lock ----------------------------------------------

    def _is_owned(self) -> bool:
        """Is it locked?  By whom does not count: so `threading` sees a lock that has no owner."""
        return self.real.locked()


class Lock(Mutex):
    """As `threading.Lock`, and it knows its class.

    `subclass` and `nest` are lockdep's annotations for nesting inside one class.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        state = "locked" if self.real.locked() else "unlocked"
        return f"<{state} lockcheck.Lock object {self.name} at {id(self):#x}>"

    def acquire(
        self, blocking: bool = True, timeout: float = -1, subclass: int = 0, nest: object = None
    ) -> bool:
        """Take the lock.  May block.  Raises: Unwind when the run is aborted meanwhile.

        Nothing is keyword-only: such a function is not called the interpreter's fast way.
        """
        if timeout != -1 or blocking is not True or subclass or nest is not None:
            return self._acquire_odd(blocking, timeout, subclass, nest)
        try:
            ts = self._tls.t
        except AttributeError:
            ts = self.chk.current()
        if not self.real.acquire(False):
            self._contended(ts, -1)
        top = ts.top
        parent = top._k
        if self._pk is not parent:
            chain = parent.next.get(self.token)
            if chain is None:
                chain = self._novel(ts)
                if chain is None:
                    return True
                parent = top._k
            self._pk = parent
            self._k = chain
        self.prev = top
        self.ts = ts
        ts.top = self
        return True

    def __enter__(self) -> bool:
        try:
            ts = self._tls.t
        except AttributeError:
            ts = self.chk.current()
        if not self.real.acquire(False):
            self._contended(ts, -1)
        top = ts.top
        parent = top._k
        if self._pk is not parent:
            chain = parent.next.get(self.token)
            if chain is None:
                chain = self._novel(ts)
                if chain is None:
                    return True
                parent = top._k
            self._pk = parent
            self._k = chain
        self.prev = top
        self.ts = ts
        ts.top = self
        return True

    def release(self) -> None:
        """Drop the lock; by any thread, as `threading.Lock` allows.  Raises: RuntimeError."""
        try:
            ts = self._tls.t
        except AttributeError:
            ts = self.chk.current()
        if ts.top is self:
            ts.top = self.prev
            try:
                self.real.release()
            except RuntimeError:
                self._was_unlocked(ts)
        else:
            self._release_odd(ts)

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
        if ts.top is self:
            ts.top = self.prev
            try:
                self.real.release()
            except RuntimeError:
                self._was_unlocked(ts)
        else:
            self._release_odd(ts)

    def _release_save(self) -> None:
        self.release()

    def _acquire_restore(self, saved: object) -> None:
        self.acquire()


class NamedLock(Lock):
    """`Lock` with a name of its own, where its key is shared with others."""

    __slots__ = ("label",)

    def __init__(self, chk: Host, key: Key, label: str) -> None:
        super().__init__(chk, key)
        self.label = label

    @property
    def name(self) -> str:
        return self.label


class ObservedLock(Lock):
    """`Lock` with a scheduling point before each operation and happens-before for races."""

    __slots__ = ("_acquire_op", "_chk", "_giver", "_release_op", "clock", "label")

    def __init__(self, chk: Host, key: Key, label: str | None = None) -> None:
        super().__init__(chk, key)
        self._chk = chk
        self.label: str = label or (key.cls.next_label() if key.many else key.name)
        self.clock: Times | None = None
        self._giver: ThreadState | None = None
        """Whose time `clock` is: it learns nothing from its own."""
        self._acquire_op = Op(Kind.ACQUIRE, self)
        self._acquire_op.busy = self.real.locked
        self._release_op = Op(Kind.RELEASE, self)

    def own_references(self, ts: ThreadState) -> int:
        ops = (self._acquire_op, self._release_op)
        return sum((op.obj is self) + sum(obj is self for obj, _ in op.foot or ()) for op in ops)

    def _at_fork_reinit(self) -> None:
        super()._at_fork_reinit()
        self._acquire_op.busy = self.real.locked

    @property
    def chk(self) -> Host:
        return self._chk

    @property
    def name(self) -> str:
        return self.label

    def locked(self) -> bool:
        self.chk.point(Kind.PROBE, self)
        return self.real.locked()

    def acquire(
        self, blocking: bool = True, timeout: float = -1, subclass: int = 0, nest: object = None
    ) -> bool:
        conductor = self.chk.conductor
        if conductor is not None:
            op = self._acquire_op
            if not blocking:
                op = Op(Kind.TRY_ACQUIRE, self)
            elif timeout >= 0:
                op = Op(Kind.ACQUIRE, self, timeout=timeout, timer=f"{self.name}.acquire")
            if not conductor.point(op):
                return False
            assert not (conductor.controlled and blocking and self.real.locked()), self.name
        if not Lock.acquire(self, blocking, timeout, subclass=subclass, nest=nest):
            return False
        ts = self.chk.current()
        if self.chk.races:
            self.chk.happens.acquire(ts, self)
        if conductor is not None and not conductor.controlled:
            conductor.note(self, ts)
        return True

    def __enter__(self) -> bool:
        chk = self._chk
        if chk.conductor is not None or not chk.races:
            return self.acquire()
        Lock.__enter__(self)
        ts = self._tls.t  # known since then
        if self._giver is not ts and self.clock is not None:
            pause()
            clocks.acquire(ts, self)
            resume()
        return True

    def release(self) -> None:
        chk = self.chk
        if chk.conductor is not None:
            mine = self.real.locked() and self.ts is chk.current()
            chk.conductor.point(self._release_op if mine else Op(Kind.RELEASE, self, foreign=True))
        if chk.races:
            ts = chk.current()
            chk.happens.release(ts, self)
            self._giver = ts
        Lock.release(self)

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        value: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        chk = self._chk
        if chk.conductor is not None or not chk.races:
            self.release()
            return
        try:
            ts = self._tls.t
        except AttributeError:
            ts = chk.current()
        pause()
        clocks.release(ts, self, shared=False)
        resume()
        self._giver = ts
        Lock.release(self)
