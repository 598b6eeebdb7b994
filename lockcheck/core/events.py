"""Events as values: what can be waited for, who waited, who made it happen.

A `Part` is one thing of an object that can be waited for: an event's being set, a queue's room, its
items, the end of a thread.
"""

from __future__ import annotations

from dataclasses import dataclass

from lockcheck.core.classes import Key
from lockcheck.core.report import LockRef
from lockcheck.core.stacks import Stack
from lockcheck.core.vector import Start

__all__ = ["KEPT", "Part", "Waiter", "Waker"]

KEPT = 8
"""Waiters and wakers remembered of each event."""


@dataclass(frozen=True, slots=True)
class Waiter:
    """A thread that waited for an event while it held something."""

    serial: int
    thread: str
    keys: tuple[Key, ...]
    """The locks it held, oldest first."""
    held: tuple[LockRef, ...]
    """The same, as reports name them."""
    stack: Stack
    generation: int


@dataclass(frozen=True, slots=True)
class Waker:
    """A thread that made an event happen, and what it needed for that."""

    serial: int
    thread: str
    needs: tuple[Key, ...]
    refs: tuple[LockRef, ...]
    stack: Stack
    generation: int
    after: tuple[Part, int] | None
    """The event (and generation) it had waited for before."""


class Part:
    """One thing of an object that can be waited for: an event, room, an item, an end."""

    __slots__ = (
        "free",
        "generation",
        "happened",
        "known",
        "name",
        "once",
        "waiters",
        "wakers",
    )

    def __init__(self, name: str, *, once: bool) -> None:
        self.name = name
        self.once = once
        """Happens once a generation (event, end of a thread): events may depend on each other."""
        self.generation = 1
        self.happened = False
        self.known: Start | None = None
        """What is ordered before whoever saw the event's one `set`."""
        self.waiters: list[Waiter] = []
        self.wakers: list[Waker] = []
        self.free: dict[int, set[int]] = {}
        """Generation (0 where none counts) -> threads that made it happen and needed nothing.  Two
        are remembered: one may be the waiter itself."""

    def note_free(self, serial: int) -> None:
        """A thread makes it happen with nothing held, and without another event before."""
        seen = self.free.setdefault(self.generation if self.once else 0, set())
        if len(seen) < 2:
            seen.add(serial)
        if len(self.free) > KEPT:
            del self.free[min(self.free)]

    def has_free_waker(self, waiter: Waiter) -> bool:
        """Was anybody else seen making it happen who needed nothing?"""
        seen = self.free.get(waiter.generation if self.once else 0, ())
        return any(serial != waiter.serial for serial in seen)
