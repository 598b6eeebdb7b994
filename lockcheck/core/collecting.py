"""No collection of the interpreter's in the middle of the checker's steps.

The collector runs finalisers of the program's.  Were one to run between the taking of a lock and
the note that it is held, or under the leaf, it could wait for the very lock, and the program would
hang because of us; in plain Python nothing is allocated there, and nothing collected.  So what
allocates in such a place stands between `pause` and `resume`; what had to be collected is
collected at the next allocation after.

The collector is the whole process's, so pauses of several threads are counted.  What the program
itself does with `gc.enable`, `gc.disable` and `gc.isenabled` meanwhile goes through `Wanted` under
`install()`.  Left out: without `install()`, a program that switches the collector in that very
moment in another thread.
"""

from __future__ import annotations

import gc
from _thread import allocate_lock

__all__ = ["PAUSED", "disable", "enable", "forked", "isenabled", "pause", "resume"]

_disable = gc.disable
_enable = gc.enable
_isenabled = gc.isenabled


class _Pauses:
    """How many pauses there are now.

    `gate` guards both fields.  It is taken by name, for a `with` statement makes two objects, and
    a collection might begin with the second.
    """

    def __init__(self) -> None:
        self.gate = allocate_lock()
        self.count = 0
        self.wanted = True
        """Does the program want the collector on?  Valid while `count` is not zero."""


_pauses = _Pauses()


def pause() -> None:
    """Hold collections back until as many calls of `resume`."""
    _pauses.gate.acquire()
    if not _pauses.count:
        _pauses.wanted = _isenabled()
        _disable()
    _pauses.count += 1
    _pauses.gate.release()


def resume() -> None:
    """End a pause."""
    _pauses.gate.acquire()
    _pauses.count -= 1
    if not _pauses.count and _pauses.wanted:
        _enable()
    _pauses.gate.release()


class _Paused:
    """A pause as a context manager; one serves everybody."""

    __slots__ = ()

    def __enter__(self) -> None:
        pause()

    def __exit__(self, *_exc: object) -> None:
        resume()


PAUSED = _Paused()


def forked() -> None:
    """In the child of a fork: the pauses of threads that are gone are over."""
    _pauses.gate = allocate_lock()
    if _pauses.count:
        _pauses.count = 0
        if _pauses.wanted:
            _enable()


def enable() -> None:
    """Enable automatic garbage collection."""
    with _pauses.gate:
        _pauses.wanted = True
        if not _pauses.count:
            _enable()


def disable() -> None:
    """Disable automatic garbage collection."""
    with _pauses.gate:
        _pauses.wanted = False
        _disable()


def isenabled() -> bool:
    """Returns true if automatic garbage collection is enabled."""
    with _pauses.gate:
        return _pauses.wanted if _pauses.count else _isenabled()
