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

    `gate` guards all fields, and is held only while the collector is off: a collection that began
    under it could come back here.
    """

    def __init__(self) -> None:
        self.gate = allocate_lock()
        self.count = 0
        self.due = False
        """The last pause is over, and the collector is just being switched on."""
        self.wanted = True
        """Does the program want the collector on?  Valid while `count` is not zero."""


_pauses = _Pauses()


def pause() -> None:
    """Hold collections back until as many calls of `resume`."""
    on = _isenabled()
    _disable()
    _pauses.gate.acquire()
    if on:
        _pauses.wanted = True
    elif not _pauses.count and not _pauses.due:
        _pauses.wanted = False
    _pauses.count += 1
    _pauses.gate.release()


def resume() -> None:
    """End a pause."""
    _pauses.gate.acquire()
    _pauses.count -= 1
    last = not _pauses.count and _pauses.wanted
    _pauses.due = last
    _pauses.gate.release()
    if last:
        _enable()
        _pauses.due = False


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
    was_paused = _pauses.count or _pauses.due
    _pauses.count = 0
    _pauses.due = False
    if was_paused and _pauses.wanted:
        _enable()


def enable() -> None:
    """Enable automatic garbage collection."""
    _disable()
    _pauses.gate.acquire()
    _pauses.wanted = True
    now = not _pauses.count
    _pauses.gate.release()
    if now:
        _enable()


def disable() -> None:
    """Disable automatic garbage collection."""
    _disable()
    _pauses.gate.acquire()
    _pauses.wanted = False
    _pauses.due = False
    _pauses.gate.release()


def isenabled() -> bool:
    """Returns true if automatic garbage collection is enabled."""
    return _pauses.wanted if _pauses.count else _isenabled()
