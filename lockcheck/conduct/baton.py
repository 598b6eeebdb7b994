"""Batons: how one real thread hands control to exactly one other.

Each thread parks on a baton of its own; whoever holds control wakes the next one and parks itself.
An eventfd is the fastest baton on every build of CPython: its write is a system call made without
the interpreter lock, so the woken thread finds that lock free (a `threading.Lock` as a baton wakes
its waiter twice, and on free-threaded builds spins first).  Where there is no eventfd a plain lock
serves.

Invariant: one wake for each park; a wake may come before its park.
Left out: fairness (one thread parks on a baton), cancellation (the waker decides what it meant).
"""

from __future__ import annotations

import os
import select
from _thread import allocate_lock
from collections.abc import Callable
from functools import partial
from typing import Protocol

__all__ = ["Baton", "EventfdBaton", "LockBaton", "make_baton"]


class Baton(Protocol):
    """What a thread parks on."""

    wake: Callable[[], object]
    """Let the owner go; by any other thread."""
    park: Callable[[], object]
    """Block until woken; by the owner only."""

    def park_for(self, seconds: float) -> bool:
        """As `park`, at most so long, interruptible by a signal; False: not woken."""
        ...

    def close(self) -> None:
        """Give the descriptor back; nobody may be parked."""
        ...


class EventfdBaton:
    """A baton on an eventfd (Linux)."""

    __slots__ = ("_fd", "_poll", "park", "wake")

    def __init__(self) -> None:
        fd = os.eventfd(0, os.EFD_CLOEXEC)
        self._fd = fd
        self._poll: select.poll | None = None
        # Bound once: a hand-over is two of these calls and little else.
        self.wake: Callable[[], object] = partial(os.eventfd_write, fd, 1)
        self.park: Callable[[], object] = partial(os.eventfd_read, fd)

    def park_for(self, seconds: float) -> bool:
        """Block until woken or `seconds` passed."""
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._fd, select.POLLIN)
        if not self._poll.poll(seconds * 1000.0):
            return False
        self.park()
        return True

    def close(self) -> None:
        """Close the descriptor, once."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class LockBaton:
    """A baton on a plain lock: locked means nobody has woken us yet."""

    __slots__ = ("_lock", "park", "wake")

    def __init__(self) -> None:
        lock = allocate_lock()
        lock.acquire()
        self._lock = lock
        self.wake: Callable[[], object] = lock.release
        self.park: Callable[[], object] = lock.acquire

    def park_for(self, seconds: float) -> bool:
        """Block until woken or `seconds` passed."""
        return self._lock.acquire(True, seconds)

    def close(self) -> None:
        """Nothing to give back."""


def make_baton() -> Baton:
    """Return the fastest baton that this system has."""
    return EventfdBaton() if hasattr(os, "eventfd") else LockBaton()
