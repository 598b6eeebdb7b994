"""Waits that are not for a lock, as they happen: who waits, who makes it happen, who is blocked.

The engine's other half: `sync` calls it before and after each wait and at each wake.  What depends
on what then is judged in `waits`, who waits for whom now in `stuck`.

Context: each function changes `ts` and runs in its own thread.  Locks: the leaf, taken inside.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from lockcheck.core import chains, clocks, rules, stuck
from lockcheck.core.collecting import PAUSED
from lockcheck.core.events import Part
from lockcheck.core.graph import Graph
from lockcheck.core.happens import HappensBefore
from lockcheck.core.held import ThreadState, Waitable
from lockcheck.core.leaf import Leaf
from lockcheck.core.ledger import Ledger
from lockcheck.core.meetings import EAGER
from lockcheck.core.report import LockRef
from lockcheck.core.stacks import EMPTY, Stacks
from lockcheck.core.waits import Event, Waits
from lockcheck.seam import Op

__all__ = ["Waiting"]

NEAR = 10
"""Frames kept of a place that makes something happen."""


class Waiting:
    """Waits and wakes of all threads of one checker."""

    def __init__(
        self,
        leaf: Leaf,
        graph: Graph,
        happens: HappensBefore,
        ledger: Ledger,
        stacks: Stacks,
    ) -> None:
        self._leaf = leaf
        self._graph = graph
        self._happens = happens
        self._ledger = ledger
        self._stacks = stacks
        self._capture = stacks.capture
        self.waits = Waits(graph)

    def block_on(self, ts: ThreadState, obj: Waitable, cls: str, mode: str) -> None:
        """`ts` blocks on `obj` from now on; report when that closes a cycle."""
        if ts.tracing:
            return
        ts.tracing += 1
        try:
            wanted = LockRef(obj.name, cls, mode)
            ts.blocked_at = sys._getframe(2)  # that blocks below, so that it stays where it is
            with PAUSED, self._leaf:
                ts.blocked, ts.blocked_on = wanted, obj
                cycle = stuck.live_cycle(ts)
            for node in cycle:  # now something is learned
                frame = None if node.ts is None else node.ts.blocked_at
                if frame is not None:  # it may have been let go meanwhile
                    node.wanted = replace(node.wanted, stack=self._stacks.of(frame))
        finally:
            ts.tracing -= 1
        if not cycle or (len(cycle) == 1 and mode == "lock"):
            return  # one thread and one lock: reported as recursive
        try:
            self._ledger.report(ts, stuck.deadlock(cycle, "these threads wait for each other now"))
        except BaseException:  # on_report="raise": it does not block after all
            ts.blocked = ts.blocked_on = ts.blocked_at = None
            raise

    def before_wait(self, ts: ThreadState, op: Op, part: str = "") -> None:
        """`ts` is about to wait for `op.obj` (event, queue, end of a thread, reference count)."""
        if op.idle or ts.tracing:
            return
        ts.pending = None
        if ts.foreign:
            with PAUSED, self._leaf:
                chains.settle(self._graph, ts)
        obj = op.obj
        strict = rules.forbids_waiting(ts) if ts.holds else None
        if strict is not None:
            what, stack = f"waiting for {op.why or obj.name}", self._capture()
            self._ledger.judge(ts, lambda: [rules.invalid_wait(ts, what, strict, stack)])
        if op.timeout is not None and not op.repeat:
            return
        if obj.once:
            pending = self._part(obj, part)
            ts.pending = (pending, pending.generation)
        if obj.class_name == "thread":
            self.block_on(ts, obj, "thread", "wait")
            for joined in obj.holders() if ts.holds else ():
                self.waits.will_join(ts, joined, self._capture())
        elif ts.holds:
            for each in op.aux[0] if isinstance(op.aux, tuple) else (obj,):
                self._wait(ts, self._part(each, part))

    def _part(self, obj: Event, name: str) -> Part:
        found = None if obj.dep is None else obj.dep.get(name)
        if found is None:
            with PAUSED, self._leaf:
                found = self.waits.part(obj, name)
        return found

    def _wait(self, ts: ThreadState, part: Part) -> None:
        if self.waits.is_new_wait(ts, part):
            stack = self._capture()
            self._ledger.judge(ts, lambda: self.waits.wait(ts, part, stack))

    def arrives(self, ts: ThreadState, obj: Event) -> None:
        """`ts` is about to come to a barrier."""
        part = self._part(obj, "")
        meetings = part.meetings
        if meetings is None or ts.tracing or not meetings.matters:
            return
        stack = self._capture(NEAR) if meetings.countable else EMPTY
        if meetings.turn(ts.serial) < EAGER:
            known = self._happens.fork(ts)
        else:
            with PAUSED, self._leaf:
                chains.note_touched(ts)
            known = clocks.fork(ts)
        with PAUSED, self._leaf:
            self.waits.arrives(ts, part, known, stack)

    def leaves(self, ts: ThreadState, obj: Event, *, broken: bool) -> None:
        """`ts` leaves a barrier: all who met there had come before."""
        meetings = self._part(obj, "").meetings
        if meetings is None:
            return
        if not broken and not ts.tracing:
            self.waits.had(ts, self._part(obj, ""), meetings.turn(ts.serial))
        if broken:
            with PAUSED, self._leaf:
                meetings.broke()
        elif meetings.known is None:
            pass
        elif meetings.turn(ts.serial) < EAGER:
            self._happens.learn(ts, meetings.known)
        else:
            clocks.learn(ts, meetings.known)

    def would_wait(self, ts: ThreadState, obj: Event, part: str = "") -> None:
        """`ts` ended the wait of others; had it come earlier, it would have waited itself."""
        if ts.holds and not ts.tracing:
            self._wait(ts, self._part(obj, part))

    def after_wait(self, ts: ThreadState, op: Op, got: bool, part: str = "") -> None:
        """The wait ended; `got`: with what it waited for."""
        ts.blocked = ts.blocked_on = ts.blocked_at = None
        if not got:
            return
        obj = op.obj
        if not isinstance(op.aux, tuple):
            self._happens.acquire(ts, obj)
        if op.idle:
            return
        ts.last_wait, ts.pending = ts.pending, None
        if obj.dep is None:
            return
        self._has(ts, obj, self._part(obj, part), sure=op.timeout is None)

    def took(self, ts: ThreadState, obj: Event, part: str, *, sure: bool = True) -> None:
        """`ts` got `part` of `obj` at once; not `sure`: else it had gone on without."""
        self._has(ts, obj, self._part(obj, part), sure=sure)

    def _has(self, ts: ThreadState, obj: Event, part: Part, *, sure: bool) -> None:
        """`ts` has what it waited for: that is after whatever had to come before.

        Not where only the answer says whether it has it (`acquire(timeout=...)`): the same code may
        follow without.  Who lacks an item gets an exception, so what follows comes after it.
        """
        self.waits.took(ts, part, sure=sure)
        if part.known is None or part.generation > 1:
            return
        if sure or obj.once or obj.raises:
            self._happens.learn(ts, part.known)

    def used(self, ts: ThreadState, obj: Event, part: str) -> bool:
        """`ts` has some of a supply; returns whether such uses are still counted."""
        found = self._part(obj, part)
        if found.used is not None and not ts.tracing:
            self._ledger.judge(ts, lambda: self.waits.used(ts, found))
        return found.used is not None

    def freed(self, ts: ThreadState, obj: Event, part: str) -> None:
        """`ts` makes some of a supply free, whatever others do."""
        found = self._part(obj, part)
        if not ts.tracing:
            with PAUSED, self._leaf:
                self.waits.freed(ts, found)

    def did_not_wait(self, ts: ThreadState) -> None:
        """A wait that did not block, of a thread that holds nothing: nothing depends on it."""
        ts.blocked = ts.blocked_on = ts.blocked_at = None
        ts.pending = ts.last_wait = None

    def wake(self, ts: ThreadState, obj: Event, part: str = "") -> None:
        """`ts` makes `part` of `obj` happen, so that its waiters may go."""
        if ts.tracing:
            return
        found = self._part(obj, part)
        self._happens.release(ts, obj, shared=True)
        another = ts.serial not in found.made
        found.note_made(ts.serial)
        if obj.once and not found.happened:
            found.happened = True
            if found.generation == 1:
                found.known = self._happens.fork(ts)
        elif obj.once:
            if another and found.generation == 1:
                with PAUSED, self._leaf:
                    found.may_be_made_by(ts.vc.after(ts.serial, ts.epoch))
        elif found.first is not None and ts.serial not in found.first:
            start = self._happens.fork(ts)
            with PAUSED, self._leaf:
                found.made_first(ts.serial, start[0])
        if self.waits.is_new_wake(ts, found):
            stack = self._capture(NEAR)
            self._ledger.judge(ts, lambda: self.waits.wake(ts, found, stack))
        if found.taken:
            self.waits.gave(ts, found)

    def cleared(self, obj: Event) -> None:
        """The event can happen again."""
        self.waits.cleared(self._part(obj, ""))
