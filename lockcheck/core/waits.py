"""Waits that are not for a lock, and who ends them: events, queues, joins, flushes, counts.

After DEPT ("[W]ait depends on [E]vent"): a thread that holds X and waits for event E makes X depend
on E; a thread that must have Y to make E happen makes E depend on Y.  A circle through both kinds
is a `wait-cycle`.  What crossrelease died of is avoided:

* identity is the object and its generation (each `set` after a `clear` is a new event), not a class;
* E depends on Y only when *everybody* who was seen making this E happen held Y;
* pseudo-locks never keep the waker away (a work may complete what an earlier run waits for);
* a wait with a time limit, or of an idle service, is no dependency.

A join depends on every lock that the thread ever wanted.  Threads that are stuck already are found by
`stuck`.  Left out: what a waker took and dropped before it woke (the warm path keeps no
history), except for joins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck.core import clocks, rules
from lockcheck.core.classes import WRITE, Key, LockClass
from lockcheck.core.graph import Edge
from lockcheck.core.held import ThreadState, ref_of, touched
from lockcheck.core.report import CLASS_ONLY, POSSIBLE, LockRef, Report, Step
from lockcheck.core.search import surely_same
from lockcheck.core.stacks import EMPTY, Stack

if TYPE_CHECKING:
    from lockcheck.core.engine import Engine

KEPT = 8
"""Waiters and wakers remembered of each event."""


class Waiter:
    """A thread that waited for an event while it held something."""

    __slots__ = ("generation", "held", "keys", "serial", "stack", "thread")

    def __init__(
        self, ts: ThreadState, keys: tuple[Key, ...], held: tuple[LockRef, ...], stack: Stack, generation: int
    ) -> None:
        self.serial = ts.serial
        self.thread = ts.name
        self.keys = keys
        self.held = held
        self.stack = stack
        self.generation = generation


class Waker:
    """A thread that made an event happen, and what it needed for that."""

    __slots__ = ("after", "generation", "needs", "refs", "serial", "stack", "thread")

    def __init__(
        self,
        ts: ThreadState,
        needs: tuple[Key, ...],
        refs: tuple[LockRef, ...],
        stack: Stack,
        generation: int,
        after: tuple[Part, int] | None,
    ) -> None:
        self.serial = ts.serial
        self.thread = ts.name
        self.needs = needs
        self.refs = refs
        self.stack = stack
        self.generation = generation
        self.after = after
        """The event (and generation) it had waited for before."""


class Part:
    """One thing of an object that can be waited for: an event, room, an item, an end."""

    __slots__ = ("clock", "generation", "happened", "known", "name", "once", "waiters", "wakers")

    def __init__(self, name: str, *, once: bool) -> None:
        self.name = name
        self.once = once
        """Happens once a generation (event, end of a thread): events may depend on each other."""
        self.generation = 1
        self.happened = False
        self.known: clocks.Start | None = None
        """What is ordered before whoever saw the event's one `set`."""
        self.clock: clocks.Clock | None = None
        self.waiters: list[Waiter] = []
        self.wakers: list[Waker] = []


class Waits:
    """The wait/event dependencies."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.parts: dict[str, int] = {}
        self.edges: dict[tuple[str, str, str], int] = {}
        """(from, to, "holds" | "needs") -> how often; for the graph."""

    @staticmethod
    def part(obj: Any, name: str, *, once: bool = False) -> Part:
        """The part of an object, made on first use; `obj.dep` keeps them."""
        if obj.dep is None:
            obj.dep = {}
        found: Part | None = obj.dep.get(name)
        if found is None:
            label = obj.name if not name else f"{obj.name} ({name})"
            found = obj.dep.setdefault(name, Part(label, once=once))
        return found

    # -- operations --------------------------------------------------------------------------------

    def before(self, ts: ThreadState, op: Any, part: str = "", *, once: bool = False) -> None:
        """`ts` is about to wait for `part` of `op.obj`."""
        if op.idle or ts.tracing:
            return
        ts.pending = None
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
        keys, held = holding(ts)
        if not keys:
            return
        generation = part.generation
        for old in part.waiters:
            if old.serial == ts.serial and old.keys == keys and old.generation == generation:
                return
        ts.tracing += 1
        reports: list[Report] = []
        try:
            stack = self.engine.capture()
            self.engine.leaf.enter()
            try:
                waiter = Waiter(ts, keys, held, stack, generation)
                part.waiters.append(waiter)
                del part.waiters[:-KEPT]
                for ref in held:
                    self._edge(ref.cls, part.name, "holds")
                self._judge(part, waiter, reports)
            finally:
                self.engine.leaf.leave()
        finally:
            ts.tracing -= 1
        self.engine.deliver(ts, reports)

    def after(self, ts: ThreadState, op: Any, got: bool, part: str = "", *, once: bool = False) -> None:
        """The wait ended, with what it waited for or without."""
        ts.blocked = None
        if not got or op.idle:
            return
        ts.last_wait, ts.pending = ts.pending, None
        if op.obj.dep is None:
            return
        found = self.part(op.obj, part, once=once)
        if found.known is not None and found.generation == 1:
            clocks.learn(self.engine, ts, found.known)
        clock = found.clock
        if clock:
            mine = ts.hb
            for slot, epoch in clock.items():
                if epoch > mine.get(slot, 0):
                    mine[slot] = epoch

    def wake(self, ts: ThreadState, obj: Any, part: str = "", *, once: bool = False) -> None:
        """`ts` makes `part` of `obj` happen (or may have)."""
        if ts.tracing:
            return
        found = self.part(obj, part, once=once)
        if self.engine.wants_order:
            self._order(ts, found)
        if once and not found.happened:
            found.happened = True
            if found.generation == 1:
                found.known = clocks.fork(self.engine, ts)
        keys, refs = holding(ts) if ts.holds else ((), ())
        after = ts.last_wait
        if not keys and after is None and not found.waiters and found.wakers:
            return
        for old in found.wakers:
            if (
                old.serial == ts.serial
                and old.needs == keys
                and old.generation == found.generation
                and old.after == after
            ):
                return
        ts.tracing += 1
        reports: list[Report] = []
        try:
            stack = self.engine.capture()
            self.engine.leaf.enter()
            try:
                self._woken(ts, found, keys, refs, stack, reports)
            finally:
                self.engine.leaf.leave()
        finally:
            ts.tracing -= 1
        self.engine.deliver(ts, reports)

    def _woken(
        self,
        ts: ThreadState,
        part: Part,
        keys: tuple[Key, ...],
        refs: tuple[LockRef, ...],
        stack: Stack,
        reports: list[Report],
    ) -> None:
        waker = Waker(ts, keys, refs, stack, part.generation, ts.last_wait)
        part.wakers.append(waker)
        del part.wakers[:-KEPT]
        for ref in refs:
            self._edge(part.name, ref.cls, "needs")
        for waiter in part.waiters:
            self._judge(part, waiter, reports)
        if waker.after is not None:
            self._ring(part, waker, reports)

    def cleared(self, obj: Any, part: str = "") -> None:
        """The event can happen anew: a new generation."""
        found = self.part(obj, part, once=True)
        if found.happened:
            found.generation += 1
            found.happened = False

    def _order(self, ts: ThreadState, part: Part) -> None:
        entered = self.engine.leaf.enter()
        try:
            part.clock = clocks.merged(part.clock or {}, ts.hb)
        finally:
            if entered:
                self.engine.leaf.leave()
        ts.hb[ts.slot] = ts.hb.get(ts.slot, 0) + 1

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
            self._cycle_steps(steps, POSSIBLE, reports)

    def released_by_other(self, ts: ThreadState, lock: Any) -> None:
        """A plain lock is released by a thread that did not take it: it is an event, too."""
        keys, refs = holding(ts)
        reports: list[Report] = []
        stack = self.engine.capture()
        self.engine.leaf.enter()
        try:
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
                        self._cycle(waiting, waking, POSSIBLE, reports)
        finally:
            self.engine.leaf.leave()
        self.engine.deliver(ts, reports)

    def synced(self, ts: ThreadState, lock: Any) -> None:
        """A flush: judged as an acquire of the map already; told in the graph."""
        for entry in ts.held():
            self._edge(entry.key.cls.name, lock.name, "holds")

    # -- judgement ---------------------------------------------------------------------------------

    def _judge(self, part: Part, waiter: Waiter, reports: list[Report]) -> None:
        """Does anything the waiter holds stand in the way of everybody who could wake it?"""
        wakers = [
            w
            for w in part.wakers
            if w.serial != waiter.serial and (not part.once or w.generation == waiter.generation)
        ]
        if not wakers:
            return
        for key, ref in zip(waiter.keys, waiter.held, strict=True):
            hits = [self._needs(w, key, set()) for w in wakers]
            if all(hit is not None for hit in hits):
                hit = hits[-1]
                assert hit is not None
                steps = [
                    Step(
                        waiter.thread,
                        ref,
                        LockRef(part.name, "event", "wait", waiter.stack),
                        waiter.held,
                        "wait",
                    ),
                    *hit[0],
                ]
                self._cycle_steps(steps, hit[1], reports)

    def _needs(
        self, waker: Waker, key: Key, seen: set[tuple[str, int]]
    ) -> tuple[list[Step], str] | None:
        """Steps by which the waker needs `key`: directly, through locks, or after another event."""
        for need, ref in zip(waker.needs, waker.refs, strict=True):
            told = f"{waker.thread} makes it happen only after it got {ref.name}"
            step = Step(waker.thread, LockRef("the event", "event", "owed", waker.stack), ref,
                        waker.refs, told=told)  # fmt: skip
            if surely_same(need, key):
                return [step], POSSIBLE
            if need.many and need.base.cls is key.base.cls:
                return [step], CLASS_ONLY
            path = self._lock_path(need.cls, key.cls)
            if path is not None:
                return [step, *path], CLASS_ONLY
        if waker.after is None or len(seen) > KEPT:
            return None
        part, generation = waker.after
        if (part.name, generation) in seen:
            return None
        seen.add((part.name, generation))
        earlier = [w for w in part.wakers if w.generation == generation]
        hits = [self._needs(w, key, seen) for w in earlier]
        if not hits or any(hit is None for hit in hits):
            return None
        assert hits[-1] is not None
        step = Step(waker.thread, LockRef("the event", "event", "owed", waker.stack),
                    LockRef(part.name, "event", "wait"), op="wait")  # fmt: skip
        return [step, *hits[-1][0]], hits[-1][1]

    def _lock_path(self, start: LockClass, goal: LockClass) -> list[Step] | None:
        """A holder of `start` wants ... `goal`: a shortest path of exclusive dependencies."""
        from lockcheck.core.judge import step_of  # noqa: PLC0415

        came: dict[LockClass, tuple[LockClass, Edge]] = {}
        todo = [start]
        for cls in todo:
            for target, edge in cls.edges_out.items():
                if target in came or target is start:
                    continue
                came[target] = (cls, edge)
                if target is goal:
                    steps: list[Step] = []
                    at = goal
                    while at is not start:
                        at, step = came[at]
                        witness, index = next(iter(step.first.values()))
                        steps.append(step_of(witness, index))
                    return steps[::-1]
                todo.append(target)
        return None

    def _ring(self, part: Part, waker: Waker, reports: list[Report]) -> None:
        """Events that wait for each other and no lock at all."""
        path: list[tuple[Part, Waker]] = [(part, waker)]
        after = waker.after
        while after is not None and len(path) <= KEPT:
            other, generation = after
            if other is part and generation == waker.generation:
                steps = [
                    Step(
                        w.thread,
                        LockRef(p.name, "event", "owed", w.stack),
                        LockRef(w.after[0].name if w.after else "?", "event", "wait", w.stack),
                        w.refs,
                        "wait",
                        f"{w.thread} makes {p.name} happen only after "
                        f"{w.after[0].name if w.after else '?'}",
                    )
                    for p, w in path
                ]
                self._cycle_steps(steps, POSSIBLE, reports)
                return
            made = [w for w in other.wakers if w.generation == generation]
            if len(made) != 1:
                return
            path.append((other, made[0]))
            after = made[0].after

    def _cycle(self, one: Step, other: Step, severity: str, reports: list[Report]) -> None:
        self._cycle_steps([one, other], severity, reports)

    def _cycle_steps(self, steps: list[Step], severity: str, reports: list[Report]) -> None:
        first = steps[0]
        report = Report(
            "wait-cycle",
            severity,
            f"possible wait cycle: {first.thread} waits for {first.wanted.name} and holds "
            f"{first.held.name}, which is needed to make it happen"
            if first.op == "wait" and first.held.cls != "event"
            else "possible wait cycle: " + " -> ".join(s.held.name for s in steps),
            reason="everybody who was seen making it happen needed what the waiter holds"
            if severity == POSSIBLE
            else "through classes of locks; the instances seen may not meet",
            cycle=tuple(steps),
            advice=f"Wait for {first.wanted.name} without holding {first.held.name}, or make it "
            "happen without needing that.",
        )
        ident = ("wait", *sorted({s.held.cls + ":" + s.wanted.name for s in steps}))
        self.engine.judge.file_circle(ident, report, reports)

    def _edge(self, source: str, target: str, kind: str) -> None:
        ident = (source, target, kind)
        self.edges[ident] = self.edges.get(ident, 0) + 1


def holding(ts: ThreadState) -> tuple[tuple[Key, ...], tuple[LockRef, ...]]:
    """Keys and references of the real locks a thread holds, oldest first."""
    entries = [e for e in ts.stack() if e.key.cls.base.kind != "map"]
    return tuple(e.key.base for e in entries), tuple(ref_of(e) for e in entries)


__all__ = ["EMPTY", "WRITE", "Part", "Waits", "holding"]
