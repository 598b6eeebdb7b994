"""Atomics: a reference count whose waiters block once, and a pointer with `xchg`.

`wait_refs` is the one blocking operation behind `netdev_wait_allrefs_any`: until any of several
counts has a value.  Increments and decrements commute; only the wait, a read and
`inc_not_zero` care about the value.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lockcheck.seam import Kind, Op, Ownerless
from lockcheck.sync.blocking import block

if TYPE_CHECKING:
    from lockcheck.core.events import Part
    from lockcheck.core.held import ThreadState
    from lockcheck.core.vector import Times
    from lockcheck.sync.host import Host

__all__ = ["AtomicRef", "Refcount", "wait_refs"]


LAST_BUT_ONE = 2
"""The decrement from here is the one that a wait for the usual value is about."""


class _RefWaiter:
    """One thread in `wait_refs`; `claim` decides which count's change serves it."""

    __slots__ = ("claim", "hit", "raw", "value")

    def __init__(self, value: int) -> None:
        self.value = value
        self.claim = allocate_lock()
        self.raw = allocate_lock()
        self.raw.acquire()
        self.hit: Refcount | None = None

    @property
    def served(self) -> bool:
        """Was it claimed: by a count that has the value, or by its own timer?"""
        return self.claim.locked()


class Refcount(Ownerless):
    """An atomic count of references."""

    __slots__ = (
        "__weakref__",
        "_gate",
        "_value",
        "_waiters",
        "chk",
        "clock",
        "dep",
        "name",
        "owner",
    )

    once = False
    parties = 0
    lacking = ()
    raises = False

    def __init__(
        self, chk: Host, name: str, value: int = 1, owner: Any = None
    ) -> None:  # what it counts for
        self.chk = chk
        self.name = name
        self.owner = owner
        """Whatever the count belongs to; reports print its trackers."""
        self.clock: Times | None = None
        self.dep: dict[str, Part] | None = None
        self._gate = allocate_lock()
        self._value = value
        self._waiters: list[_RefWaiter] = []

    def __repr__(self) -> str:
        return f"<Refcount {self.name}={self._value}>"

    @property
    def value(self) -> int:
        """The value as it is now: for reports and listings, not a scheduling point."""
        return self._value

    def inc(self) -> int:
        """Count up; returns the new value."""
        if self.chk.conductor is not None:
            self._point(Kind.REF_INC)
        return self._add(1)

    def dec(self) -> int:
        """Count down; returns the new value."""
        if self.chk.conductor is not None:
            self._point(Kind.REF_DEC)
        chk = self.chk
        if chk.observed:
            chk.happens.release(chk.current(), self, shared=True)
        if self._waiters or self._value == LAST_BUT_ONE:
            chk.waiting.wake(chk.current(), self)
        return self._add(-1)

    def dec_and_test(self) -> bool:
        """Count down; was that the last one?  Unlike `dec` it depends on every other operation."""
        self._point(Kind.RMW)
        chk = self.chk
        if chk.observed:
            chk.happens.release(chk.current(), self, shared=True)
        if self._add(-1):
            return False
        if chk.observed:
            chk.happens.acquire(chk.current(), self)
        return True

    def inc_not_zero(self) -> bool:
        """Count up unless it is zero."""
        self._point(Kind.RMW)
        with self._gate:
            if self._value == 0:
                return False
            self._value += 1
        return True

    def read(self) -> int:
        """Return the value."""
        self._point(Kind.REF_READ)
        return self._value

    def set(self, value: int) -> None:
        """Set the value, as at initialisation."""
        self._point(Kind.RMW)
        self._add(value - self._value)

    def supply(self, part: str) -> int:
        """Nothing is known of how many there are."""
        return 0

    def ready(self, op: Op) -> bool:
        """May `op` go now?  (`lockcheck.seam.SyncObject`)"""
        if op.kind is Kind.WAIT_REFS:
            refs, value = op.aux
            return any(ref._value == value for ref in refs)
        return True

    def _point(self, kind: Kind) -> None:
        conductor = self.chk.conductor
        if conductor is not None:
            op = Op(kind, self)
            conductor.point(op)
            op.aux = self._value  # what the operation finds (`lockcheck.explore.races`)
            if conductor.in_round:
                conductor.wrote(self, self._content)

    def _content(self) -> object:
        return self._value

    def _add(self, n: int) -> int:
        conductor = self.chk.conductor
        with self._gate:
            if conductor is not None and not conductor.controlled:
                conductor.note(self, self.chk.current())
            self._value += n
            value = self._value
            for waiter in self._waiters:
                if waiter.value == value and waiter.claim.acquire(False):
                    waiter.hit = self
                    waiter.raw.release()
        return value


def wait_refs(
    chk: Host,
    refs: Sequence[Refcount],
    value: int = 1,
    *,
    timeout: float | None = None,
    timer: str = "",
    repeat: bool = False,
) -> Refcount | None:
    """Block until any of `refs` has `value`; the count, or None when the timer fired.

    Locks: must be called with none held (the engine reports it).  Raises: Unwind.
    """
    ts = chk.current()
    if chk.conductor is None:
        for ref in refs:
            if ref._value == value:
                return _at_once(chk, ts, ref, value)
    names = ", ".join(ref.name for ref in refs)
    op = Op(
        Kind.WAIT_REFS,
        refs[0],
        (tuple(refs), value),
        timeout=timeout,
        timer=timer,
        repeat=repeat,
        why=f"{names} to become {value}",
    )
    chk.waiting.before_wait(ts, op)
    conductor = chk.conductor
    granted = conductor is None or conductor.point(op)
    if conductor is not None and conductor.controlled:
        hit = next((ref for ref in refs if ref._value == value), None) if granted else None
        assert hit is not None or not granted, names
    else:
        hit = _park(chk, ts, op, refs, value)
    chk.waiting.after_wait(ts, op, hit is not None)
    if hit is not None:
        chk.happens.acquire(ts, hit)
    return hit


def _at_once(chk: Host, ts: ThreadState, ref: Refcount, value: int) -> Refcount:
    """A count that has its value in a free run: judged alone, or a long list costs its square."""
    waiting = chk.waiting
    if ts.holds or ts.contexts:
        op = Op(Kind.WAIT_REFS, ref, ((ref,), value), why=f"{ref.name} to become {value}")
        waiting.before_wait(ts, op)
        waiting.after_wait(ts, op, True)
    elif not ts.tracing:
        waiting.did_not_wait(ts)
    chk.happens.acquire(ts, ref)
    return ref


def _park(
    chk: Host, ts: ThreadState, op: Op, refs: Sequence[Refcount], value: int
) -> Refcount | None:
    waiter = _RefWaiter(value)
    try:
        for ref in refs:
            with ref._gate:
                if ref._value == value and waiter.claim.acquire(False):
                    return ref
                ref._waiters.append(waiter)
        timeout = -1.0 if op.timeout is None else max(0.0, op.timeout)
        if not block(chk, ts, op, waiter.raw, timeout, waiter) and waiter.claim.acquire(False):
            return None  # the timer; from here on nobody can serve us
        return waiter.hit
    finally:
        for ref in refs:
            with ref._gate:
                if waiter in ref._waiters:
                    ref._waiters.remove(waiter)


class AtomicRef(Ownerless):
    """An atomic pointer, as `xchg()` and `cmpxchg()` see it."""

    __slots__ = ("__weakref__", "_gate", "_value", "chk", "clock", "name")

    def __init__(self, chk: Host, name: str, value: object = None) -> None:
        self.chk = chk
        self.name = name
        self.clock: Times | None = None
        self._gate = allocate_lock()
        self._value = value

    def get(self) -> Any:  # the program's value
        """Read it (acquire)."""
        self._point(Kind.READ)
        chk = self.chk
        if chk.observed:
            chk.happens.acquire(chk.current(), self)
        return self._value

    def set(self, value: object) -> None:
        """Write it (release)."""
        self.xchg(value, Kind.WRITE)

    def xchg(self, value: object, kind: Kind = Kind.RMW) -> Any:  # the program's value
        """Write it and return what was there, in one step."""
        self._point(kind)
        chk = self.chk
        if chk.observed:
            ts = chk.current()
            chk.happens.acquire(ts, self)
            chk.happens.release(ts, self, shared=True)
        with self._gate:
            old = self._value
            self._value = value
        return old

    def cmpxchg(self, old: object, new: object) -> bool:
        """Write `new` if it is `old`; returns whether it was."""
        self._point(Kind.RMW)
        chk = self.chk
        if chk.observed:
            ts = chk.current()
            chk.happens.acquire(ts, self)
            chk.happens.release(ts, self, shared=True)
        with self._gate:
            if self._value is not old:
                return False
            self._value = new
        return True

    @property
    def value(self) -> Any:  # the program's value
        """The value as it is now: for reports and listings, not a scheduling point."""
        return self._value

    def ready(self, op: Op) -> bool:
        """May `op` go now?  (`lockcheck.seam.SyncObject`)"""
        return True

    def _point(self, kind: Kind) -> None:
        conductor = self.chk.conductor
        if conductor is not None:
            conductor.point(Op(kind, self))
            if conductor.in_round and kind is not Kind.READ:
                conductor.wrote(self, self._content)

    def _content(self) -> object:
        return self._value
