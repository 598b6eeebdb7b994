"""A reader/writer lock: recursive readers, queued readers, writers.

As the kernel's: a *recursive* reader is blocked only by a writer that holds; a *queued* reader also
by a writer that waits (rwsem, fair rwlock).  State is a parking lot; each hold is an entry in the
thread's held stack with its mode.

Who is alone with the lock, as most are, stands in no list and no count: its hold is all that says
so (`_reading`, `_writing`).  Whoever comes next enters it first (`_settle`), and whoever looks
without the gate looks there, too.

Left out: upgrade; downgrade.

One file: a lock with two ways in; the warm path of each stands written out, as in `lock`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from lockcheck.core.held import READ, RECURSIVE_READ, WRITE, Hold
from lockcheck.seam import Kind, Op
from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lockcheck.core.classes import Key, LockClass
    from lockcheck.core.held import CheckedLock, ThreadState
    from lockcheck.core.vector import Times
    from lockcheck.sync.host import Host

__all__ = ["RWLock"]

_NO_LOCK = cast("CheckedLock", None)
"""Of a hold that is put away: whoever is just walking a held stack takes it for a floor."""


class _Sections:
    """Carries the order of read sections (`core.clocks.Carrier`)."""

    __slots__ = ("clock",)

    def __init__(self) -> None:
        self.clock: Times | None = None


class RWLock(Parking):
    """Readers in parallel, one writer alone."""

    __slots__ = (
        "_free", "_holds", "_near", "_read", "_read_key", "_readers", "_reading", "_recursive_key",
        "_spare", "_warm", "_write_key", "_writer", "_writers_waiting", "_writing", "key",
    )  # fmt: skip

    def __init__(self, chk: Host, key: Key) -> None:
        super().__init__(chk, str(key.name))
        self.key = key
        self._read = _Sections()
        """What readers did: ordered before the next writer, not before each other."""
        self._write_key: Key | None = None
        self._read_key: Key | None = None
        self._recursive_key: Key | None = None
        """The keys of the ways to take it, once it was taken so."""
        self._near = chk.near
        self._warm = not chk.observed and chk.recorder is None
        """Nothing but the checker looks on."""
        self._readers = 0
        self._writer = False
        self._writers_waiting = 0
        self._holds: list[Hold] = []
        """Those of all threads, oldest first; under _gate."""
        self._spare: Hold | None = None
        """A hold of the warm path that nobody has any more, and that has no lock; under _gate."""
        self._free: Hold | None = None
        """That hold, while nobody at all holds the lock or waits for it; under _gate."""
        self._reading: Hold | None = None
        self._writing: Hold | None = None
        """That hold, while its thread is alone with the lock: it is in no list and no count until
        somebody else comes (`_settle`); under _gate."""

    @property
    def cls(self) -> LockClass:
        return self.key.cls

    @property
    def class_name(self) -> str:
        return str(self.key.cls.name)

    def holders(self) -> Sequence[ThreadState]:
        """Who holds it, in any mode."""
        found = {hold.ts: None for hold in self._all()}
        return [ts for ts in found if ts is not None]

    def owned_by(self, ts: ThreadState | None) -> None:
        """`_holds` says who owns it."""

    def really_held(self) -> bool:
        """Does anybody hold it?"""
        return bool(self._all()) or self._writer or self._readers > 0

    def own_references(self, ts: ThreadState) -> int:
        """References to it by all but one of the holds of `ts`."""
        return max(0, sum(hold.ts is ts for hold in self._all()) - 1)

    def locked(self) -> bool:
        """Return whether anybody holds it, in any mode."""
        self.chk.point(Kind.PROBE, self)
        return self.really_held()

    # Not keyword-only, what could be: the interpreter calls such a function the slow way.

    def acquire_read(
        self,
        blocking: bool = True,
        timeout: float = -1,
        recursive: bool = True,
        subclass: int = 0,
        nest: object = None,
    ) -> bool:
        """Take it for reading.  May block.  Raises: Unwind."""
        plainly = blocking is True and timeout == -1 and not subclass and nest is None
        if plainly:
            try:
                ts = self._near.t
            except AttributeError:
                ts = self.chk.current()
            mode = RECURSIVE_READ if recursive else READ
            top = ts.top
            gate = self._gate
            gate.acquire()
            hold = self._free
            if hold is not None and hold._pk is top._k and hold.mode == mode:
                hold.lock = self
                hold.prev = top
                hold.ts = ts
                self._reading = hold
                self._free = None
                gate.release()
                ts.top = hold
                return True
            gate.release()
            if self._take_known(ts, mode):
                return True
        ready = self._can_read if recursive else self._can_read_queued
        kind = Kind.READ_ACQUIRE if blocking else Kind.TRY_READ_ACQUIRE
        mode = RECURSIVE_READ if recursive else READ
        limit = timeout if blocking else None
        if not self._acquire(kind, mode, ready, self._take_read, limit, subclass, nest):
            return False
        if plainly:
            self._learn(mode)
        return True

    def acquire_write(
        self, blocking: bool = True, timeout: float = -1, subclass: int = 0, nest: object = None
    ) -> bool:
        """Take it alone.  May block.  Raises: Unwind."""
        plainly = blocking is True and timeout == -1 and not subclass and nest is None
        if plainly:
            try:
                ts = self._near.t
            except AttributeError:
                ts = self.chk.current()
            top = ts.top
            gate = self._gate
            gate.acquire()
            hold = self._free
            if hold is not None and hold._pk is top._k and hold.mode == WRITE:
                hold.lock = self
                hold.prev = top
                hold.ts = ts
                self._writing = hold
                self._free = None
                gate.release()
                ts.top = hold
                return True
            gate.release()
            if self._take_known(ts, WRITE):
                return True
        kind = Kind.ACQUIRE if blocking else Kind.TRY_ACQUIRE
        if not blocking:
            return self._acquire(
                kind, WRITE, self._can_write, self._take_write, None, subclass, nest
            )
        self._join_queue(1)
        try:
            got = self._acquire(
                kind, WRITE, self._can_write, self._take_write, timeout, subclass, nest
            )
        finally:
            self._leave_queue()
        if got and plainly:
            self._learn(WRITE)
        return got

    def release_read(self) -> None:
        """Drop a read hold of this thread."""
        try:
            ts = self._near.t
        except AttributeError:
            ts = self.chk.current()
        alone = self._reading
        if alone is not None and alone is ts.top and alone.bare:
            gate = self._gate
            gate.acquire()
            if self._reading is alone:
                ts.top = alone.prev
                self._reading = alone.ts = alone.prev = None
                alone.lock = _NO_LOCK
                self._free = alone
                gate.release()
                return
            gate.release()
        hold = ts.top
        known = self._warm and hold.lock is self and hold.bare and type(hold) is Hold
        if known and hold.mode != WRITE:
            ts.top = hold.prev
            self._gate.acquire()
            self._readers -= 1
            self._drop(hold)
            return
        self._release(self._drop_read, read=True)

    def release_write(self) -> None:
        """Drop the write hold."""
        try:
            ts = self._near.t
        except AttributeError:
            ts = self.chk.current()
        alone = self._writing
        if alone is not None and alone is ts.top and alone.bare:
            gate = self._gate
            gate.acquire()
            if self._writing is alone:
                ts.top = alone.prev
                self._writing = alone.ts = alone.prev = None
                alone.lock = _NO_LOCK
                self._free = alone
                gate.release()
                return
            gate.release()
        hold = ts.top
        known = self._warm and hold.lock is self and hold.bare and type(hold) is Hold
        if known and hold.mode == WRITE:
            ts.top = hold.prev
            self._gate.acquire()
            self._writer = False
            self._drop(hold)
            return
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

    def _learn(self, mode: int) -> None:
        """It was taken in this way: the next time may be known."""
        key = self.chk.engine.acquires.variant(self.key, mode, False, 0)
        if mode == WRITE:
            self._write_key = key
        elif mode == READ:
            self._read_key = key
        else:
            self._recursive_key = key

    def _take_known(self, ts: ThreadState, mode: int) -> bool:
        """Take it as it was taken before, if nobody is in the way."""
        key = self._write_key
        if mode != WRITE:
            key = self._read_key if mode == READ else self._recursive_key
        top = ts.top
        chain = top._k.next.get(key)
        if chain is None or key is None or not self._warm:
            return False
        fresh = Hold(self, mode) if self._spare is None else None
        self._gate.acquire()
        self._settle()
        hold = self._spare or fresh
        alone = not (self._writer or self._readers or self._waiters)
        queued = self._writers_waiting and mode == READ
        if (mode == WRITE and not alone) or self._writer or self._waiters or queued or hold is None:
            self._gate.release()
            return False
        self._spare = None
        hold.lock = self
        hold.mode = mode
        hold.key = key
        hold._pk = top._k
        hold._k = chain
        hold.prev = top
        hold.ts = ts
        if mode == WRITE:
            self._writing = hold
        else:
            self._reading = hold
        if not alone or self._writers_waiting:
            self._settle()
        self._gate.release()
        ts.top = hold
        return True

    def _settle(self) -> None:
        """Enter who is alone with the lock where others look.  Locks: `_gate`."""
        if self._free is not None:
            self._spare = self._free
            self._free = None
        if self._reading is not None:
            self._holds.append(self._reading)
            self._readers += 1
            self._reading = None
        elif self._writing is not None:
            self._holds.append(self._writing)
            self._writer = True
            self._writing = None

    def _all(self) -> list[Hold]:
        """The holds of all threads; who is alone with the lock is looked for first."""
        alone = self._reading or self._writing
        holds = list(self._holds)
        return holds if alone is None or alone in holds else [*holds, alone]

    def _drop(self, hold: Hold) -> None:
        """Put a hold away that its thread has popped.  Locks: `_gate`, which it releases."""
        holds = self._holds
        if holds[-1] is hold:
            holds.pop()
        else:
            holds.remove(hold)
        hold.ts = hold.prev = None
        hold.lock = _NO_LOCK
        self._spare = hold
        try:
            if self._waiters:
                self._hand_over()
        finally:
            self._gate.release()

    # -- one acquire, one release -----------------------------------------------------------------

    def _acquire(
        self,
        kind: Kind,
        mode: int,
        ready: Callable[[], bool],
        take: Callable[[], object],
        timeout: float | None,
        subclass: int,
        nest: Any,  # what a caller may pass
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
        chk.engine.acquires.prepare(hold, **how)
        if timeout is None or (conductor is not None and conductor.controlled):
            got = bool(self._try(ready, take))
            assert got or timeout is None, f"{self.name}: granted but not ready"
        else:
            with self._gate:
                got = not self._waiters and ready() and bool(take())
            if not got:
                chk.engine.acquires.before_block(ts, hold, op)
                began = chk.now()
                got = self._park(ts, op, ready, take) is not None
                chk.engine.acquires.after_block(ts, self, got, chk.now() - began)
        if not got:
            return False
        try:
            chk.engine.acquires.push(ts, hold, **how)
        except BaseException:
            with self._gate:
                (self._drop_write if mode == WRITE else self._drop_read)()
                self._hand_over()
            raise
        with self._gate:
            self._holds.append(hold)
        if chk.recorder is not None:
            chk.recorder.took(ts, hold, chk.now())
        if chk.observed:
            chk.happens.acquire(ts, self)
            if mode == WRITE:
                chk.happens.acquire(ts, self._read)
        return True

    def _release(self, drop: Callable[[], bool], *, read: bool) -> None:
        chk = self.chk
        ts = chk.current()
        if chk.conductor is not None:
            mode = (READ, RECURSIVE_READ) if read else (WRITE,)
            foreign = all(hold.ts is not ts or hold.mode not in mode for hold in self._holds)
            kind = Kind.READ_RELEASE if read else Kind.RELEASE
            chk.conductor.point(Op(kind, self, visible=True, foreign=foreign))
        if chk.observed:
            chk.happens.release(ts, self._read if read else self, shared=read)
        with self._gate:
            self._settle()
            mine = [hold for hold in self._holds if hold.ts is ts]
            hold = mine[-1] if mine else None
            if hold is not None:
                self._holds.remove(hold)
        if hold is None:
            hold = Hold(self, READ if read else WRITE)  # not held here: the engine says so
        elif chk.recorder is not None:
            chk.recorder.gave(ts, hold, chk.now())
        chk.engine.releases.release(ts, hold)
        with self._gate:
            if not drop() and not chk.aborted:
                raise RuntimeError(f"release of {self.name}, which is not held in that mode")
            self._hand_over()

    def _try(self, ready: Callable[[], bool], take: Callable[[], object]) -> object:
        with self._gate:
            return bool(ready()) and take()

    # -- plain state, under _gate -----------------------------------------------------------------

    def _can_read(self) -> bool:
        return not self._writer and self._writing is None

    def _can_read_queued(self) -> bool:
        return self._can_read() and not self._writers_waiting

    def _can_write(self) -> bool:
        return self._can_read() and not self._readers and self._reading is None

    def _take_read(self) -> bool:
        self._settle()
        self._readers += 1
        return True

    def _take_write(self) -> bool:
        self._settle()
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
            self._settle()
            self._writers_waiting += n

    def _hand_over(self, by: ThreadState | None = None) -> None:
        self._settle()  # who waits must be served at the release
        super()._hand_over(by)

    def _leave_queue(self) -> None:
        with self._gate:
            self._writers_waiting -= 1
            self._hand_over()
