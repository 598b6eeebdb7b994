"""Interrupting contexts: signal handlers and finalisers, lockdep's hard and soft interrupts.

For each class and context it is remembered, with the first witness, whether a lock of it was ever
taken *in* the context, and whether one was ever held where the context could strike (*on*), each as
writer or reader.  "M is held where the context strikes" and "the context takes L" make a virtual
dependency M -> L; it is judged like any other: a strong circle with a path L -> ... -> M (or M = L)
is a deadlock waiting for an unlucky moment.

A context starts a chain of its own: what the interrupted code holds makes no dependency.

A finaliser run by a reference count is an ordinary call at an ordinary place: what is held around
it orders what it takes.  Only the marks differ, and the findings they give are `class-only` until
the collector was seen running one.  Such a call is known by being announced (`counted`;
`install()` does that), else by a `__del__` in the stack, and so only where its acquire is new to
the thread.  Without `install()`, a `__del__` that takes what its thread has taken before in the
same way is therefore missed: say `with chk.context("gc")` in it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from lockcheck.core import segments
from lockcheck.core.classes import MODE_NAMES, RECURSIVE_READ, WAIT_SLEEP, WRITE, Key, LockClass
from lockcheck.core.graph import ER, SN, SR, Edge, blocks, kind_of
from lockcheck.core.held import Chain, Floor, ThreadState, ref_of
from lockcheck.core.report import CLASS_ONLY, POSSIBLE, LockRef, Report, Step
from lockcheck.core.search import same_lock
from lockcheck.core.stacks import Stack

if TYPE_CHECKING:
    from lockcheck.core.engine import Engine

CONTEXTS = ("signal", "gc")
"""Contexts that every engine knows; others come into being by being used."""

Usage = tuple[str, str, int]
"""(context, "in" or "on", mode)."""


FINALISER = ("finaliser",)
"""Token of a chain's transition into a finaliser."""


class Counted(Chain):
    """A thread's view inside a finaliser that a reference count runs: same records, marked."""

    __slots__ = ()


class Use:
    """First witness of a usage."""

    __slots__ = ("counted", "key", "ref", "thread")

    def __init__(self, key: Key, ref: LockRef, thread: str, *, counted: bool) -> None:
        self.counted = counted
        """Seen in a finaliser that a reference count ran: the collector has not, but may."""
        self.key = key
        self.ref = ref
        self.thread = thread


class Contexts:
    """Usage of classes in contexts, and what follows from it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.names: list[str] = list(CONTEXTS)
        self.limits: dict[str, int] = {}
        """Context -> wait type it allows; those not named allow everything."""
        self._inside: list[tuple[LockClass, str, int]] = []

    def wait_limit(self, ts: ThreadState) -> tuple[int, str]:
        """The strictest wait type that the thread's contexts allow."""
        limit, who = WAIT_SLEEP, "nobody"
        for name in ts.contexts:
            allowed = self.limits.get(name, WAIT_SLEEP)
            if allowed < limit:
                limit, who = allowed, f"the {name} context"
        return limit, who

    # -- entering and leaving -------------------------------------------------------------------

    def enter(self, ts: ThreadState, name: str) -> None:
        """The thread is interrupted: a chain of its own begins."""
        self._know(name)
        ts.contexts = (*ts.contexts, name)
        ts.top = Floor(None, ts.top, ts.overlay)
        segments.rechain(self.engine, ts)

    def leave(self, ts: ThreadState, name: str) -> None:
        """Back to what was interrupted."""
        assert ts.contexts, name
        ts.contexts = ts.contexts[:-1]
        self.counted_over(ts, ts.floor)

    def counted(self, ts: ThreadState) -> Floor | None:
        """A reference count runs a finaliser; None where that makes no difference."""
        chain: Chain = ts.top._k
        if ts.tracing or "gc" in ts.contexts or type(chain) is Counted:
            return None
        view = chain.next.get(FINALISER)
        if view is None:
            view = chain.grow(FINALISER, Counted(chain.rec, chain.parent, chain.stack))
            view.came = chain.came
            view.earlier = chain
        ts.top = floor = Floor(view, ts.top, ts.overlay)
        return floor

    def counted_over(self, ts: ThreadState, floor: Floor) -> None:
        """It has run."""
        if ts.top is floor and ts.overlay is floor.overlay:
            ts.top = floor.prev
        else:
            self._drop(ts, floor)

    def _drop(self, ts: ThreadState, floor: Floor) -> None:
        """Take a floor out; what is held on belongs to what was interrupted."""
        if ts.top is floor:
            ts.top = floor.prev
        else:
            entry = ts.top
            while entry.prev is not floor:
                entry = entry.prev
            entry.prev = floor.prev
        segments.rechain(self.engine, ts)

    def disable(self, ts: ThreadState, name: str) -> None:
        """The context cannot strike from here on (counts nested calls)."""
        self._know(name)
        ts.masks = {**ts.masks, name: ts.masks.get(name, 0) + 1}
        self._masked(ts)

    def enable(self, ts: ThreadState, name: str) -> None:
        """The context can strike again: everything held is held where it strikes."""
        ts.masks = {**ts.masks, name: max(0, ts.masks.get(name, 0) - 1)}
        self._masked(ts)
        if name in ts.disabled:
            return
        reports: list[Report] = []
        with self.engine.leaf:
            for entry in ts.held():
                if entry._k is not None and entry._k.rec.context[0] == ts.contexts:
                    self._mark(ts, entry.key, name, "on", ref_of(entry), reports)
        self.engine.deliver(ts, reports)

    def _know(self, name: str) -> None:
        if name not in self.names:
            self.names.append(name)

    def _masked(self, ts: ThreadState) -> None:
        ts.disabled = frozenset(name for name, n in ts.masks.items() if n)
        segments.rechain(self.engine, ts)

    # -- usage -----------------------------------------------------------------------------------

    def use(
        self,
        ts: ThreadState,
        key: Key,
        lock: Any,
        stack: Stack,
        reports: list[Report],
        *,
        finaliser: bool = False,
    ) -> None:
        """A lock is acquired in the thread's context state.  Locks: the leaf."""
        ref = LockRef(lock.name, key.cls.name, MODE_NAMES[key.mode], stack)
        for name in self.names:
            if name in ts.contexts:
                self._mark(ts, key, name, "in", ref, reports)
            elif name not in ts.disabled and not (name == "gc" and finaliser):
                self._mark(ts, key, name, "on", ref, reports)

    def unseen(self, ts: ThreadState, key: Key) -> bool:
        """Was the class never yet seen held where the collector strikes, and is it now?"""
        usage = ("gc", "on", key.mode)
        return usage not in key.cls.usage and "gc" not in ts.contexts and "gc" not in ts.disabled

    def finaliser(
        self, ts: ThreadState, key: Key, lock: Any, stack: Stack, reports: list[Report]
    ) -> None:
        """A lock is acquired in a finaliser that a reference count runs.  Locks: the leaf."""
        ref = LockRef(lock.name, key.cls.name, MODE_NAMES[key.mode], stack)
        self._mark(ts, key, "gc", "in", ref, reports, counted=True)

    def _mark(
        self,
        ts: ThreadState,
        key: Key,
        name: str,
        where: str,
        ref: LockRef,
        reports: list[Report],
        *,
        counted: bool = False,
    ) -> None:
        usage: Usage = (name, where, key.mode)
        cls = key.cls
        if cls.base.novalidate or cls.base.kind == "map":
            return
        old = cls.usage.get(usage)
        if old is not None and (counted or not old.counted):
            return
        cls.usage = cls.usage or {}
        cls.usage[usage] = Use(key, ref, ts.name, counted=counted)
        if where == "in" and old is None:
            self._inside.append((cls, name, key.mode))
        if self._inside:
            self.check(ts, reports)

    # -- judgement --------------------------------------------------------------------------------

    def check(self, ts: ThreadState, reports: list[Report]) -> None:
        """Look for circles through every class that some context takes.  Locks: the leaf."""
        for cls, name, mode in self._inside:
            inside: Use = cls.usage[name, "in", mode]
            for on_mode in (WRITE, 1, RECURSIVE_READ):
                outside = cls.usage.get((name, "on", on_mode))
                again = cls.base.kind == "rlock"
                if outside is not None and blocks(on_mode, mode) and not again:
                    self._report(name, inside, outside, [], reports)
            if not cls.base.percpu:
                self._paths(cls, name, mode, inside, reports)

    def _paths(
        self, start: LockClass, name: str, mode: int, inside: Use, reports: list[Report]
    ) -> None:
        """From a class taken in the context to one held where it strikes, strongly."""
        for from_shared in (False, True):
            if from_shared and not blocks(RECURSIVE_READ, mode):
                continue  # the path's first holder reads, and the context only reads too
            first = (start, False)
            came: dict[Any, tuple[Any, Edge, int]] = {}
            todo = deque([first])
            seen = {first}
            while todo:
                state = todo.popleft()
                cls, only_r = state
                for target, edge in cls.edges_out.items():
                    for bit in (1, 2, 4, 8):
                        if not edge.kinds & bit or target.base.percpu:
                            continue
                        shared = bool(bit & (SR | SN))
                        if (state is first and shared != from_shared) or (only_r and shared):
                            continue
                        after = (target, bool(bit & (ER | SR)))
                        if after in seen:
                            continue
                        seen.add(after)
                        came[after] = (state, edge, bit)
                        todo.append(after)
                        self._arrived(name, mode, inside, first, after, came, reports)

    def _arrived(
        self,
        name: str,
        mode: int,
        inside: Use,
        first: Any,
        state: Any,
        came: dict[Any, tuple[Any, Edge, int]],
        reports: list[Report],
    ) -> None:
        target, only_r = state
        for on_mode in (WRITE, 1, RECURSIVE_READ):
            outside = target.usage.get((name, "on", on_mode))
            if outside is None or (only_r and kind_of(on_mode, mode) & (SR | SN)):
                continue
            if target is first[0]:
                continue
            path = []
            at = state
            while at != first:
                at, edge, bit = came[at]
                path.append((edge, bit))
            self._report(name, inside, outside, path[::-1], reports)
            return

    def _report(
        self,
        name: str,
        inside: Use,
        outside: Use,
        path: list[tuple[Edge, int]],
        reports: list[Report],
    ) -> None:
        from lockcheck.core.judge import step_of

        steps = [
            Step(
                outside.thread,
                outside.ref,
                inside.ref,
                (outside.ref,),
                told=f"{outside.thread} holds {outside.ref.name}; the {name} context strikes and "
                f"takes {inside.ref.name}",
            )
        ]
        keys = [inside.key]
        for edge, bit in path:
            witness, index = edge.first[bit]
            steps.append(step_of(witness, index))
            keys += [witness.rec.held[index], witness.rec.held[-1]]
        keys.append(outside.key)
        meet = all(same_lock(a, b) for a, b in zip(keys[::2], keys[1::2], strict=True))
        way = " -> ".join([outside.ref.cls, inside.ref.cls, *(e.target.name for e, _ in path)])
        report = Report(
            "inverted-context",
            POSSIBLE if meet and not inside.counted else CLASS_ONLY,
            f"possible {name} context inversion: {way}",
            reason="the instances seen so far cannot meet"
            if not meet
            else "so far a reference count ran the finaliser, at a place of the program's choice; "
            "in a reference cycle the collector would run it anywhere"
            if inside.counted
            else f"the {name} context can strike wherever it is not disabled",
            cycle=tuple(steps),
            detail=f"{inside.ref.cls} is taken in the {name} context; {outside.ref.cls} is held "
            f"where it can strike",
            advice=f"Do not take {inside.ref.cls} in the {name} context (queue the work instead), "
            f'or hold {outside.ref.cls} only with chk.disabled("{name}").',
        )
        self.engine.judge.file_circle(
            ("context", name, inside.ref.cls, outside.ref.cls), report, reports
        )
