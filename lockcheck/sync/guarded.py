"""`guarded()`: a field that states what protects it, checked at every access.

Declared in a class body, like Clang's GUARDED_BY, and used as a plain attribute:

    class Account:
        n = guarded("lock")                       # every access must hold self.lock
        rates = guarded("a", "b")                 # writers hold both, readers either
        devs = guarded(lambda self: self.net.lock)
        state = guarded("lock", reads="once")     # READ_ONCE/WRITE_ONCE: writers hold it
        handler = guarded("lock", reads=in_rcu)   # RCU: readers hold it or are in a read side
        name = constant()                         # may not change once another thread has seen it
        cursor = own()                            # one thread at a time, handed over in order

The first assignment makes the field; what an `__init__` of the object does is no access of another
thread's.  A list, dict or set becomes one that checks every look and every change (`containers`):
the field protects what it contains, so the object holds a container of its own.

Checked in every run, free or controlled: the guard is held.  With `races` also the order: accesses
under one and the same lock are ordered by it, so only a change of the lock (an object that moves
from one owner to another, a resolver that picks the wrong instance) is compared with the epoch of
the last access; everything else goes to the race detector.  Under a conductor an access is a
scheduling point when its field is marked (READ_ONCE, RCU) or a race was found on it: where accesses
are ordered by locks, exploring the locks is enough.

Left out: instances without a `__dict__`; containers other than exactly list, dict and set.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, Generic, Literal, TypeVar, cast, overload

from lockcheck.sync.breach import Access
from lockcheck.sync.containers import CONTAINERS, GuardedDict, GuardedList, GuardedSet, Place
from lockcheck.sync.guards import FREE, SHARED, Guard, Named, Resolved
from lockcheck.sync.watch import WATCH, Watch, watched

if TYPE_CHECKING:
    from lockcheck.core.held import ThreadState
    from lockcheck.sync.host import Host

__all__ = ["Field", "constant", "guarded", "looking", "own", "peek"]

T = TypeVar("T")


class _Unset:
    """The type of the one value that stands for none."""


_UNSET: Final = _Unset()

Reads = Literal["locked", "once", "any", "ordered", "constant"] | Callable[[object], bool]


class Field:
    """A declaration: what protects one attribute of a class.  `guarded` makes it an attribute."""

    __slots__ = ("_by_lock", "_free", "default", "full_name", "guard", "label", "once",
                 "point_name", "reads")  # fmt: skip

    audited: ClassVar[bool] = False
    """Somebody in this process wants to see every access, the free ones included."""

    def __init__(self, guard: Guard, reads: Reads, default: object) -> None:
        self.guard = guard
        self.reads = reads
        """How it is read without the guard, if at all."""
        self.once = reads == "once" or callable(reads)
        """Accesses are scheduling points, ordered as such: never a data race."""
        self._by_lock = reads == "locked"
        self._free = reads == "any"
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        if not owner.__dictoffset__:
            raise TypeError(
                f"{owner.__qualname__}.{name} is guarded, but instances have no __dict__: "
                "leave out __slots__, or add '__dict__' to them"
            )
        self.label = name
        self.full_name = f"{owner.__qualname__}.{name}"
        self.point_name = f"field {self.full_name}"

    def touch(self, watch: Watch, owner: object, write: bool, depth: int = 3) -> None:
        """One access: a point where it is one, then the guard, then the order.

        `depth`: how many frames above `_order` the user's own is.
        """
        chk = watch.chk
        try:
            ts: ThreadState = chk.near.t
        except AttributeError:
            ts = chk.current()
        if ts.looking or ts.tracing:
            return
        if chk.guards.on_access is not None:
            chk.guards.on_access(Access(self, owner, ts, write))
        conductor = chk.conductor
        if conductor is not None and (
            (self.once and (write or not self.guard.covered(owner, ts)))
            or self.point_name in conductor.observed
        ):
            conductor.point(watch.cell(self.label).op(write))
        if write and conductor is not None and conductor.in_round:
            witness = self.guard.held(owner, ts, True)
            conductor.wrote(watch.cell(self.label), partial(self._content, owner), witness)
        if not self._by_lock and self._judged(watch, owner, ts, write):
            return
        witness = self.guard.held(owner, ts, write)
        if witness is None:
            chk.guards.breach(self, owner, ts, write)
        if chk.races and self._by_lock and witness is not FREE:
            self._order(watch, ts, witness, write, depth)

    def _content(self, owner: object) -> object:
        """What is there now; it is no access."""
        return owner.__dict__.get(self.label, self.default)

    def _judged(self, watch: Watch, owner: object, ts: ThreadState, write: bool) -> bool:
        """The other ways to read; True: there is nothing more to look at."""
        reads = self.reads
        if reads == "ordered":
            if watch.chk.races:
                self._handed_over(watch, ts, write)
            return True
        if reads == "constant":
            self._constant(watch, owner, ts, write)
            return True
        if write:
            return False
        return reads in ("once", "any") or (callable(reads) and reads(owner))

    def _order(
        self, watch: Watch, ts: ThreadState, witness: object | None, write: bool, depth: int
    ) -> None:
        """Is this access ordered after those before?"""
        cell = watch.cell(self.label)
        alone = witness is not None and witness is not SHARED
        if cell.mixed or not alone or cell.lock is not witness:
            before = 0 if cell.mixed or cell.lock is None else cell.slot
            if before not in (0, ts.slot) and cell.epoch > ts.hb.get(before, 0):
                watch.chk.guards.wrong_instance(self, cell, ts, witness, write)
            if cell.mixed or not alone:
                cell.mixed = True
                watch.chk.engine.access(ts, cell, write=write)
                return
            cell.lock = witness
        cell.slot = ts.slot
        cell.epoch = ts.hb.get(ts.slot, 0)
        cell.thread = ts.name
        cell.code = sys._getframe(depth).f_code

    def _handed_over(self, watch: Watch, ts: ThreadState, write: bool) -> None:
        """One thread at a time: this access is ordered after the last one, whoever made it."""
        cell = watch.cell(self.label)
        if cell.slot not in (0, ts.slot) and cell.epoch > ts.hb.get(cell.slot, 0):
            watch.chk.guards.wrong_instance(self, cell, ts, None, write)
        cell.slot = ts.slot
        cell.epoch = ts.hb.get(ts.slot, 0)
        cell.thread = ts.name
        cell.code = sys._getframe(4).f_code

    def _constant(self, watch: Watch, owner: object, ts: ThreadState, write: bool) -> None:
        """Nobody but its maker has looked, or nobody writes."""
        cell = watch.cell(self.label)
        if not write:
            if cell.serial != ts.serial:
                cell.serial = 0
        elif cell.serial != ts.serial:
            watch.chk.guards.breach(self, owner, ts, write)


class guarded(Field, Generic[T]):  # noqa: N801  (reads like a declaration)
    """Declare what protects an attribute.

    Args:
        guard: names of the object's locks (writers hold all, readers any), or one function of the
            object that returns the lock, or a `Guard`.
        reads: "locked" (default: readers hold the guard, too); "once" (READ_ONCE: anybody reads;
            each access is a scheduling point, but for a read under the guard, which no write can
            meet); "any" (readers come after the write by other means: no accesses at all); a
            function of the object that says whether the calling thread may read without the guard
            (an RCU read-side section).
        default: the value of a field that was never set.
        said: the guard in words, for reports; default: the name of the lock.

    Raises: TypeError for anything else.
    """

    __slots__ = ()

    def __init__(
        self,
        *guard: str | Callable[..., object] | Guard,
        reads: Reads = "locked",
        default: T | object = _UNSET,
        said: str = "",
    ) -> None:
        super().__init__(_guard_of(guard, said), reads, default)

    @overload
    def __get__(self, owner: None, cls: type) -> guarded[T]: ...
    @overload
    def __get__(self, owner: object, cls: type | None = None) -> T: ...
    def __get__(self, owner: object | None, cls: type | None = None) -> T | guarded[T]:
        if owner is None:
            return self
        values = owner.__dict__
        value = values.get(self.label, self.default)
        if (self._free and not Field.audited and value is not _UNSET) or type(value) in CONTAINERS:
            return cast("T", value)  # each look at what it contains is checked
        watch: Watch | None = values.get(WATCH)
        if watch is None or watch.ident != id(owner):
            watch = watched(owner, self.guard)
        if watch is not None and value is not _UNSET:
            self.touch(watch, owner, False)
            value = values.get(self.label, self.default)
        if value is _UNSET:
            raise AttributeError(f"{type(owner).__name__!r} object has no {self.label!r} yet")
        return cast("T", value)

    def __set__(self, owner: object, value: T) -> None:
        if value is self:
            return  # a dataclass hands over the default, which is this declaration
        values = owner.__dict__
        watch = watched(owner, self.guard)
        old: object = values.get(self.label, self.default)
        if watch is not None:
            if old is not _UNSET:
                self.touch(watch, owner, True)
            elif self.reads == "constant":
                watch.cell(self.label).serial = watch.chk.current().serial
        if isinstance(old, GuardedList | GuardedDict | GuardedSet):
            old.detach()
        wrap = _WRAP.get(type(value))
        values[self.label] = value if wrap is None else wrap(value, Place(self, owner))

    def __delete__(self, owner: object) -> None:
        watch = watched(owner, self.guard)
        if watch is not None:
            self.touch(watch, owner, True)
        try:
            del owner.__dict__[self.label]
        except KeyError:
            raise AttributeError(self.label) from None


class Published:
    """The guard of `constant()`: only in words, for the field itself knows who has seen it."""

    def held(self, owner: object, ts: ThreadState, write: bool) -> object | None:
        return None

    def covered(self, owner: object, ts: ThreadState) -> bool:
        return False

    def words(self, owner: object) -> str:
        return f"{type(owner).__name__} private: it is constant once another thread has seen it"


class Nobody:
    """The guard of `own()`: nothing is held, order alone is checked."""

    def held(self, owner: object, ts: ThreadState, write: bool) -> object | None:
        return FREE

    def covered(self, owner: object, ts: ThreadState) -> bool:
        return False

    def words(self, owner: object) -> str:
        return "one thread at a time"


class constant(guarded[T]):  # noqa: N801  (reads like a declaration)
    """Declare an attribute that does not change once another thread has read it."""

    __slots__ = ()

    def __init__(self, default: T | object = _UNSET) -> None:
        super().__init__(Published(), reads="constant", default=default)


class own(guarded[T]):  # noqa: N801  (reads like a declaration)
    """Declare an attribute that one thread at a time uses; each hand-over must be ordered.

    Checked by order alone, as `shared()`, but its accesses are no scheduling points.
    """

    __slots__ = ()

    def __init__(self, default: T | object = _UNSET) -> None:
        super().__init__(Nobody(), reads="ordered", default=default)


def peek(owner: object, name: str) -> object:
    """Return a guarded field as it is now, without an access: for reports and listings."""
    field = type(owner).__dict__.get(name) or getattr(
        type(owner), name, None
    )  # a field by its name
    if not isinstance(field, Field):
        return getattr(owner, name)  # a field by its name
    value = owner.__dict__.get(name, field.default)
    if value is _UNSET:
        raise AttributeError(name)
    return value


@contextmanager
def looking(chk: Host) -> Iterator[None]:
    """In the body the calling thread looks without accessing: a listing, an invariant at rest."""
    ts = chk.current()
    ts.looking += 1
    try:
        yield
    finally:
        ts.looking -= 1


def _guard_of(given: tuple[str | Callable[..., object] | Guard, ...], said: str) -> Guard:
    names = [one for one in given if isinstance(one, str)]
    if given and len(names) == len(given):
        return Named(*names)
    if len(given) == 1:
        one = given[0]
        if hasattr(one, "held"):
            return one  # type: ignore[return-value]  # it says that it is a Guard
        if callable(one):
            return Resolved(one, said)
    raise TypeError(
        "guarded() wants the names of the object's locks, or one function of the object that "
        f"returns its lock: got {', '.join(map(repr, given)) or 'nothing'}"
    )


_WRAP: Final[dict[type, Callable[..., object]]] = {
    list: GuardedList,
    dict: GuardedDict,
    set: GuardedSet,
    GuardedList: GuardedList,
    GuardedDict: GuardedDict,
    GuardedSet: GuardedSet,
}
