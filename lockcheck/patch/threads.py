"""`threading.Thread` under `install()`: the class stays, its methods are `lockcheck.sync`'s.

Replacing the class would break every subclass defined before (`threading.Thread.__init__(self)` in
its body would reach another class) and `isinstance` for running threads.  So the very functions of
`sync.thread` are put into the class itself; threads made or started before `install()` have no
`Life` and go the original way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from lockcheck.patch.state import binding
from lockcheck.sync import thread as checked
from lockcheck.sync.frames import leave_out
from lockcheck.sync.plain import Started

__all__ = ["patch_threads", "unpatch_threads"]

_ORIGINAL: dict[str, Any] = {  # methods of the library's classes
    name: threading.Thread.__dict__[name]
    for name in ("__init__", "start", "join", "is_alive", "native_id", "_bootstrap_inner")
}


def _init(self: threading.Thread, *args: object, **kwargs: object) -> None:
    try:
        _ORIGINAL["__init__"](self, *args, **kwargs)
    except BaseException as error:
        leave_out(error)
        raise
    # The stand-in for Event made one of the program's; a thread's start is none.
    self._started = Started(checked.Life(binding.chk, self))  # type: ignore[attr-defined]  # private


def _start(self: threading.Thread) -> None:
    life = checked.life_of(self)
    try:
        if life is None:
            _ORIGINAL["start"](self)
        else:
            checked.start(self, life)
    except BaseException as error:
        leave_out(error)
        raise


def _join(self: threading.Thread, timeout: float | None = None) -> None:
    life = checked.life_of(self)
    if life is None or (self._started.is_set() and not life.started):  # type: ignore[attr-defined]  # private
        _ORIGINAL["join"](self, timeout)
    else:
        checked.join(self, life, timeout)


def _is_alive(self: threading.Thread) -> bool:
    life = checked.life_of(self)
    if life is None:
        return bool(_ORIGINAL["is_alive"](self))
    return checked.is_alive(self, life)


def _native_id(self: threading.Thread) -> int | None:
    life = checked.life_of(self)
    if life is None:
        return _ORIGINAL["native_id"].fget(self)  # type: ignore[no-any-return]  # a descriptor
    return checked.native_id(self, life)


def _bootstrap_inner(self: threading.Thread) -> None:
    life = checked.life_of(self)
    if life is None:
        _ORIGINAL["_bootstrap_inner"](self)
    else:
        checked.bootstrap_inner(self, life)


_PATCHED: dict[str, Callable[..., Any] | property] = {  # the same
    "__init__": _init,
    "start": _start,
    "join": _join,
    "is_alive": _is_alive,
    "native_id": property(_native_id, doc=_ORIGINAL["native_id"].__doc__),
    "_bootstrap_inner": _bootstrap_inner,
}

for _name, _function in _PATCHED.items():
    if not isinstance(_function, property):
        _function.__doc__ = _ORIGINAL[_name].__doc__
        _function.__name__ = _name
        _function.__qualname__ = f"Thread.{_name}"


def patch_threads() -> None:
    """Put the checked functions into `threading.Thread`."""
    for name, function in _PATCHED.items():
        setattr(threading.Thread, name, function)


def unpatch_threads() -> None:
    """Put threading's own back; threads that run checked end checked."""
    for name, function in _ORIGINAL.items():
        setattr(threading.Thread, name, function)
