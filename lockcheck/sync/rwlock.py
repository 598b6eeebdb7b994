"""A reader/writer lock: recursive readers, queued readers, writers.

As the kernel's: a *recursive* reader is blocked only by a writer that holds; a *queued* reader also
by a writer that waits (rwsem, fair rwlock).  State is a parking lot; each hold is an entry in the
thread's held stack with its mode.

Left out: upgrade; downgrade.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lockcheck.core.held import READ, RECURSIVE_READ, WRITE, Hold
from lockcheck.seam import Kind, Op
from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lockcheck.core.classes import Key, LockClass
    from lockcheck.core.held import ThreadState
    from lockcheck.core.vector import Clock
    from lockcheck.sync.host import Host

__all__ = ["RWLock"]


class _Sections:
    """Carries the order of read sections (`core.clocks.Carrier`)."""

    __slots__ = ("clock",)

    def __init__(self) -> None:
        self.clock: Clock | None = None


class RWLock(Parking):
    """Readers in parallel, one writer alone."""

    __slots__ = ("_holds", "_keys", "_read", "_readers", "_writer", "_writers_waiting", "key")

    def __init__(self, chk: Host, key: Key) -> None:
        super().__init__(chk, str(key.name))
        self.key = key
        self._read = _Sections()
        """What readers did: ordered before the next writer, not before each other."""
        self._keys: dict[int, Key] = {}
        """The key of each way to take it; a cache."""
        self._readers = 0
        self._writer = False
        self._writers_waiting = 0
        self._holds: dict[ThreadState, list[Hold]] = {}  # ThreadState -> its holds; under _gate

    @property
    def cls(self) -> LockClass:
        return self.key.cls

    @property
    def class_name(self) -> str:
        return str(self.key.cls.name)

    def holders(self) -> Sequence[ThreadState]:
        """Who holds it, in any mode."""
        return list(self._holds)

    def owned_by(self, ts: ThreadState | None) -> None:
        """`_holds` says who owns it."""

    def really_held(self) -> bool:
        """Does anybody hold it?"""
        return self._writer or self._readers > 0

    def own_references(self, ts: ThreadState) -> int:
        """References to it by all but one of the holds of `ts`."""
        return max(0, len(self._holds.get(ts, ())) - 1)

    def locked(self) -> bool:
        """Return whether anybody holds it, in any mode."""
        self.chk.point(Kind.PROBE, self)
        return self._writer or self._readers > 0

    def acquire_read(
        self,
        blocking: bool = True,
        timeout: float = -1,
        *,
        recursive: bool = True,
        subclass: int = 0,
        nest: object = None,
    ) -> bool:
        """Take it for reading.  May block.  Raises: Unwind."""
        if blocking is True and timeout == -1 and not subclass and nest is None:
            chk = self.chk
            if not chk.observed and self._is_known(chk, RECURSIVE_READ if recursive else READ):
                return True
        ready = self._can_read if recursive else self._can_read_queued
        kind = Kind.READ_ACQUIRE if blocking else Kind.TRY_READ_ACQUIRE
        mode = RECURSIVE_READ if recursive else READ
        return self._acquire(
            kind, mode, ready, self._take_read, timeout if blocking else None, subclass, nest
        )

    def acquire_write(
        self, blocking: bool = True, timeout: float = -1, *, subclass: int = 0, nest: object = None
    ) -> bool:
        """Take it alone.  May block.  Raises: Unwind."""
        if blocking is True and timeout == -1 and not subclass and nest is None:
            chk = self.chk
            if not chk.observed and self._is_known(chk, WRITE):
                return True
        kind = Kind.ACQUIRE if blocking else Kind.TRY_ACQUIRE
        if not blocking:
            return self._acquire(
                kind, WRITE, self._can_write, self._take_write, None, subclass, nest
            )
        self._join_queue(1)
        try:
            return self._acquire(
                kind, WRITE, self._can_write, self._take_write, timeout, subclass, nest
            )
        finally:
            self._leave_queue()

    def release_read(self) -> None:
        """Drop a read hold of this thread."""
        if not self._is_newest(read=True):
            self._release(self._drop_read, read=True)

    def release_write(self) -> None:
        """Drop the write hold."""
        if not self._is_newest(read=False):
            self._release(self._drop_write, read=False)

    @contextmanager
    def reading(self, recursive: bool = True) -> Iterator[None]:
        """Hold it for reading."""
        self.acquire_read(recursive=recursive)
        try:
            yield
        finally:
            self.release_read()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold it for writing."""
        self.acquire_write()
        try:
            yield
        finally:
            self.release_write()

    def ready(self, op: Op) -> bool:
        """May `op` go now?  (`lockcheck.seam.SyncObject`)"""
        if op.kind in (Kind.ACQUIRE, Kind.READ_ACQUIRE):
            return bool(op.aux())
        return super().ready(op)

    # -- the warm path: known, free, and released in order --------------------------------------

    def _is_known(self, chk: Host, mode: int) -> bool:
        """Take it, if the thread's chain knows that and nobody stands in the way."""
        if chk.recorder is not None:
            return False
        ts = chk.tls.t
        key = self._keys.get(mode)
        if key is None:
            key = self._keys[mode] = chk.engine.variant(self.key, mode, False, 0)
        top = ts.top
        chain = top._k.next.get(key)
        if chain is None:
            return False
        hold = Hold(self, mode)
        hold.key = key
        hold._pk = top._k
        hold._k = chain
        hold.prev = top
        hold.ts = ts
        self._gate.acquire()
        free = not self._writer and not self._waiters
        if mode == WRITE:
            free = free and not self._readers
            if free:
                self._writer = True
        elif free and (mode == RECURSIVE_READ or not self._writers_waiting):
            self._readers += 1
        else:
            free = False
        self._gate.release()
        if not free:
            return False
        ts.top = hold
        mine = self._holds.get(ts)
        if mine is None:
            self._holds[ts] = [hold]
        else:
            mine.append(hold)
        return True

    def _is_newest(self, *, read: bool) -> bool:
        """Release it, if it is what the thread took last, and nothing more is to be done."""
        chk = self.chk
        if chk.observed or chk.recorder is not None:
            return False
        ts = chk.tls.t
        hold = ts.top
        if type(hold) is not Hold or hold.lock is not self or hold.pins:
            return False
        if (hold.mode == WRITE) is read:
            return False
        mine = self._holds.get(ts)
        if not mine or mine[-1] is not hold:
            return False
        mine.pop()
        if not mine:
            del self._holds[ts]
        ts.top = hold.prev
        hold.ts = None
        self._gate.acquire()
        try:
            if read:
                self._readers -= 1
            else:
                self._writer = False
            if self._waiters:
                self._hand_over()
        finally:
            self._gate.release()
        return True

    # -- one acquire, one release -----------------------------------------------------------------

    def _acquire(
        self,
        kind: Kind,
        mode: int,
        ready: Callable[[], bool],
        take: Callable[[], object],
        timeout: float | None,
        subclass: int,
        nest: Any,
    ) -> bool:
        chk = self.chk
        ts = chk.current()
        limit = None if timeout is None or timeout < 0 else timeout
        op = Op(kind, self, ready, timeout=limit, timer=f"{self.name}.acquire", visible=True)
        conductor = chk.conductor
        if conductor is not None and not conductor.point(op):
            return False
        hold = Hold(self, mode)
        how = {"subclass": subclass, "trylock": timeout is None or limit is not None, "nest": nest}
        chk.engine.prepare(hold, **how)
        if timeout is None or (conductor is not None and conductor.controlled):
            got = bool(self._try(ready, take))
            assert got or timeout is None, f"{self.name}: granted but not ready"
        else:
            with self._gate:
                got = not self._waiters and ready() and bool(take())
            if not got:
                chk.engine.before_block(ts, hold, op)
                began = chk.now()
                got = self._park(ts, op, ready, take) is not None
                chk.engine.after_block(ts, self, got, chk.now() - began)
        if not got:
            return False
        try:
            chk.engine.push(ts, hold, **how)
        except BaseException:
            with self._gate:
                (self._drop_write if mode == WRITE else self._drop_read)()
                self._hand_over()
            raise
        with self._gate:
            self._holds.setdefault(ts, []).append(hold)
        if chk.recorder is not None:
            chk.recorder.took(ts, hold, chk.now())
        if chk.observed:
            chk.engine.hb_acquire(ts, self)
            if mode == WRITE:
                chk.engine.hb_acquire(ts, self._read)
        return True

    def _release(self, drop: Callable[[], bool], *, read: bool) -> None:
        chk = self.chk
        ts = chk.current()
        if chk.conductor is not None:
            mode = (READ, RECURSIVE_READ) if read else (WRITE,)
            foreign = all(hold.mode not in mode for hold in self._holds.get(ts, ()))
            kind = Kind.READ_RELEASE if read else Kind.RELEASE
            chk.conductor.point(Op(kind, self, visible=True, foreign=foreign))
        if chk.observed:
            chk.engine.hb_release(ts, self._read if read else self, shared=read)
        with self._gate:
            holds = self._holds.get(ts)
            hold = holds.pop() if holds else None
            if not holds:
                self._holds.pop(ts, None)
        if hold is None:
            hold = Hold(self, READ if read else WRITE)  # not held here: the engine says so
        elif chk.recorder is not None:
            chk.recorder.gave(ts, hold, chk.now())
        chk.engine.release(ts, hold)
        with self._gate:
            if not drop() and not chk.aborted:
                raise RuntimeError(f"release of {self.name}, which is not held in that mode")
            self._hand_over()

    def _try(self, ready: Callable[[], bool], take: Callable[[], object]) -> object:
        with self._gate:
            return bool(ready()) and take()

    # -- plain state, under _gate -----------------------------------------------------------------

    def _can_read(self) -> bool:
        return not self._writer

    def _can_read_queued(self) -> bool:
        return not self._writer and not self._writers_waiting

    def _can_write(self) -> bool:
        return not self._writer and not self._readers

    def _take_read(self) -> bool:
        self._readers += 1
        return True

    def _take_write(self) -> bool:
        self._writer = True
        return True

    def _drop_read(self) -> bool:
        if self._readers == 0:
            return False
        self._readers -= 1
        return True

    def _drop_write(self) -> bool:
        if not self._writer:
            return False
        self._writer = False
        return True

    def _join_queue(self, n: int) -> None:
        """Announce a waiting writer: an operation of its own, for it blocks queued readers."""
        conductor = self.chk.conductor
        if conductor is not None:
            conductor.point(Op(Kind.RMW, self, why="queue for writing"))
        with self._gate:
            self._writers_waiting += n

    def _leave_queue(self) -> None:
        with self._gate:
            self._writers_waiting -= 1
            self._hand_over()
