"""Waits that are not for a lock, and who ends them: events, queues, joins, flushes, counts.

After DEPT ("[W]ait depends on [E]vent"): a thread that holds X and waits for event E makes X depend
on E; a thread that must have Y to make E happen makes E depend on Y.  A circle through both kinds
is a `wait-cycle`.  What crossrelease died of is avoided:

* identity is the object and its generation (each `set` after a `clear` is a new event);
* E depends on Y only when *everybody* who was seen making this E happen held Y;
* pseudo-locks never keep the waker away (a work may complete what an earlier run waits for);
* a wait with a time limit, or of an idle service, is no dependency.

A join depends on every lock that the thread ever wanted.  Threads that are stuck already are found
by `stuck`.  Left out: what a waker took and dropped before it woke (the warm path keeps no
history), except for joins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck.core import clocks, rules
from lockcheck.core.held import ThreadState, touched
from lockcheck.core.report import POSSIBLE, LockRef, Report, Step
from lockcheck.core.search import surely_same
from lockcheck.core.stacks import Stack
from lockcheck.core.wait_cycles import ALIKE, KEPT, Part, WaitCycles, Waiter, Waker, holding, needed

if TYPE_CHECKING:
    from lockcheck.core.engine import Engine


class Waits:
    """The wait/event dependencies."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.cycles = WaitCycles(engine)
        self.edges: dict[tuple[str, str, str], int] = {}
        """(from, to, "holds" | "needs") -> how often; for the graph."""

    def part(self, obj: Any, name: str, *, once: bool = False) -> Part:
        """The part of an object, made on first use; `obj.dep` keeps them."""
        parts: dict[str, Part] | None = obj.dep
        found = None if parts is None else parts.get(name)
        if found is None:
            with self.engine.leaf:
                if obj.dep is None:
                    obj.dep = {}
                label = obj.name if not name else f"{obj.name} ({name})"
                found = obj.dep.setdefault(name, Part(label, once=once))
        return found

    # -- operations --------------------------------------------------------------------------------

    def before(self, ts: ThreadState, op: Any, part: str = "", *, once: bool = False) -> None:
        """`ts` is about to wait for `part` of `op.obj`."""
        if op.idle or ts.tracing:
            return
        ts.pending = None
        if ts.holds or ts.contexts:
            rules.check_blocking(self.engine, ts, f"waiting for {op.why or op.obj.name}")
        if op.timeout is not None and not op.repeat:
            return
        if once:
            pending = self.part(op.obj, part, once=True)
            ts.pending = (pending, pending.generation)
        thread = getattr(op.obj, "thread", None)
        if thread is not None:
            self.engine.stuck.publish(ts, op.obj, "wait")
            if ts.holds and thread.state is not None:
                thread.state.joiners.append(self._joiner(ts))
            return
        if not ts.holds:
            return
        objects = op.aux[0] if isinstance(op.aux, tuple) else (op.obj,)
        for obj in objects:
            self._waits(ts, self.part(obj, part, once=once))

    def _waits(self, ts: ThreadState, part: Part) -> None:
        keys = needed(ts)
        if not keys:
            return
        generation = part.generation
        alike = 0
        for old in part.waiters:
            if old.keys == keys and old.generation == generation:
                alike += 1
                if old.serial == ts.serial or alike == ALIKE:
                    return
        ts.tracing += 1
        reports: list[Report] = []
        try:
            stack = self.engine.capture()
            with self.engine.leaf:
                keys, held = holding(ts)
                waiter = Waiter(ts, keys, held, stack, generation)
                part.waiters.append(waiter)
                del part.waiters[:-KEPT]
                for ref in held:
                    self._edge(ref.cls, part.name, "holds")
                self.cycles.judge(part, waiter, reports)
        finally:
            ts.tracing -= 1
        self.engine.deliver(ts, reports)

    def over_at_once(self, ts: ThreadState) -> None:
        """A wait that did not block, of a thread that holds nothing: nothing depends on it."""
        ts.blocked = ts.pending = ts.last_wait = None

    def after(
        self, ts: ThreadState, op: Any, got: bool, part: str = "", *, once: bool = False
    ) -> None:
        """The wait ended, with what it waited for or without."""
        ts.blocked = None
        if not got:
            return
        if self.engine.wants_order and not isinstance(op.aux, tuple):
            clocks.acquire(ts, op.obj)
        if op.idle:
            return
        ts.last_wait, ts.pending = ts.pending, None
        if once and op.obj.dep is not None:
            found = self.part(op.obj, part, once=once)
            if found.known is not None and found.generation == 1:
                clocks.learn(self.engine, ts, found.known)

    def wake(self, ts: ThreadState, obj: Any, part: str = "", *, once: bool = False) -> None:
        """`ts` makes `part` of `obj` happen (or may have)."""
        if ts.tracing:
            return
        found = self.part(obj, part, once=once)
        if self.engine.wants_order:
            clocks.release(self.engine, ts, obj, shared=True)
        if once and not found.happened:
            found.happened = True
            if found.generation == 1:
                found.known = clocks.fork(self.engine, ts)
        keys = needed(ts) if ts.holds else ()
        after = ts.last_wait
        if not keys and after is None:
            found.note_free(ts.serial)
            return
        alike = 0
        for old in found.wakers:
            if old.needs == keys and old.generation == found.generation and old.after == after:
                alike += 1
                if old.serial == ts.serial or alike == ALIKE:
                    return
        ts.tracing += 1
        reports: list[Report] = []
        try:
            stack = self.engine.capture()
            with self.engine.leaf:
                self._woken(ts, found, stack, reports)
        finally:
            ts.tracing -= 1
        self.engine.deliver(ts, reports)

    def _woken(
        self,
        ts: ThreadState,
        part: Part,
        stack: Stack,
        reports: list[Report],
    ) -> None:
        keys, refs = holding(ts)
        waker = Waker(ts, keys, refs, stack, part.generation, ts.last_wait)
        part.wakers.append(waker)
        del part.wakers[:-KEPT]
        for ref in refs:
            self._edge(part.name, ref.cls, "needs")
        for waiter in part.waiters:
            self.cycles.judge(part, waiter, reports)
        if waker.after is not None:
            self.cycles.ring(part, waker, reports)

    def cleared(self, obj: Any, part: str = "") -> None:
        """The event can happen anew: a new generation."""
        found = self.part(obj, part, once=True)
        if found.happened:
            found.generation += 1
            found.happened = False

    def thread_end(self, ts: ThreadState) -> None:
        """A thread ends: note what its joiners depend on."""
        ts.tracing += 1  # a collector's context would change the overlay
        try:
            for root in ts.overlay.values():
                ts.touched |= touched(root)
        finally:
            ts.tracing -= 1
        reports: list[Report] = []
        for waiter in ts.joiners:
            self._join(waiter, ts, reports)
        ts.joiners.clear()
        self.engine.deliver(ts, reports)

    def _joiner(self, ts: ThreadState) -> Waiter:
        keys, held = holding(ts)
        return Waiter(ts, keys, held, self.engine.capture(), 0)

    def joined(self, ts: ThreadState, other: ThreadState) -> None:
        """`ts` saw `other` end while it held what it holds now."""
        if not ts.holds or ts.tracing:
            return
        reports: list[Report] = []
        self._join(self._joiner(ts), other, reports)
        self.engine.deliver(ts, reports)

    def _join(self, waiter: Waiter, other: ThreadState, reports: list[Report]) -> None:
        """Judge a join: does the joined thread want anything that the joiner holds?"""
        end = f"end of {other.name}"
        for key, ref in zip(waiter.keys, waiter.held, strict=True):
            self._edge(ref.cls, end, "holds")
            if key.base not in other.touched or key.many:
                continue
            wanted = LockRef(end, "thread", "wait", waiter.stack)
            told = f"{other.name} takes {ref.name} before it ends"
            steps = [
                Step(waiter.thread, ref, wanted, waiter.held, "wait"),
                Step(other.name, LockRef(end, "thread"), LockRef(ref.name, ref.cls), told=told),
            ]
            self.cycles.file(steps, POSSIBLE, reports)

    def released_by_other(self, ts: ThreadState, lock: Any) -> None:
        """A plain lock is released by a thread that did not take it: it is an event, too."""
        keys, refs = holding(ts)
        reports: list[Report] = []
        stack = self.engine.capture()
        with self.engine.leaf:
            target = lock.key.cls
            for key, ref in zip(keys, refs, strict=True):
                self._edge(lock.name, ref.cls, "needs")
                edge = key.cls.edges_out.get(target)
                if edge is None:
                    continue
                for rec, index in edge.records:
                    held, wanted = rec.held[index], rec.held[-1]
                    if not surely_same(held, key) or not surely_same(wanted, lock.key):
                        continue
                    for witness in rec.witnesses:
                        if witness.serial == ts.serial:
                            continue
                        waiting = Step(
                            witness.thread, witness.held[index], witness.wanted, witness.held
                        )
                        waking = Step(
                            ts.name,
                            LockRef(lock.name, target.name, "owed", stack),
                            ref,
                            refs,
                            told=f"{ts.name} releases {lock.name} only after it got {ref.name}",
                        )
                        self.cycles.file([waiting, waking], POSSIBLE, reports)
        self.engine.deliver(ts, reports)

    def synced(self, ts: ThreadState, lock: Any) -> None:
        """A flush: judged as an acquire of the map already; told in the graph."""
        for entry in ts.held():
            self._edge(entry.key.cls.name, lock.name, "holds")

    def _edge(self, source: str, target: str, kind: str) -> None:
        ident = (source, target, kind)
        self.edges[ident] = self.edges.get(ident, 0) + 1
