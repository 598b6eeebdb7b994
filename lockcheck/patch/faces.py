"""What `threading.Lock()` and `threading.RLock()` return: our locks with the interpreter's face.

Their calls, messages and names are those of the interpreter at hand; lockdep's annotations
(`subclass`, `nest`) are for lockcheck's own classes.  The warm path is written out once more, as a
call in between would cost a third of it.

Left out: the words of a TypeError for a wrong number of arguments, and of an AttributeError; that
`_is_owned` and attributes of ours (`chk`, `key`, `name`) can be seen.
"""

from __future__ import annotations

import _thread
import copyreg
import sys
from _thread import allocate_lock
from abc import ABCMeta
from typing import Any, ClassVar, SupportsIndex

from lockcheck import sync
from lockcheck.core.collecting import pause, resume
from lockcheck.patch.copies import reduced
from lockcheck.patch.state import binding

__all__ = ["LOCK_IS_TYPE", "StandIn", "lock", "new_lock", "new_rlock", "rlock"]

LOCK_IS_TYPE = sys.version_info >= (3, 13)
"""`threading.Lock` is the type of what it makes, and the type can be called."""

_LOCK = type(allocate_lock())
_RLOCK = _thread.RLock()


class StandIn(ABCMeta):
    """Metaclass: a stand-in is also what it stands for.  (An ABCMeta, to mix with ABCs.)"""

    _is_function = False
    """It stands for a function, of which nothing is an instance."""

    def __instancecheck__(cls, instance: object) -> bool:
        if cls._is_function:
            raise TypeError("isinstance() arg 2 must be a type, a tuple of types, or a union")
        stands_for = cls.__dict__.get("_stands_for")
        if stands_for is not None and isinstance(instance, stands_for):
            return True
        return super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        if cls._is_function:
            raise TypeError("issubclass() arg 2 must be a class, a tuple of classes, or a union")
        stands_for = cls.__dict__.get("_stands_for")
        if stands_for is not None and issubclass(subclass, stands_for):
            return True
        return super().__subclasscheck__(subclass)


class lock(sync.Lock, metaclass=StandIn):  # noqa: N801  (its name in `_thread`)
    """A lock object."""

    __slots__ = ()
    _stands_for: ClassVar[tuple[type, ...]] = (sync.Lock, type(allocate_lock()))

    def __new__(cls, *args: object, **kwargs: object) -> Any:  # makes what the checker makes
        if not LOCK_IS_TYPE or args or kwargs:
            return _LOCK(*args, **kwargs)  # raises
        return new_lock(1)

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        """Made already."""

    def __init_subclass__(cls, **_kwargs: object) -> None:
        raise TypeError("type '_thread.lock' is not an acceptable base type")

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # type: ignore[override]  # as the interpreter's
        if timeout != -1 or blocking is not True:
            return self._acquire_odd(blocking, timeout, 0, None)
        try:
            ts = self._tls.t
        except AttributeError:
            ts = self.chk.current()
        if not self.real.acquire(False):
            self._contended(ts, -1)
        top = ts.top
        parent = top._k
        if self._pk is parent or self._leads(ts, parent):
            self.prev = top
            self.ts = ts
            ts.top = self
        return True

    acquire_lock = acquire

    def release_lock(self) -> None:
        self.release()

    def locked_lock(self) -> bool:
        return self.locked()

    def __repr__(self) -> str:
        state = "locked" if self.real.locked() else "unlocked"
        return f"<{state} _thread.lock object at {id(self):#x}>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        return self.real.__reduce_ex__(protocol)


class rlock(sync.RLock):  # noqa: N801  (not to be taken for the factory)
    """A re-entrant lock object."""

    __slots__ = ()

    def __new__(cls, *args: object, **kwargs: object) -> Any:  # makes what the checker makes
        if cls is not rlock:  # of the program's
            made = object.__new__(cls)
            chk = binding.chk
            sync.RLock.__init__(made, chk, chk.lock_key(None, depth=2, kind="rlock"))
            return made
        if args or kwargs:
            _thread.RLock(*args, **kwargs)  # raises, warns, or does not mind
        return new_rlock(1)

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        """Made already."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # type: ignore[override]  # as the interpreter's
        if timeout != -1 or blocking is not True:
            _check(blocking, timeout)
            return self._acquire_with(blocking, timeout, 0, None)
        return self.__enter__()

    def __repr__(self) -> str:
        state = "locked" if self.real.locked() else "unlocked"
        owner = 0 if self.ts is None else self.ts.ident
        return f"<{state} _thread.RLock object owner={owner} count={self._count} at {id(self):#x}>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        return reduced(self, _RLOCK, protocol)


def _absent(self: object) -> bool:
    raise AttributeError(f"'_thread.{type(self).__name__}' object has no attribute 'locked'")


if not hasattr(_RLOCK, "locked"):  # before 3.14
    rlock.locked = property(_absent)  # type: ignore[assignment,method-assign]  # a method of its base


class _ObservedLock(sync.ObservedLock):
    """`lock`, where each operation has more to do."""

    __slots__ = ()
    __repr__ = lock.__repr__
    __reduce_ex__ = lock.__reduce_ex__

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # type: ignore[override]  # as the interpreter's
        return sync.ObservedLock.acquire(self, blocking, timeout)  # `super` would allocate

    acquire_lock = acquire
    release_lock = lock.release_lock
    locked_lock = lock.locked_lock


FACES: dict[type, type] = {sync.Lock: lock, sync.RLock: rlock, sync.ObservedLock: _ObservedLock}
"""Our class -> the same with the interpreter's face; others keep their own."""

for _cls, _name in ((lock, "lock"), (rlock, "RLock"), (_ObservedLock, "lock")):
    _cls.__name__ = _cls.__qualname__ = _name
    _cls.__module__ = "_thread"


def _check(blocking: bool, timeout: float) -> None:
    """Raise what the interpreter's own `acquire` would raise of these."""
    pause()  # the lock is an object more, and what this thread holds a finaliser might want
    try:
        allocate_lock().acquire(blocking, timeout)
    finally:
        resume()


def _by_name(module: str, name: str) -> object:
    return getattr(sys.modules[module], name)  # as pickle asks


def _reduced(cls: type) -> Any:  # as pickle wants it
    """How a stand-in is pickled: by the name of what it stands for."""
    return (_by_name, ("threading", "Lock")) if cls is lock else cls.__qualname__


copyreg.pickle(StandIn, _reduced)


def new_lock(depth: int) -> object:
    """What `threading.Lock()` returns; `depth` frames above the caller it is called."""
    chk = binding.chk
    return _faced(chk.plain_lock(chk.lock_key(None, depth=depth + 2)))


def new_rlock(depth: int) -> object:
    """What `threading.RLock()` returns; `depth` as for `new_lock`."""
    chk = binding.chk
    return _faced(chk.reentrant_lock(chk.lock_key(None, depth=depth + 2, kind="rlock")))


def _faced(made: object) -> object:
    face = FACES.get(type(made))
    if face is not None:
        made.__class__ = face
    return made
