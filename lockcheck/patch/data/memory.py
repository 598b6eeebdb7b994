"""What a field remembers of its accesses, and which of them nothing orders before the next one.

FastTrack (Flanagan and Freund, PLDI 2009), with three modes instead of two (see `fields`): the last
write is one epoch, looks and counts are one epoch a thread.  An epoch is a thread's slot and its
time in happens-before (`core.clocks`); one is ordered before what a thread does now when that
thread knows it.

Locks: none here.  Under control one thread runs at a time; in a free run two threads may overwrite
each other's entry, which loses an access of that very moment and never invents one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from lockcheck.core.held import ThreadState

__all__ = ["COUNT", "LOOK", "WRITE", "Entry", "Memory"]

LOOK: Final = 1
COUNT: Final = 2
WRITE: Final = 3
"""Modes, as `lockcheck.explore.conflict` has them: two looks commute, and so do two counts."""

T = TypeVar("T")


class Entry(NamedTuple, Generic[T]):
    """One access: whose, when, and what a report says of it."""

    slot: int
    time: int
    what: T


class Memory(Generic[T]):
    """The accesses of one field that a later one can still race with."""

    __slots__ = ("counts", "looks", "write")

    def __init__(self) -> None:
        self.write: Entry[T] | None = None
        self.looks: dict[int, Entry[T]] = {}
        self.counts: dict[int, Entry[T]] = {}

    def knows(self, ts: ThreadState, mode: int) -> bool:
        """Is this the same access of the same epoch once more?"""
        slot = ts.slot
        if mode == WRITE:
            last = self.write
            if last is None or last.slot != slot or self.looks or self.counts:
                return False
        else:
            found = (self.looks if mode == LOOK else self.counts).get(slot)
            if found is None:
                return False
            last = found
        return last.time == ts.hb.get(slot, 0)

    def unordered(self, ts: ThreadState, mode: int) -> list[Entry[T]]:
        """Return the conflicting accesses that nothing orders before what `ts` does now."""
        found = []
        known = ts.hb
        mine = ts.slot
        last = self.write
        if last is not None and last.slot != mine and last.time > known.get(last.slot, 0):
            found.append(last)
        if mode != LOOK:
            found += [e for e in _values(self.looks) if _is_free(e, mine, known)]
        if mode != COUNT:
            found += [e for e in _values(self.counts) if _is_free(e, mine, known)]
        return found

    def note(self, ts: ThreadState, mode: int, what: T) -> None:
        """Remember an access."""
        slot = ts.slot
        entry = Entry(slot, ts.hb.get(slot, 0), what)
        if mode == WRITE:
            self.write = entry
            self.looks.clear()
            self.counts.clear()
        elif mode == LOOK:
            self.looks[slot] = entry
        else:
            self.counts[slot] = entry


def _values(entries: dict[int, Entry[T]]) -> list[Entry[T]]:
    """The entries; taken in one step, for other threads may add some."""
    return list(entries.values())


def _is_free(entry: Entry[T], mine: int, known: dict[int, int]) -> bool:
    return entry.slot != mine and entry.time > known.get(entry.slot, 0)
