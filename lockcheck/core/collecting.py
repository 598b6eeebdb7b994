"""No collection of the interpreter's in the middle of the checker's steps.

The collector runs finalisers of the program's.  Were one to run between the taking of a lock and
the note that it is held, or under the leaf, it could wait for the very lock, and the program would
hang because of us; in plain Python nothing is allocated there, and nothing collected.  So what
allocates in such a place stands between `pause` and `resume`; what had to be collected is
collected at the next allocation after.

The collector is the whole process's, so pauses of several threads are counted.  What the program
itself does with `gc.enable`, `gc.disable` and `gc.isenabled` meanwhile goes through the functions
of these names here under `install()`; without it, what the program wants is seen when nobody is at
work here.

There is no lock: whoever held one while the collector runs (later versions collect between any two
instructions) would make others wait for a finaliser.  Instead, whoever changes what decides, who
pauses or what the program wants, switches the collector afterwards, and looks once more; so the
last one to switch it has switched it rightly.

Left out: for the moment between another thread's switch and its second look, the collector may be
on in a pause that has just begun; without `install()`, a program that switches the collector in
that very moment in another thread.
"""

from __future__ import annotations

import gc
from itertools import count

__all__ = ["PAUSED", "disable", "enable", "forked", "isenabled", "pause", "resume", "unsaid"]

_disable = gc.disable
_enable = gc.enable
_isenabled = gc.isenabled


class _Pauses:
    """Who pauses the collector, and what the program wants.  Lists, whose changes are atomic."""

    def __init__(self) -> None:
        self.active: list[None] = []
        """One for each pause there is now."""
        self.switching: list[None] = []
        """One for each thread that may be about to switch the collector on."""
        self.tick = count()
        """Counts what happens here."""
        self.seen = _isenabled()
        """Did the program have the collector on, when that was last seen?"""
        self.said: bool | None = None
        """What the program said through the functions here; None: nothing yet, what is seen counts.

        Kept apart, so that a late look cannot undo a word.
        """

    @property
    def wanted(self) -> bool:
        """Does the program want the collector on?"""
        said = self.said
        return self.seen if said is None else said


_pauses = _Pauses()


def pause() -> None:
    """Hold collections back until as many calls of `resume`."""
    pauses = _pauses
    if not pauses.active:
        said = pauses.said
        if _isenabled() is not (pauses.seen if said is None else said):  # `wanted`, with no call
            _look()
    next(pauses.tick)
    pauses.active.append(None)
    _disable()


def resume() -> None:
    """End a pause."""
    pauses = _pauses
    next(pauses.tick)
    pauses.switching.append(None)
    pauses.active.pop()
    if not pauses.active and pauses.wanted:
        _switch()
    pauses.switching.pop()


def _switch() -> None:
    """Switch the collector as it has to be now, until that is so."""
    pauses = _pauses
    while True:
        on = not pauses.active and pauses.wanted
        if on:
            _enable()
        else:
            _disable()
        if on == (not pauses.active and pauses.wanted):
            return


def _look() -> None:
    """See whether the program has switched the collector itself: where nobody else was at work.

    Who pauses is in the list before the collector is off, and counts before leaving the list: so
    whoever had a hand in what was seen is in the list afterwards, or has counted.
    """
    pauses = _pauses
    before = next(pauses.tick)
    if pauses.said is not None or pauses.active or pauses.switching:
        return
    on = _isenabled()
    if not pauses.active and not pauses.switching and next(pauses.tick) == before + 1:
        pauses.seen = on


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
    was_at_work = _pauses.active or _pauses.switching
    _pauses.active, _pauses.switching, _pauses.tick = [], [], count()
    if was_at_work:
        _switch()


def enable() -> None:
    """Enable automatic garbage collection."""
    _want(on=True)


def disable() -> None:
    """Disable automatic garbage collection."""
    _want(on=False)


def _want(*, on: bool) -> None:
    next(_pauses.tick)
    _pauses.switching.append(None)
    _pauses.said = on
    _switch()
    _pauses.switching.pop()


def unsaid() -> None:
    """The functions here are the program's no longer: from now on what is seen counts."""
    next(_pauses.tick)
    _pauses.seen, _pauses.said = _pauses.wanted, None


def isenabled() -> bool:
    """Returns true if automatic garbage collection is enabled."""
    if _isenabled() is not _pauses.wanted:
        _look()
    return _pauses.wanted
