"""How the stand-ins are pickled and copied: as what they stand for.

An object with a lock inside cannot be pickled, and says so in the lock's words; a shallow copy
shares its lock.  A class of the program's may know better, with a `__reduce__` or a `__getstate__`
of its own, and then that is what counts.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Protocol, SupportsIndex

__all__ = ["copied", "reduced"]

_reconstruct: Callable[..., object] = copy._reconstruct  # type: ignore[attr-defined]  # private


class Reducible(Protocol):
    """What can say how it is pickled."""

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> str | tuple[object, ...]: ...


def _knows_better(cls: type) -> bool:
    return any(
        _found(cls, name) is not _found(object, name) for name in ("__reduce__", "__getstate__")
    )


def _found(cls: type, name: str) -> object:
    """What the class has under a name, unbound."""
    return next(vars(each)[name] for each in cls.__mro__ if name in vars(each))


def reduced(self: object, inside: Reducible, protocol: SupportsIndex) -> str | tuple[object, ...]:
    """What pickle gets of a stand-in with this lock `inside`.  Raises: what that raises."""
    if _knows_better(type(self)):
        return object.__reduce_ex__(self, protocol)
    return inside.__reduce_ex__(protocol)


def copied(self: object) -> object:
    """A shallow copy, as of any object with attributes."""
    cls = type(self)
    if _knows_better(cls):
        way = object.__reduce_ex__(self, 4)
        return self if isinstance(way, str) else _reconstruct(self, None, *way)
    made = object.__new__(cls)
    for each in cls.__mro__:
        for name in each.__dict__.get("__slots__", ()):
            if name != "__weakref__" and hasattr(self, name):
                setattr(made, name, getattr(self, name))  # its slots
    made.__dict__.update(self.__dict__)
    return made
