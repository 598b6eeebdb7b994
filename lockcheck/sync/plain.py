"""Threads and events of the machinery itself: never checked, whatever `install()` replaced.

A watchdog or a pooled worker that `threading` knew would be one of the program's threads: in
`threading.enumerate()` and `active_count()`, joined at exit, started under its own hooks.  So a
`PlainThread` is started below `threading`, which has never heard of it.

Nor does it take the program's signals: where the program blocks one in all its threads it waits,
and would reach a thread that does not block it, whereupon Python runs the handler nevertheless.
"""

from __future__ import annotations

import _thread
import signal
import threading
from _thread import allocate_lock
from collections.abc import Callable, Iterable

__all__ = ["Flag", "PlainThread", "forked", "is_machinery", "plain_event"]

_Event = threading.Event
_Condition = threading.Condition
_active: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]  # private
# Bound at import, before anybody can have replaced them.

_sigmask: Callable[[int, Iterable[int]], Iterable[int]] | None
_sigmask = getattr(signal, "pthread_sigmask", None)  # not on Windows; as imported

_idents: set[int] = set()
"""Idents of the machinery's running threads; each is added and taken out by its own thread."""

_forks: list[None] = []
"""One entry for each fork that led to this process."""


def is_machinery(ident: int) -> bool:
    """Is this the ident of a running thread of the machinery?"""
    return ident in _idents


def forked() -> None:
    """In the child of a fork: the machinery's threads are gone."""
    _idents.clear()
    _forks.append(None)


class PlainThread:
    """A real thread that neither `threading` nor any checker lists; it never keeps a process up.

    Args:
        target: what it runs; must raise nothing.
        name: for reports.
        masked: does it block all signals?  Not where it runs the program's own code.
    """

    def __init__(self, target: Callable[[], None], name: str, *, masked: bool = True) -> None:
        self.name = name
        self._sigmask = _sigmask if masked else None
        self.ident: int | None = None
        self._target = target
        self._begun = allocate_lock()
        self._ended = allocate_lock()
        """Held from `start` to the thread's end."""
        self._forks = 0

    def start(self) -> None:
        """Start it; returns when it runs.  Raises: RuntimeError when no thread can be had."""
        self._forks = len(_forks)
        self._begun.acquire()
        self._ended.acquire()
        sigmask = self._sigmask
        mask = None if sigmask is None else sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            _thread.start_new_thread(self._run, ())  # it begins with the mask of its starter
        except BaseException:
            self._ended.release()
            raise
        finally:
            if sigmask is not None and mask is not None:
                sigmask(signal.SIG_SETMASK, mask)
        with self._begun:
            pass

    def is_alive(self) -> bool:
        """Return whether it was started and has not ended; in the child of a fork it is gone."""
        return self._forks == len(_forks) and self._ended.locked()

    def join(self, timeout: float = -1) -> None:
        """Block until it ended, or `timeout` seconds."""
        if self.is_alive() and self._ended.acquire(True, timeout):
            self._ended.release()

    def _run(self) -> None:
        self.ident = ident = _thread.get_ident()
        _idents.add(ident)
        self._begun.release()
        try:
            self._target()
        finally:
            _active.pop(ident, None)  # a dummy entry, if anybody here asked who this is
            _idents.discard(ident)
            self._ended.release()


class Flag:
    """An event of the machinery, for one waiter.

    Waiting makes no object, so that no collection begins in the waiter's thread, and no finaliser
    of the program's runs there.
    """

    def __init__(self) -> None:
        self._unset = allocate_lock()
        """Locked until it is set."""
        self._unset.acquire()

    def set(self) -> None:
        """Set it for good."""
        try:
            self._unset.release()
        except RuntimeError:
            pass  # it is set already

    def wait(self, timeout: float) -> bool:
        """Block until it is set, or `timeout` seconds; return whether it is."""
        if not self._unset.acquire(True, timeout):
            return False
        self.set()
        return True


def plain_event() -> threading.Event:
    """Return an event as `threading` makes it, with a real lock inside."""
    event = _Event.__new__(_Event)
    event._cond = _Condition(allocate_lock())  # type: ignore[attr-defined]  # private
    event._flag = False  # type: ignore[attr-defined]  # private
    return event
