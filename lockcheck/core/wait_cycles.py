"""Cycles through waits: a waiter holds what everybody who could wake it needs.

Directly, through other locks, or after another event.  The values are in `events`; who waits and
wakes is gathered in `waits`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lockcheck.core.classes import Key, LockClass
from lockcheck.core.events import KEPT, Part, Waiter, Waker
from lockcheck.core.graph import Graph
from lockcheck.core.lock_order import step_of
from lockcheck.core.paths import Walk
from lockcheck.core.record import Edge, Witness
from lockcheck.core.report import (
    CLASS_ONLY,
    POSSIBLE,
    LockRef,
    Report,
    Severity,
    Step,
    cycle_report,
)
from lockcheck.core.search import surely_same

__all__ = ["WaitCycles", "wait_cycle"]


class WaitCycles:
    """Looks for cycles through waits.  Locks: the leaf."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def judge(self, part: Part, waiter: Waiter) -> Iterator[Report]:
        """Does anything the waiter holds stand in the way of everybody who could wake it?"""
        wakers = [
            w
            for w in part.wakers
            if w.serial != waiter.serial and (not part.once or w.generation == waiter.generation)
        ]
        if not wakers or part.has_free_waker(waiter):
            return
        for key, ref in zip(waiter.keys, waiter.held, strict=True):
            hits = [self._needs(w, key, set(), waiter.serial) for w in wakers]
            hit = hits[-1]
            if hit is None or any(each is None for each in hits):
                continue
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
            yield wait_cycle(steps, hit[1])

    def _needs(
        self, waker: Waker, key: Key, seen: set[tuple[str, int]], waiter: int
    ) -> tuple[list[Step], Severity] | None:
        """Steps by which the waker needs `key`: directly, through locks, or after another event.

        An earlier event that the waiter itself made happen is behind it when it waits.
        """
        owed = LockRef("the event", "event", "owed", waker.stack)
        for need, ref in zip(waker.needs, waker.refs, strict=True):
            told = f"{waker.thread} makes it happen only after it got {ref.name}"
            step = Step(waker.thread, owed, ref, waker.refs, told=told)
            if surely_same(need, key):
                return [step], POSSIBLE
            if need.many and need.base.cls is key.base.cls:
                return [step], CLASS_ONLY
            way = self._way_by_locks(need.cls, key.cls)
            if way is not None:
                return [step, *way], CLASS_ONLY
        if waker.after is None or len(seen) > KEPT:
            return None
        part, generation = waker.after
        if (part.name, generation) in seen:
            return None
        seen.add((part.name, generation))
        earlier = [w for w in part.wakers if w.generation == generation]
        if any(w.serial == waiter for w in earlier):
            return None
        hits = [self._needs(w, key, seen, waiter) for w in earlier]
        hit = hits[-1] if hits else None
        if hit is None or any(each is None for each in hits):
            return None
        step = Step(waker.thread, owed, LockRef(part.name, "event", "wait"), op="wait")
        return [step, *hit[0]], hit[1]

    def _way_by_locks(self, start: LockClass, goal: LockClass) -> list[Step] | None:
        """A holder of `start` wants ... `goal`: a shortest path of dependencies."""

        def follow(cls: LockClass) -> Iterator[tuple[LockClass, Edge]]:
            yield from self._graph.after(cls).items()

        walk = Walk(start, follow)
        if start is goal or goal not in walk:
            return None
        return [step_of(*next(iter(edge.first.values()))) for edge in walk.path(goal)]

    def ring(self, part: Part, waker: Waker) -> Iterator[Report]:
        """Events that wait for each other and no lock at all."""
        path: list[tuple[Part, Waker]] = [(part, waker)]
        after = waker.after
        while after is not None and len(path) <= KEPT:
            other, generation = after
            if other is part and generation == waker.generation:
                yield wait_cycle([_after_another(p, w) for p, w in path], POSSIBLE)
                return
            made = [w for w in other.wakers if w.generation == generation]
            if len(made) != 1:
                return
            path.append((other, made[0]))
            after = made[0].after

    def foreign_release(
        self, thread: tuple[int, str], lock: LockRef, keys: Sequence[tuple[Key, LockRef]], owed: Key
    ) -> Iterator[Report]:
        """A plain lock is released by a thread that did not take it: it is an event, too.

        `keys`: what that thread holds; whoever waits for the lock under one of these is not woken.
        """
        serial, name = thread
        refs = tuple(ref for _, ref in keys)
        for key, ref in keys:
            edge = self._graph.after(key.cls).get(owed.cls)
            for rec, index in () if edge is None else edge.records:
                held, wanted = rec.held[index], rec.held[-1]
                if not surely_same(held, key) or not surely_same(wanted, owed):
                    continue
                told = f"{name} releases {lock.name} only after it got {ref.name}"
                for witness in rec.witnesses:
                    if witness.serial != serial:
                        waking = Step(name, lock, ref, refs, told=told)
                        yield wait_cycle([_waiting(witness, index), waking], POSSIBLE)


def _waiting(witness: Witness, index: int) -> Step:
    return Step(witness.thread, witness.held[index], witness.wanted, witness.held)


def _after_another(part: Part, waker: Waker) -> Step:
    """`waker` makes `part` happen only after another event."""
    before = waker.after[0].name if waker.after else "?"
    return Step(
        waker.thread,
        LockRef(part.name, "event", "owed", waker.stack),
        LockRef(before, "event", "wait", waker.stack),
        waker.refs,
        "wait",
        f"{waker.thread} makes {part.name} happen only after {before}",
    )


def wait_cycle(steps: Sequence[Step], severity: Severity) -> Report:
    """The report of a cycle that some thread's wait is part of."""
    first = steps[0]
    return cycle_report(
        "wait-cycle",
        severity,
        f"possible wait cycle: {first.thread} waits for {first.wanted.name} and holds "
        f"{first.held.name}, which is needed to make it happen"
        if first.op == "wait" and first.held.cls != "event"
        else "possible wait cycle: " + " -> ".join(s.held.name for s in steps),
        steps,
        ident=("wait", *sorted({s.held.cls + ":" + s.wanted.name for s in steps})),
        reason="everybody who was seen making it happen needed what the waiter holds"
        if severity == POSSIBLE
        else "through classes of locks; the instances seen may not meet",
        advice=f"Wait for {first.wanted.name} without holding {first.held.name}, or make it "
        "happen without needing that.",
    )
