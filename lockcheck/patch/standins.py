"""Stand-ins for `threading`'s names: `lockcheck.sync`'s own classes, bound to one checker.

`threading.Lock` and `RLock` are factories (a function up to 3.12, a type since); their stand-ins
make plain `sync.Lock`/`sync.RLock` objects.  The rest are subclasses that only fill in checker and
name, so programs may subclass them.

What a stand-in must support, since programs do it: `isinstance` and `issubclass` also for objects
and classes made before `install()`, `threading.Lock | None`, use as a class attribute, pickling by
reference, `threading.Event.__init__(self)` from a subclass that was defined before `install()`.
"""

from __future__ import annotations

import _thread
import sys
import threading
import warnings
from abc import ABCMeta
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

from lockcheck import sync
from lockcheck.patch.state import binding

__all__ = ["STANDINS", "StandIn"]


class StandIn(ABCMeta):
    """Metaclass: a stand-in is also what it stands for.  (An ABCMeta, to mix with ABCs.)"""

    def __instancecheck__(cls, instance: Any) -> bool:
        stands_for = cls.__dict__.get("_stands_for")
        if stands_for is not None and isinstance(instance, stands_for):
            return True
        return super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        stands_for = cls.__dict__.get("_stands_for")
        if stands_for is not None and issubclass(subclass, stands_for):
            return True
        return super().__subclasscheck__(subclass)


def _factory(cls: StandIn) -> StandIn:
    """Mark a stand-in that makes objects of another class: it cannot be subclassed."""

    def refuse(**_kwargs: object) -> NoReturn:
        raise TypeError(f"type 'threading.{cls.__name__}' is not an acceptable base type")

    cls.__init_subclass__ = refuse  # type: ignore[assignment,method-assign,unused-ignore]
    return cls


_RLock: Any = threading.RLock
_AFTER_FORK = threading._after_fork.__code__  # type: ignore[attr-defined]


@_factory
class Lock(metaclass=StandIn):
    """`threading.Lock`."""

    _stands_for: ClassVar[tuple[type, ...]] = (sync.Lock, type(_thread.allocate_lock()))

    def __new__(cls) -> Any:
        chk = binding.chk
        return chk.plain_lock(chk.lock_key(None, depth=2))


@_factory
class RLock(metaclass=StandIn):
    """`threading.RLock`."""

    _stands_for: ClassVar[tuple[type, ...]] = (
        sync.RLock,
        type(threading.RLock()),
        threading._RLock,
    )

    def __new__(cls) -> Any:
        if sys._getframe(1).f_code is _AFTER_FORK:
            # threading makes its own inner lock anew, first of all hooks in the child.
            binding.forked()
            return _RLock()
        chk = binding.chk
        return sync.RLock(chk, chk.lock_key(None, depth=2, kind="rlock"))


def _deprecated(old: str, new: str) -> None:
    warnings.warn(f"{old}() is deprecated, use {new}() instead", DeprecationWarning, stacklevel=3)


def _shown(what: Any, state: str) -> str:
    """As threading shows it: class, address, state."""
    cls = type(what)
    return f"<{cls.__module__}.{cls.__qualname__} at {id(what):#x}: {state}>"


_Condition: Any = threading.Condition
_Event: Any = threading.Event
_Semaphore: Any = threading.Semaphore
_BoundedSemaphore: Any = threading.BoundedSemaphore
_Barrier: Any = threading.Barrier


class Condition(sync.Condition, metaclass=StandIn):
    """`threading.Condition`."""

    _stands_for: ClassVar[tuple[type, ...]] = (sync.Condition, _Condition)

    def __init__(self, lock: Any = None) -> None:
        if not issubclass(type(self), sync.Condition):
            _Condition.__init__(self, lock)
            return
        site = binding.site(1)
        if lock is None:
            lock = binding.chk.RLock(site)
        super().__init__(binding.chk, lock, binding.numbered(site))

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

    def __repr__(self) -> str:
        return _shown(self, "set" if self.is_set() else "unset")

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
        super().__init__(binding.chk, parties, action, timeout, binding.numbered(binding.site(1)))

    def __repr__(self) -> str:
        if self.broken:
            return _shown(self, "broken")
        return _shown(self, f"waiters={self.n_waiting}/{self.parties}")


STANDINS: dict[str, type] = {
    cls.__name__: cls
    for cls in (Lock, RLock, Condition, Event, Semaphore, BoundedSemaphore, Barrier)
}
"""By threading's name."""

for _cls in STANDINS.values():
    # Pickled by reference, and shown, as what they stand for.
    _cls.__module__ = "threading"
