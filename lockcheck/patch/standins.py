"""Stand-ins for `threading`'s names: `lockcheck.sync`'s own classes, bound to one checker.

`threading.Lock` and `RLock` are factories (a function up to 3.12, a type since); their stand-ins
make plain `sync.Lock`/`sync.RLock` objects.  The rest are subclasses that only fill in checker and
name, so programs may subclass them.

What a stand-in must support, since programs do it: `isinstance` and `issubclass` also for objects
and classes made before `install()`, `threading.Lock | None`, use as a class attribute, pickling by
reference, `threading.Event.__init__(self)` from a subclass that was defined before `install()`.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn, SupportsIndex, cast

from lockcheck import sync
from lockcheck.patch.copies import copied, reduced
from lockcheck.patch.faces import LOCK_IS_TYPE, StandIn, lock, new_lock, new_rlock
from lockcheck.patch.gates import GateCondition
from lockcheck.patch.state import binding
from lockcheck.sync.parking import Parking

__all__ = ["STANDINS"]


_ORIGINAL_DOCS = {name: value.__doc__ for name, value in vars(threading).items()}
_RLock = threading.RLock
_LockFactory = threading.Lock
_AFTER_FORK = threading._after_fork.__code__  # type: ignore[attr-defined]  # private


def _factory(cls: StandIn) -> StandIn:
    """Mark a stand-in for a function: no type, so far as the interpreter's own is none."""

    def refuse(**_kwargs: object) -> NoReturn:
        raise TypeError(f"type 'threading.{cls.__name__}' is not an acceptable base type")

    cls._is_function = True
    cls.__init_subclass__ = refuse  # type: ignore[assignment,method-assign,unused-ignore]  # a class attribute
    return cls


@_factory
class Lock(metaclass=StandIn):
    """`threading.Lock`, where that is a function."""

    _stands_for: ClassVar[tuple[type, ...]] = lock._stands_for

    def __new__(cls, *args: object, **kwargs: object) -> Any:  # makes what the checker makes
        if args or kwargs:
            return _LockFactory(*args, **kwargs)  # raises
        return new_lock(1)


@_factory
class RLock(metaclass=StandIn):
    """`threading.RLock`, a function."""

    _stands_for: ClassVar[tuple[type, ...]] = (
        sync.RLock,
        type(threading.RLock()),
        threading._RLock,
    )

    def __new__(cls, *args: object, **kwargs: object) -> Any:  # makes what the checker makes
        if args or kwargs:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                _RLock(*args, **kwargs)  # raises, warns, or does not mind
            for each in said:  # of the caller's line
                warnings.warn(each.message, each.category, stacklevel=2)
        elif sys._getframe(1).f_code is _AFTER_FORK:
            # threading makes its own inner lock again, first of all hooks in the child.
            binding.forked()
            return _RLock()
        return new_rlock(1)


def _deprecated(old: str, new: str) -> None:
    warnings.warn(f"{old}() is deprecated, use {new}() instead", DeprecationWarning, stacklevel=3)


def _shown(what: object, state: str) -> str:
    """As threading shows it: class, address, state."""
    cls = type(what)
    return f"<{cls.__module__}.{cls.__qualname__} at {id(what):#x}: {state}>"


def _face(what: Parking, ready: Callable[[], bool], why: str) -> GateCondition:
    """The condition inside `what`, made when first asked for."""
    found = what.__dict__.get("_lockcheck_cond")
    if found is None:
        made = GateCondition(what, what._gate, ready, f"{what.name} {why}")
        found = what.__dict__.setdefault("_lockcheck_cond", made)
    return cast("GateCondition", found)


_Condition: Any = threading.Condition  # a base that the type checker must not see
_Event: Any = threading.Event  # the same
_Semaphore: Any = threading.Semaphore  # the same
_BoundedSemaphore: Any = threading.BoundedSemaphore  # the same
_Barrier: Any = threading.Barrier  # the same


_HAS_LOCKED = hasattr(_Condition(), "locked")
"""From 3.14 on a condition shows whether its lock is held."""


class Condition(sync.Condition, metaclass=StandIn):
    """`threading.Condition`."""

    _stands_for: ClassVar[tuple[type, ...]] = (sync.Condition, GateCondition, _Condition)

    def __init__(self, lock: Any = None) -> None:  # of any class, the program's too
        if not issubclass(type(self), sync.Condition):
            _Condition.__init__(self, lock)
            return
        site = binding.site(1)
        if lock is None:
            lock = new_rlock(1)
        super().__init__(binding.chk, lock, binding.numbered(site))
        if _HAS_LOCKED:
            self.locked = lock.locked

    def __repr__(self) -> str:
        return f"<Condition({self._lock}, {len(self._tickets)})>"

    def notifyAll(self) -> None:
        """Deprecated spelling of `notify_all`."""
        _deprecated("notifyAll", "notify_all")
        self.notify_all()


class Event(sync.Event, metaclass=StandIn):
    """`threading.Event`."""

    _stands_for: ClassVar[tuple[type, ...]] = (sync.Event, _Event)

    def __init__(self) -> None:
        if not issubclass(type(self), sync.Event):
            _Event.__init__(self)
            return
        super().__init__(binding.chk, binding.numbered(binding.site(1)))

    @property
    def _cond(self) -> GateCondition:
        return _face(self, self._is_set, "to be set")

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        return reduced(self, self._gate, protocol)

    __copy__ = copied

    def __repr__(self) -> str:
        return _shown(self, "set" if self._flag else "unset")

    def isSet(self) -> bool:
        """Deprecated spelling of `is_set`."""
        _deprecated("isSet", "is_set")
        return self.is_set()


class Semaphore(sync.Semaphore, metaclass=StandIn):
    """`threading.Semaphore`."""

    _stands_for: ClassVar[tuple[type, ...]] = (sync.Semaphore, _Semaphore)

    def __init__(self, value: int = 1) -> None:
        if not issubclass(type(self), sync.Semaphore):
            _Semaphore.__init__(self, value)
            return
        site = binding.site(1)
        super().__init__(binding.chk, value, binding.numbered(site), site)

    @property
    def _cond(self) -> GateCondition:
        return _face(self, lambda: self._value > 0, "to have a unit")

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        return reduced(self, self._gate, protocol)

    __copy__ = copied

    def __repr__(self) -> str:
        return _shown(self, f"value={self._value}")


class BoundedSemaphore(sync.BoundedSemaphore, metaclass=StandIn):
    """`threading.BoundedSemaphore`."""

    _stands_for: ClassVar[tuple[type, ...]] = (sync.BoundedSemaphore, _BoundedSemaphore)

    def __init__(self, value: int = 1) -> None:
        if not issubclass(type(self), sync.BoundedSemaphore):
            _BoundedSemaphore.__init__(self, value)
            return
        site = binding.site(1)
        super().__init__(binding.chk, value, binding.numbered(site), site)

    @property
    def _initial_value(self) -> int:
        return self._initial

    _cond = Semaphore._cond
    __reduce_ex__ = Semaphore.__reduce_ex__
    __copy__ = copied

    def __repr__(self) -> str:
        return _shown(self, f"value={self._value}/{self._initial}")


class Barrier(sync.Barrier, metaclass=StandIn):
    """`threading.Barrier`."""

    _stands_for: ClassVar[tuple[type, ...]] = (sync.Barrier, _Barrier)

    def __init__(
        self,
        parties: int,
        action: Callable[[], object] | None = None,
        timeout: float | None = None,
    ) -> None:
        if not issubclass(type(self), sync.Barrier):
            _Barrier.__init__(self, parties, action, timeout)
            return
        _Barrier(parties, action, timeout)  # raises what it would; some take any number
        super().__init__(binding.chk, 1, action, timeout, binding.numbered(binding.site(1)))
        self.parties = parties

    @property
    def _cond(self) -> GateCondition:
        return _face(self, self._is_decided, "to be passed")

    @property
    def _parties(self) -> int:
        return self.parties

    @property
    def _count(self) -> int:
        return self._inside

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        return reduced(self, self._gate, protocol)

    __copy__ = copied

    def __repr__(self) -> str:
        if self.broken:
            return _shown(self, "broken")
        return _shown(self, f"waiters={self.n_waiting}/{self.parties}")


STANDINS: dict[str, type] = {
    cls.__name__: cls
    for cls in (Lock, RLock, Condition, Event, Semaphore, BoundedSemaphore, Barrier)
}
"""By threading's name."""

if LOCK_IS_TYPE:
    STANDINS["Lock"] = lock

for _cls in (RLock, Lock, Condition, Event, Semaphore, BoundedSemaphore, Barrier):
    # Pickled by reference, and shown, as what they stand for.
    _cls.__module__ = "threading"
    _cls.__doc__ = _ORIGINAL_DOCS[_cls.__name__]
