"""Events and who waits for them and makes them happen; the circles that follow.

The values behind `waits`, and the judgement: a waiter holds what everybody who could wake it needs,
directly, through other locks, or after another event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck.core import clocks
from lockcheck.core.classes import Key, LockClass
from lockcheck.core.graph import Edge
from lockcheck.core.held import ThreadState, ref_of
from lockcheck.core.judge import step_of
from lockcheck.core.report import CLASS_ONLY, POSSIBLE, LockRef, Report, Step
from lockcheck.core.search import surely_same
from lockcheck.core.stacks import Stack

if TYPE_CHECKING:
    from lockcheck.core.engine import Engine

ALIKE = 2
"""Waiters, and wakers, kept that differ in nothing but the thread (one may be the other side)."""
KEPT = 8
"""Waiters and wakers remembered of each event."""


class Waiter:
    """A thread that waited for an event while it held something."""

    __slots__ = ("generation", "held", "keys", "serial", "stack", "thread")

    def __init__(
        self,
        ts: ThreadState,
        keys: tuple[Key, ...],
        held: tuple[LockRef, ...],
        stack: Stack,
        generation: int,
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

    __slots__ = (
        "free",
        "generation",
        "happened",
        "known",
        "name",
        "once",
        "waiters",
        "wakers",
    )

    def __init__(self, name: str, *, once: bool) -> None:
        self.name = name
        self.once = once
        """Happens once a generation (event, end of a thread): events may depend on each other."""
        self.generation = 1
        self.happened = False
        self.known: clocks.Start | None = None
        """What is ordered before whoever saw the event's one `set`."""
        self.waiters: list[Waiter] = []
        self.wakers: list[Waker] = []
        self.free: dict[int, set[int]] = {}
        """Generation (0 where none counts) -> threads that made it happen and needed nothing.  Two
        are remembered: one may be the waiter itself."""

    def note_free(self, serial: int) -> None:
        """A thread makes it happen with nothing held, and without another event before."""
        seen = self.free.setdefault(self.generation if self.once else 0, set())
        if len(seen) < 2:
            seen.add(serial)
        if len(self.free) > KEPT:
            del self.free[min(self.free)]

    def has_free_waker(self, waiter: Waiter) -> bool:
        """Was anybody else seen making it happen who needed nothing?"""
        seen = self.free.get(waiter.generation if self.once else 0, ())
        return any(serial != waiter.serial for serial in seen)


class WaitCycles:
    """Looks for circles through waits."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def judge(self, part: Part, waiter: Waiter, reports: list[Report]) -> None:
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
                self.file(steps, hit[1], reports)

    def _needs(
        self, waker: Waker, key: Key, seen: set[tuple[str, int]], waiter: int
    ) -> tuple[list[Step], str] | None:
        """Steps by which the waker needs `key`: directly, through locks, or after another event.

        An earlier event that the waiter itself made happen is behind it when it waits.
        """
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
        if any(w.serial == waiter for w in earlier):
            return None
        hits = [self._needs(w, key, seen, waiter) for w in earlier]
        if not hits or any(hit is None for hit in hits):
            return None
        assert hits[-1] is not None
        step = Step(waker.thread, LockRef("the event", "event", "owed", waker.stack),
                    LockRef(part.name, "event", "wait"), op="wait")  # fmt: skip
        return [step, *hits[-1][0]], hits[-1][1]

    def _lock_path(self, start: LockClass, goal: LockClass) -> list[Step] | None:
        """A holder of `start` wants ... `goal`: a shortest path of exclusive dependencies."""
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

    def ring(self, part: Part, waker: Waker, reports: list[Report]) -> None:
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
                self.file(steps, POSSIBLE, reports)
                return
            made = [w for w in other.wakers if w.generation == generation]
            if len(made) != 1:
                return
            path.append((other, made[0]))
            after = made[0].after

    def file(self, steps: list[Step], severity: str, reports: list[Report]) -> None:
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


def holding(ts: ThreadState) -> tuple[tuple[Key, ...], tuple[LockRef, ...]]:
    """Keys and references of the real locks a thread holds, oldest first."""
    entries = [e for e in ts.stack() if _counts(e.key.cls.base)]
    return tuple(e.key.base for e in entries), tuple(ref_of(e) for e in entries)


def needed(ts: ThreadState) -> tuple[Key, ...]:
    """Keys of the real locks a thread holds, oldest first."""
    keys = [e.key.base for e in ts.held() if _counts(e.key.cls.base)]
    keys.reverse()
    return tuple(keys)


def _counts(cls: LockClass) -> bool:
    return cls.kind != "map" and not cls.waits_allowed
