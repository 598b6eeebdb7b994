"""Threads and events of the machinery itself: never checked, whatever `install()` replaced.

A watchdog or a pooled worker that `threading` knew would be one of the program's threads: in
`threading.enumerate()` and `active_count()`, joined at exit, started under its own hooks.  So a
`PlainThread` is started below `threading`, which has never heard of it.

Nor does it take the program's signals: where the program blocks one in all its threads it waits,
and would reach a thread that does not block it, whereupon Python runs the handler nevertheless.
"""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from _thread import allocate_lock
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, SupportsIndex

__all__ = [
    "Flag",
    "PlainThread",
    "Started",
    "forked",
    "hidden",
    "is_machinery",
    "lend",
    "take_back",
    "unlisted",
]

_Event = threading.Event
_Condition = threading.Condition
_active: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]  # private
# Bound at import, before anybody can have replaced them.

_sigmask: Callable[[int, Iterable[int]], Iterable[int]] | None
_sigmask = getattr(signal, "pthread_sigmask", None)  # not on Windows; as imported

_sleep = time.sleep  # bound at import: an explored program's is logical
_clock = time.monotonic
MOMENT = 0.0001
"""Seconds between two looks for a thread that is about to vanish."""

_idents: set[int] = set()
"""Idents of the machinery's running threads; each is added and taken out by its own thread."""

_hidden: set[int] = set()
"""Those of them that run none of the program's code; changed likewise."""

_forks: list[None] = []
"""One entry for each fork that led to this process."""


def is_machinery(ident: int) -> bool:
    """Is this the ident of a running thread of the machinery?"""
    return ident in _idents


def hidden() -> set[int]:
    """The idents of the machinery's running threads that run none of the program's code."""
    return _hidden.copy()


def forked() -> None:
    """In the child of a fork: the machinery's threads are gone."""
    _idents.clear()
    _hidden.clear()
    _forks.append(None)


@contextmanager
def unlisted() -> Iterator[None]:
    """In the body the calling thread is the machinery's: `threading` does not list it."""
    ident = _thread.get_ident()
    listed = _active.pop(ident, None)
    try:
        yield
    finally:
        if listed is not None:
            _active[ident] = listed


def lend(ident: int | None, thread: object) -> None:
    """The machinery's thread `ident` is to run `thread`: `threading` lists it as that one."""
    if ident is not None and isinstance(thread, threading.Thread):
        _active[ident] = thread


def take_back(ident: int | None) -> None:
    """It has run it, or never will."""
    if ident is not None:
        _active.pop(ident, None)


class PlainThread:
    """A real thread that neither `threading` nor any checker lists; it never keeps a process up.

    Args:
        target: what it runs; must raise nothing.
        name: for reports.
        masked: does it block all signals?  Not where it runs the program's own code.
    """

    def __init__(self, target: Callable[[], None], name: str, *, masked: bool = True) -> None:
        self.name = name
        self._masked = masked
        self.ident: int | None = None
        self._native_id: int | None = None
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
        sigmask = _sigmask if self._masked else None
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

    def vanish(self, timeout: float) -> None:
        """Block until the system counts it no longer, or `timeout` seconds.

        A thread that has run its last line is the system's for a moment longer.
        """
        end = _clock() + timeout
        self.join(timeout)
        task = f"/proc/self/task/{self._native_id}"
        while _clock() < end and os.path.exists(task):
            _sleep(MOMENT)

    def _run(self) -> None:
        self._native_id = _thread.get_native_id()
        self.ident = ident = _thread.get_ident()
        _idents.add(ident)
        if self._masked:
            _hidden.add(ident)
        self._begun.release()
        try:
            self._target()
        finally:
            _active.pop(ident, None)  # a dummy entry, if anybody here asked who this is
            _idents.discard(ident)
            _hidden.discard(ident)
            self._ended.release()


class Flag:
    """An event of the machinery, for one waiter at a time.

    Waiting makes no object, so that no collection begins in the waiter's thread, and no finaliser
    of the program's runs there.
    """

    def __init__(self) -> None:
        self._unset = allocate_lock()
        """Locked until it is set."""
        self._unset.acquire()

    def set(self) -> None:
        """Set it, until it is cleared."""
        try:
            self._unset.release()
        except RuntimeError:
            pass  # it is set already

    def clear(self) -> None:
        """Let whoever waits next block.  Context: nobody waits."""
        self._unset.acquire(False)

    def wait(self, timeout: float) -> bool:
        """Block until it is set, or `timeout` seconds; return whether it is."""
        if not self._unset.acquire(True, timeout):
            return False
        self.set()
        return True


class Started(_Event):
    """The event inside a thread that it has begun: as `threading` makes it, with a real lock.

    `life`: what the checker knows of the thread.  It hangs here, where the program does not look:
    a thread's own attributes belong to its author.
    """

    __slots__ = ("life",)

    def __init__(self, life: Any) -> None:  # of `sync.thread`, which stands on this
        self._cond = _Condition(allocate_lock())
        self._flag = False
        self.life = life

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        return allocate_lock().__reduce_ex__(protocol)  # as any event: its lock cannot be pickled


Started.__module__, Started.__name__, Started.__qualname__ = "threading", "Event", "Event"
