"""Data races on `shared()` fields: two accesses, one a write, that nothing orders in this run.

FastTrack (Flanagan and Freund, PLDI 2009): the last write of a field is an epoch (slot, time); its
reads are one epoch while they are ordered, and a clock when they are not.  Order comes from
`ThreadState.hb`: locks, spawn and join, events, queues, counts reaching their value, atomics.

Left out: fields that are not declared shared; races that only another schedule shows.
"""

from __future__ import annotations

from typing import Protocol

from lockcheck.core.held import ThreadState
from lockcheck.core.report import CERTAIN, LockRef, Report, fingerprint
from lockcheck.core.stacks import Stack

__all__ = ["Access", "Field", "FieldState", "Races"]


class Access:
    """One access, as reports show it."""

    __slots__ = ("epoch", "held", "slot", "stack", "thread")

    def __init__(self, ts: ThreadState, stack: Stack, held: tuple[LockRef, ...]) -> None:
        self.slot = ts.slot
        self.epoch = ts.hb.get(ts.slot, 0)
        self.thread = ts.name
        self.stack = stack
        self.held = held

    def before(self, ts: ThreadState) -> bool:
        """Is it ordered before what `ts` does now?"""
        return self.slot == ts.slot or self.epoch <= ts.hb.get(self.slot, 0)


class FieldState:
    """The last write of one field, and the reads since."""

    __slots__ = ("reads", "write")

    def __init__(self) -> None:
        self.write: Access | None = None
        self.reads: dict[int, Access] = {}


class Field(Protocol):
    """A shared field: it keeps its state for us in `race`."""

    race: FieldState | None

    @property
    def name(self) -> str: ...


class Races:
    """Judges accesses."""

    def __init__(self) -> None:
        self.accesses = 0

    @staticmethod
    def seen(cell: Field, ts: ThreadState, *, write: bool) -> bool:
        """Is this the same epoch's access again?  (FastTrack's constant-time case)"""
        state = cell.race
        if state is None:
            return False
        last = state.write if write else state.reads.get(ts.slot)
        if last is None or last.slot != ts.slot or last.epoch != ts.hb.get(ts.slot, 0):
            return False
        return not write or not state.reads

    def access(self, ts: ThreadState, cell: Field, now: Access, *, write: bool) -> Report | None:
        """Judge one access.  Locks: the leaf."""
        state = cell.race = cell.race or FieldState()
        self.accesses += 1
        clash = None
        if state.write is not None and not state.write.before(ts):
            clash = state.write
        if write:
            for read in state.reads.values():
                if not read.before(ts):
                    clash = clash or read
            state.reads.clear()
            state.write = now
        else:
            for slot in [s for s, r in state.reads.items() if r.before(ts)]:
                del state.reads[slot]
            state.reads[ts.slot] = now
        return None if clash is None else _race(cell.name, clash, now, write=write)


def _race(name: str, old: Access, now: Access, *, write: bool) -> Report:
    verb = "write" if write else "read"
    functions = sorted((old.stack.function, now.stack.function))
    return Report(
        "race",
        CERTAIN,
        f"data race on {name}: {verb} by {now.thread} and an unordered access by {old.thread}",
        reason="nothing orders the two accesses in this run",
        stacks=(
            (f"{verb} of {name}", now.thread, now.stack),
            (f"earlier access of {name}", old.thread, old.stack),
        ),
        threads=(now.thread, old.thread),
        locks=tuple(ref.name for ref in (*now.held, *old.held)),
        held=now.held,
        fingerprint=fingerprint("race", (name.rpartition(".")[2], *functions)),
        detail=f"{old.thread} held {', '.join(r.name for r in old.held) or 'nothing'}; "
        f"{now.thread} held {', '.join(r.name for r in now.held) or 'nothing'}",
        advice="Guard the field with one lock on both sides, or hand it over by an event or "
        "an atomic exchange.",
    )
