"""What a field remembers of its accesses, and which of them nothing orders before the next one.

FastTrack (Flanagan and Freund, PLDI 2009), with three modes instead of two (see `fields`): the last
write is one epoch, looks and counts are one epoch a thread.  An epoch is a thread's slot and its
time in happens-before (`core.clocks`); one is ordered before what a thread does now when that
thread knows it.

Locks: none here.  Under control one thread runs at a time; in a free run two threads may overwrite
each other's entry, which loses an access of that very moment and never invents one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from lockcheck.core.held import ThreadState

__all__ = ["COUNT", "LOOK", "WRITE", "Entry", "Memory"]

LOOK: Final = 1
COUNT: Final = 2
WRITE: Final = 3
"""Modes, as `lockcheck.explore.conflict` has them: two looks commute, and so do two counts."""


class Entry:
    """One access: whose and when."""

    __slots__ = ("slot", "time")

    def __init__(self, slot: int, time: int) -> None:
        self.slot = slot
        self.time = time


E = TypeVar("E", bound=Entry)


class Memory(Generic[E]):
    """The accesses of one field that a later one can still race with."""

    __slots__ = ("counts", "looks", "spare", "write")

    def __init__(self) -> None:
        self.write: E | None = None
        self.looks: dict[int, E] = {}
        self.counts: dict[int, E] = {}
        self.spare: E | None = None
        """A look that a later write of its own thread has replaced: renewed with its next one."""

    def knows(self, ts: ThreadState, mode: int) -> bool:
        """Is nothing new in this access: the same of the same epoch, or after a write in it?"""
        slot = ts.slot
        now = ts.now
        last = self.write
        written = last is not None and last.slot == slot and last.time == now
        if mode == WRITE:
            return written and not self.looks and not self.counts
        if written:
            return True
        found = (self.looks if mode == LOOK else self.counts).get(slot)
        return found is not None and found.time == now

    def look_of(self, ts: ThreadState) -> E | None:
        """Return the thread's look in this epoch, if it has not written since."""
        found = self.looks.get(ts.slot)
        return found if found is not None and found.time == ts.now else None

    def unordered(self, ts: ThreadState, mode: int) -> list[E]:
        """Return the conflicting accesses that nothing orders before what `ts` does now."""
        found = []
        known = ts.hb
        mine = ts.slot
        last = self.write
        if last is not None and last.slot != mine and last.time > known.get(last.slot, 0):
            found.append(last)
        if mode != LOOK and self.looks:
            found += [e for e in list(self.looks.values()) if _is_free(e, mine, known)]
        if mode != COUNT and self.counts:
            found += [e for e in list(self.counts.values()) if _is_free(e, mine, known)]
        return found

    def note(self, mode: int, entry: E) -> None:
        """Remember an access."""
        if mode == WRITE:
            self.write = entry
            if self.looks:
                self.spare = self.looks.get(entry.slot)
                self.looks.clear()
            if self.counts:
                self.counts.clear()
        elif mode == LOOK:
            self.looks[entry.slot] = entry
        else:
            self.counts[entry.slot] = entry


def _is_free(entry: Entry, mine: int, known: dict[int, int]) -> bool:
    return entry.slot != mine and entry.time > known.get(entry.slot, 0)
