"""Vector clocks: how far one thread knows the others.

A `Clock` is a value and is about the order that every schedule keeps.  Threads whose end is known
stand in it as ranges of their serial numbers, so it stays small however many have come and gone.

`Times` are about the order of one run.  They are changed in place, and count by slots, which are
used again: by a new thread only when its starter already knows the end of the slot's last thread,
so that no order is invented.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from heapq import merge
from typing import Final

__all__ = ["NOTHING_KNOWN", "Clock", "Slots", "Start", "Times", "merged"]

FIRST = 1 << 20
"""Times begin beyond the numbers that an interpreter keeps one object of, so that two threads'
times are never the same object."""

RECENT = 16
"""Free slots looked at before a new one is made."""

FREE = 1024
"""Free slots remembered."""

ALL: Final = 1 << 62
"""What is known of a thread whose end is known: every epoch."""


class Clock:
    """The newest epoch known of each thread, by its serial number.  Never changed."""

    __slots__ = ("_known", "_over")

    def __init__(self, known: Mapping[int, int] | None = None, over: tuple[int, ...] = ()) -> None:
        self._known: Mapping[int, int] = {} if known is None else known
        self._over = over
        """Threads whose end is known: first, first after, first, first after…  None is in both."""

    def get(self, serial: int, default: int = 0) -> int:
        """The newest epoch known of a thread."""
        found = self._known.get(serial)
        if found is not None:
            return found
        return ALL if bisect_right(self._over, serial) & 1 else default

    def after(self, serial: int, epoch: int) -> Clock:
        """Return what is known once a thread's epoch is known, too."""
        if epoch <= self.get(serial):
            return self
        return Clock({**self._known, serial: epoch}, self._over)

    def after_end(self, serial: int) -> Clock:
        """Return what is known once a thread's end is known, too."""
        return self.merged(Clock(over=(serial, serial + 1)))

    def without(self, serial: int) -> Clock:
        """Return it without what is known of a thread that has not ended."""
        if serial not in self._known:
            return self
        return Clock({at: epoch for at, epoch in self._known.items() if at != serial}, self._over)

    def merged(self, other: Clock) -> Clock:
        """Return the later of both for every thread."""
        known = merged(self._known, other._known)
        over = self._over
        if other._over and other._over != over:
            over = _joined(over, other._over, either=True)
        known = {at: epoch for at, epoch in known.items() if not bisect_right(over, at) & 1}
        return Clock(known, over)

    def common(self, other: Clock) -> Clock:
        """Return the earlier of both for every thread."""
        known = {
            at: min(self.get(at), other.get(at))
            for at in (*self._known, *other._known)
            if self.get(at) and other.get(at)
        }
        return Clock(known, _joined(self._over, other._over, either=False))

    def covers(self, other: Clock, *, but: int) -> bool:
        """Is all that the other knows known here, too, one thread left out?"""
        if any(epoch > self.get(at) for at, epoch in other._known.items() if at != but):
            return False
        return other._over == self._over or (
            _joined(self._over, other._over, either=True) == self._over
        )

    def __len__(self) -> int:
        """How much it takes to say that: threads, and ranges of them."""
        return len(self._known) + len(self._over) // 2

    def __repr__(self) -> str:
        return f"<clock {dict(self._known)} over {self._over}>"


NOTHING_KNOWN: Final = Clock()
"""What the first thread knows of others."""


def _joined(one: tuple[int, ...], other: tuple[int, ...], *, either: bool) -> tuple[int, ...]:
    """The numbers in either, or in both, of two sets of ranges."""
    found: list[int] = []
    wanted = 1 if either else 2
    inside = 0
    edges = merge(
        ((at, 1 - 2 * (index & 1)) for index, at in enumerate(one)),
        ((at, 1 - 2 * (index & 1)) for index, at in enumerate(other)),
    )
    for at, step in edges:
        before, inside = inside >= wanted, inside + step
        if before == (inside >= wanted):
            continue
        if found and found[-1] == at:
            found.pop()
        else:
            found.append(at)
    return tuple(found)


Times = dict[int, int]
"""Slot -> newest time known."""
Start = tuple[Clock, Times]
"""What one thread hands to another: the order that every schedule keeps, and happens-before."""


class Slots:
    """Numbers for `Times`.  Locks: the engine's leaf."""

    def __init__(self) -> None:
        self._next = 0
        self._free: list[tuple[int, int, int, int]] = []

    def take(self, known: Clock) -> tuple[int, int]:
        """Return (slot, first time) for a thread whose starter knows `known`."""
        for at in range(len(self._free) - 1, max(-1, len(self._free) - 1 - RECENT), -1):
            slot, time, serial, last = self._free[at]
            if known.get(serial) >= last:
                del self._free[at]
                return slot, time + 1
        self._next += 1
        return self._next, FIRST + self._next

    def give(self, slot: int, time: int, serial: int, last: int) -> None:
        """The thread of a slot has ended in epoch `last`, at `time` of its happens-before."""
        self._free.append((slot, time, serial, last))
        if len(self._free) > FREE:
            del self._free[0]


def merged(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    """Return the later of both in every place."""
    found = dict(one)
    for at, newest in other.items():
        if newest > found.get(at, 0):
            found[at] = newest
    return found
