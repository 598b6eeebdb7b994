"""A thread that looks after those who block: there only while somebody does, never across a fork.

A watchdog with a thread of its own from the first line on makes every program multi-threaded: from
Python 3.12 on `os.fork` warns of that.  But nobody can be stuck before somebody blocks.  So whoever
blocks wakes the patrols (`sync.blocking`); each starts its thread then, and ends it when it finds
nobody waiting.  Before a fork it is ended, and joined until the system has let go of it.  After the
fork it is started at once only where another thread waits already (there plain Python warns, too),
else by whoever blocks next.  Not by every fork: some versions count threads after the parent's
hooks.

Nobody who blocks is missed: who blocks has published that before looking whether a patrol walks; a
patrol that leaves looks once more for waiters after it has given up its duty.

A forked child has no patrol: there a hang is the program's own, as without us.

Left out: where there is no /proc, a thread that has ended may be counted for a moment longer.
"""

from __future__ import annotations

import os
from _thread import allocate_lock, get_ident
from collections.abc import Callable
from typing import Final

from lockcheck.core.collecting import pause, resume
from lockcheck.sync.plain import Flag, PlainThread

__all__ = ["Patrol", "wake_patrols"]

GRACE: Final = 1.0
"""Seconds that a fork waits for a patrol.  A look is shorter; but a report's callback may wait for
what the forking thread holds."""


class Patrol:
    """Looks, now and then, while somebody waits.

    Args:
        look: called every `period` seconds; returns whether it was the last time.
        wanted: does a thread other than the calling one wait?
        period: seconds between looks, and before the first.
        name: of its thread, for reports.

    Neither function may raise.
    """

    def __init__(
        self, look: Callable[[], bool], wanted: Callable[[], bool], *, period: float, name: str
    ) -> None:
        self._look = look
        self._wanted = wanted
        self._period = period
        self._name = name
        self._duty = allocate_lock()
        """Held by the thread that walks, and by who is about to start it."""
        self._stop = Flag()
        self._thread: PlainThread | None = None
        """The newest one; written by whoever holds `_duty`."""
        self._closed = True

    def open(self) -> None:
        """From now on it is woken by whoever blocks."""
        _now.watch_forks()
        self._closed = False
        with _now.changing:
            _now.patrols = (*_now.patrols, self)

    def close(self) -> None:
        """Look no more, and join the thread.  May block."""
        with _now.changing:
            _now.patrols = tuple(each for each in _now.patrols if each is not self)
        self._closed = True
        self._stop.set()
        with self._duty:
            pass  # nobody walks any more, and nobody is about to
        if self._thread is not None:
            self._thread.join()

    def wake(self) -> None:
        """Walk, for somebody waits.  Context: no collection may begin."""
        if self._duty.locked() or not self._claim():
            return
        self._thread = PlainThread(self._walk, self._name)
        try:
            self._thread.start()
        except RuntimeError:
            self._duty.release()  # no thread to be had: whoever blocks next tries again
        except BaseException:
            self._duty.release()
            raise

    def send_home(self) -> None:
        """A fork is about to come: ask the thread to end."""
        self._stop.set()

    def gone(self) -> None:
        """Wait until it has."""
        thread = self._thread
        if thread is not None and thread.ident != get_ident():
            thread.vanish(GRACE)

    def back(self) -> None:
        """The fork is over."""
        if self._wanted():
            self.wake()

    def forget(self) -> None:
        """In the child of a fork: its thread is gone, and none is started again."""
        self._closed = True
        self._duty = allocate_lock()
        self._thread = None

    def _claim(self) -> bool:
        """Take up the duty.

        Whoever stops it says so first (`_closed`, `forks`) and sets the flag then; so either that
        is seen here, or the flag stays set.
        """
        if not self._duty.acquire(False):
            return False
        self._stop.clear()
        if self._closed or _now.forks:
            self._duty.release()
            return False
        return True

    def _walk(self) -> None:
        while True:
            if self._is_over():
                self._closed = True
            self._duty.release()
            if self._closed or not self._is_wanted() or not self._claim():
                return

    def _is_over(self) -> bool:
        """Look until it is over for good (True), nobody waits, or it was sent home."""
        while not self._stop.wait(self._period):
            if self._look():
                return True
            if not self._is_wanted():
                break
        return False

    def _is_wanted(self) -> bool:
        pause()  # the program's finalisers are run by its own threads, not by this one
        try:
            return self._wanted()
        finally:
            resume()


class _Now:
    """The patrols of this process, and the forks that are under way."""

    def __init__(self) -> None:
        self.patrols: tuple[Patrol, ...] = ()
        self.changing = allocate_lock()
        """Protects: `patrols`, for those who change it."""
        self.forks: list[None] = []
        """One entry for each; lists, whose changes are atomic."""
        self._watching = False

    def watch_forks(self) -> None:
        """Be called at forks.  Such a hook cannot be taken away again."""
        if not self._watching and hasattr(os, "register_at_fork"):
            self._watching = True
            os.register_at_fork(
                before=_before, after_in_parent=_in_parent, after_in_child=_in_child
            )


_now = _Now()


def wake_patrols() -> None:
    """The calling thread has published that it waits, and is about to block."""
    if not _now.patrols:
        return
    pause()  # what this thread holds, a finaliser might want
    try:
        for patrol in _now.patrols:
            patrol.wake()
    finally:
        resume()


def _before() -> None:
    _now.forks.append(None)
    for patrol in _now.patrols:
        patrol.send_home()
    for patrol in _now.patrols:
        patrol.gone()


def _in_parent() -> None:
    _now.forks.pop()
    pause()
    try:
        for patrol in _now.patrols:
            patrol.back()
    finally:
        resume()


def _in_child() -> None:
    _now.forks.clear()
    _now.changing = allocate_lock()
    for patrol in _now.patrols:
        patrol.forget()
    _now.patrols = ()
