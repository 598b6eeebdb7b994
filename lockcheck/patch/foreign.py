"""Locks that nobody checks, counted, so that a verdict can say what it did not look at.

`_thread.allocate_lock()` makes the interpreter's own locks, for programs that go below `threading`;
they stay what they are, and each made after `install()` is counted.  The interpreter's own import
locks are not: no program sees them.

Left out: what is a type there and stays one (`_thread.RLock`, since 3.13 `_thread.lock`), called by
the program itself.
"""

from __future__ import annotations

import _thread
import sys
from collections.abc import Callable

__all__ = ["count_foreign", "foreign_locks", "stop_counting"]

_NAMES = ("allocate_lock", "allocate", "RLock", "lock")
_INTERNAL = ("_frozen_importlib", "importlib", "threading", "lockcheck")
_PLAIN: dict[str, Callable[..., object]] = {
    name: getattr(_thread, name)  # of the module
    for name in _NAMES
    if isinstance(getattr(_thread, name, None), type(len))  # of the module
}
"""What is a function there; types stay as they are."""

_counts: dict[str, int] = {}


class _Counted:
    """A function of `_thread` that counts its calls; no descriptor, as the function is none."""

    def __init__(self, plain: Callable[..., object]) -> None:
        self._plain = plain
        self.__name__ = plain.__name__
        self.__qualname__ = plain.__qualname__
        self.__module__ = plain.__module__
        self.__doc__ = plain.__doc__
        self.__self__ = getattr(plain, "__self__", None)  # of the module

    def __call__(self, *args: object, **kwargs: object) -> object:
        made = self._plain(*args, **kwargs)
        caller = str(sys._getframe(1).f_globals.get("__name__", ""))
        if caller.partition(".")[0] not in _INTERNAL:
            note_foreign("_thread")
        return made

    def __reduce__(self) -> str:
        return self.__name__

    def __repr__(self) -> str:
        return repr(self._plain)


def note_foreign(kind: str) -> None:
    """One more lock that nobody checks."""
    _counts[kind] = _counts.get(kind, 0) + 1


def foreign_locks() -> dict[str, int]:
    """How many were made since `install()`, by the module that makes them."""
    return dict(_counts)


def count_foreign() -> None:
    """Start counting, from nothing."""
    _counts.clear()
    for name, plain in _PLAIN.items():
        setattr(_thread, name, _Counted(plain))


def stop_counting() -> None:
    """Put the interpreter's own functions back."""
    for name, plain in _PLAIN.items():
        setattr(_thread, name, plain)
