"""Data races on `shared()` fields: two accesses, one a write, that nothing orders in this run.

FastTrack (Flanagan and Freund, PLDI 2009): the last write of a field is an epoch (slot, time); its
reads are one epoch while they are ordered, and a clock when they are not.  Order comes from
`ThreadState.hb`: locks, spawn and join, events, queues, counts reaching their value, atomics.

Left out: fields that are not declared shared; races that only another schedule shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck.core.held import ThreadState, refs
from lockcheck.core.report import CERTAIN, LockRef, Report, fingerprint
from lockcheck.core.stacks import Stack

if TYPE_CHECKING:
    from lockcheck.core.engine import Engine


class Access:
    """One access, as reports tell it."""

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


class Races:
    """Judges accesses."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.accesses = 0

    def access(self, ts: ThreadState, cell: Any, *, write: bool) -> None:
        """Judge one access of `cell` (a field with `.name` and `.race`)."""
        if ts.tracing:
            return
        engine = self.engine
        ts.tracing += 1
        clash: Access | None = None
        now: Access | None = None
        try:
            state: FieldState | None = cell.race
            if state is not None and self._same(state, ts, write=write):
                return
            now = Access(ts, engine.capture(), refs(ts))
            with engine.leaf:
                if state is None:
                    state = cell.race = cell.race or FieldState()
                clash = self._judge(state, now, ts, write=write)
        finally:
            ts.tracing -= 1
        if clash is not None and now is not None:
            self._report(ts, cell, clash, now, write=write)

    @staticmethod
    def _same(state: FieldState, ts: ThreadState, *, write: bool) -> bool:
        """Is this the same epoch's access again?  (FastTrack's constant-time case)"""
        last = state.write if write else state.reads.get(ts.slot)
        if last is None or last.slot != ts.slot or last.epoch != ts.hb.get(ts.slot, 0):
            return False
        return not write or not state.reads

    def _judge(
        self, state: FieldState, now: Access, ts: ThreadState, *, write: bool
    ) -> Access | None:
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
        return clash

    def _report(self, ts: ThreadState, cell: Any, old: Access, now: Access, *, write: bool) -> None:
        kinds = ("write" if write else "read", "access")
        functions = sorted((old.stack.function, now.stack.function))
        field = cell.name.rpartition(".")[2]
        report = Report(
            "race",
            CERTAIN,
            f"data race on {cell.name}: {kinds[0]} by {now.thread} and an unordered "
            f"{kinds[1]} by {old.thread}",
            reason="nothing orders the two accesses in this run",
            stacks=(
                (f"{kinds[0]} of {cell.name}", now.thread, now.stack),
                (f"earlier access of {cell.name}", old.thread, old.stack),
            ),
            threads=(now.thread, old.thread),
            locks=tuple(ref.name for ref in (*now.held, *old.held)),
            held=now.held,
            detail=f"{old.thread} held {', '.join(r.name for r in old.held) or 'nothing'}; "
            f"{now.thread} held {', '.join(r.name for r in now.held) or 'nothing'}",
            advice="Guard the field by one lock on both sides, or hand it over by an event or "
            "an atomic exchange.",
        )
        report.fingerprint = fingerprint("race", (field, *functions))
        if self.engine.file(report) is not None:
            self.engine.deliver(ts, [report])
