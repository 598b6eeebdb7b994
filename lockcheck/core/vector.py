"""Vector clocks as values: a slot a thread, and the newest number known of each.

A slot is reused by a new thread only when its starter already knows the end of the slot's last
thread; so clocks stay as small as the number of threads alive, and no order is invented.
"""

from __future__ import annotations

__all__ = ["Clock", "Slots", "Start", "merged"]

Clock = dict[int, int]
Start = tuple[Clock, Clock]
"""What one thread hands to another: the order that every schedule keeps, and happens-before."""

FIRST = 1 << 20
"""Times begin beyond the numbers that an interpreter keeps one object of, so that two threads'
times are never the same object."""

RECENT = 16
"""Free slots looked at before a new one is made."""


class Slots:
    """Numbers for vector clocks.  Locks: the engine's leaf."""

    def __init__(self) -> None:
        self._next = 0
        self._free: list[tuple[int, int, int]] = []

    def take(self, known: Clock) -> tuple[int, int, int]:
        """Return (slot, first epoch, first time) for a thread whose starter knows `known`."""
        for at in range(len(self._free) - 1, max(-1, len(self._free) - 1 - RECENT), -1):
            slot, last, time = self._free[at]
            if known.get(slot, 0) >= last:
                del self._free[at]
                return slot, last + 1, time + 1
        self._next += 1
        return self._next, 1, FIRST + self._next

    def give(self, slot: int, last: int, time: int) -> None:
        """The thread of a slot has ended in epoch `last`, at `time` of its happens-before."""
        self._free.append((slot, last, time))


def merged(one: Clock, other: Clock) -> Clock:
    """Return the later of both in every slot."""
    found = dict(one)
    for slot, epoch in other.items():
        if epoch > found.get(slot, 0):
            found[slot] = epoch
    return found
