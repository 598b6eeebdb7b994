"""Interrupting contexts: signal handlers and finalisers, lockdep's hard and soft interrupts.

For each class and context it is remembered, with the first witness, whether a lock of it was ever
taken *in* the context, and whether one was ever held where the context could strike (*on*), each as
writer or reader.  "M is held where the context strikes" and "the context takes L" make a virtual
dependency M -> L; it is judged like any other: a strong cycle with a path L -> ... -> M (or M = L)
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

from collections.abc import Iterable, Iterator

from lockcheck.core.classes import MODE_NAMES, READ, RECURSIVE_READ, WRITE, Key, LockClass
from lockcheck.core.gates import same_lock
from lockcheck.core.graph import Graph
from lockcheck.core.held import CheckedLock, ThreadState, ref_of
from lockcheck.core.lock_order import step_of
from lockcheck.core.paths import Walk
from lockcheck.core.record import NO_CONTEXT, SN, SR, Record, Witness, blocks, kind_of
from lockcheck.core.report import CLASS_ONLY, POSSIBLE, LockRef, Report, Step, cycle_report
from lockcheck.core.search import Dependency, Follow, Search, State, strong
from lockcheck.core.stacks import Stack

__all__ = ["BLOCKED", "CONTEXTS", "RUNS", "Contexts"]

CONTEXTS = ("signal", "gc")
"""Contexts that every engine knows; others come into being by being used."""

BLOCKED = "blocked "
RUNS = "runs "
"""Before a signal's number, among what is disabled: it is blocked; its handler runs now."""
USES = 6
"""Witnesses kept of a lock that is held where a context strikes, beside the first."""

NONE_BLOCKED: frozenset[str] = frozenset()

Usage = tuple[str, str, int]
"""(context, "in" or "on", mode)."""


class Use:
    """First witness of a usage."""

    __slots__ = ("at", "blocked", "counted", "held", "key", "leases", "others", "ref", "serial",
                 "thread", "which")  # fmt: skip

    def __init__(self, ts: ThreadState, key: Key, ref: LockRef, *, counted: bool) -> None:
        self.counted = counted
        """Seen in a finaliser that a reference count ran: the collector has not, but may."""
        self.key = key
        self.ref = ref
        self.serial = ts.serial
        self.thread = ts.name
        self.at = (ts.serial, ts.epoch, ts.vc)
        self.held = tuple(e.key for e in ts.stack() if e.key is not key)
        """What else the thread held."""
        self.leases = ts.leases
        self.blocked = NONE_BLOCKED
        if ts.disabled:
            self.blocked = frozenset(name for name in ts.disabled if name.startswith(BLOCKED))
        """Signals that were blocked."""
        self.which = min((name for name in ts.disabled if name.startswith(RUNS)), default="")
        """The signal whose handler took the lock."""
        self.others: tuple[Use, ...] = ()
        """Other threads, or with other locks held."""

    def add(self, use: Use) -> bool:
        """Remember one more witness, if it is one."""
        alike = any(
            u.serial == use.serial
            and u.held == use.held
            and u.blocked == use.blocked
            and u.which == use.which
            for u in (self, *self.others)
        )
        if alike or len(self.others) == USES:
            return False
        self.others = (*self.others, use)
        return True

    def struck_by(self, inside: Use) -> Use | None:
        """One of the uses outside that the handler may strike: its own signal is not blocked."""
        own = BLOCKED + inside.which.removeprefix(RUNS)
        return next((use for use in (self, *self.others) if own not in use.blocked), None)

    def interrupted_by(self, inside: Use) -> tuple[Record, Witness]:
        """This thread, struck while it holds the lock, wants the one that the context takes."""
        rec = Record(None, None, inside.key, (*self.held, self.key, inside.key), 0, NO_CONTEXT)
        refs = (*(LockRef(k.name, k.cls.name, k.mode_name) for k in self.held), self.ref)
        witness = Witness(self.thread, self.at, rec, inside.ref.stack, refs,
                          inside.ref, (), self.leases)  # fmt: skip
        return rec, witness


class Contexts:
    """Usage of classes in contexts, and what follows from it.  Locks: the leaf."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.names: list[str] = list(CONTEXTS)
        self._usage: dict[LockClass, dict[Usage, Use]] = {}
        self._usages: dict[Usage, Usage] = {}
        """The one object of those that are equal."""
        self._inside: list[tuple[LockClass, str, int]] = []

    def learn_name(self, name: str) -> None:
        """A context of this name exists."""
        if name not in self.names:
            self.names.append(name)

    # -- usage -----------------------------------------------------------------------------------

    def use(
        self, ts: ThreadState, key: Key, lock: CheckedLock, stack: Stack, *, finaliser: bool = False
    ) -> Iterator[Report]:
        """A lock is acquired in the thread's context state."""
        ref = LockRef(lock.name, key.cls.name, MODE_NAMES[key.mode], stack)
        for name in self.names:
            if name in ts.contexts:
                if not key.trylock:  # whoever only tries goes on
                    yield from self._mark(ts, key, name, "in", ref)
            elif name not in ts.disabled and not (name == "gc" and finaliser):
                yield from self._mark(ts, key, name, "on", ref)

    def unseen(self, ts: ThreadState, key: Key) -> bool:
        """Was the class never yet seen held where the collector strikes, and is it now?"""
        seen = self._usage.get(key.cls)
        missing = seen is None or ("gc", "on", key.mode) not in seen
        return missing and "gc" not in ts.contexts and "gc" not in ts.disabled

    def counted_finaliser(
        self, ts: ThreadState, key: Key, lock: CheckedLock, stack: Stack
    ) -> Iterator[Report]:
        """A lock is acquired in a finaliser that a reference count runs."""
        if not key.trylock:
            ref = LockRef(lock.name, key.cls.name, MODE_NAMES[key.mode], stack)
            yield from self._mark(ts, key, "gc", "in", ref, counted=True)

    def enabled(self, ts: ThreadState, name: str) -> Iterator[Report]:
        """The context can strike again: everything held is held where it strikes."""
        for entry in ts.held():
            if entry._k is not None and entry._k.context[0] == ts.contexts:
                yield from self._mark(ts, entry.key, name, "on", ref_of(entry))

    def _mark(
        self,
        ts: ThreadState,
        key: Key,
        name: str,
        where: str,
        ref: LockRef,
        *,
        counted: bool = False,
    ) -> Iterator[Report]:
        usage: Usage = (name, where, key.mode)
        usage = self._usages.setdefault(usage, usage)
        cls = key.cls
        if cls.base.kind == "map":
            return
        uses = self._usage.setdefault(cls, {})
        old = uses.get(usage)
        use = Use(ts, key, ref, counted=counted)
        if old is not None and (counted or not old.counted):
            if where == "in" and any(u.which == use.which for u in (old, *old.others)):
                return
            if not old.add(use):
                return
        else:
            uses[usage] = use
        if where == "in" and old is None:
            self._inside.append((cls, name, key.mode))
        if self._inside:
            yield from self.check()

    def usage_chars(self, cls: LockClass, context: str) -> str:
        """Writer and reader character of a class in one context, as lockdep prints them."""
        uses = self._usage.get(cls, {})
        found = ""
        for modes in ((WRITE,), (READ, RECURSIVE_READ)):
            inside = any((context, "in", mode) in uses for mode in modes)
            outside = any((context, "on", mode) in uses for mode in modes)
            found += "?" if inside and outside else "-" if inside else "+" if outside else "."
        return found

    # -- judgement --------------------------------------------------------------------------------

    def check(self) -> Iterator[Report]:
        """Look for cycles through every class that some context takes."""
        for cls, name, mode in self._inside:
            first = self._usage[cls][name, "in", mode]
            for inside in (first, *first.others):
                yield from self._strikes(cls, name, mode, inside)

    def _strikes(self, cls: LockClass, name: str, mode: int, inside: Use) -> Iterator[Report]:
        """What follows from one use in the context."""
        for on_mode in (WRITE, READ, RECURSIVE_READ):
            held = self._usage[cls].get((name, "on", on_mode))
            outside = None if held is None else held.struck_by(inside)
            again = cls.base.kind == "rlock"
            if outside is not None and blocks(on_mode, mode) and not again:
                yield _inversion(name, inside, outside, [], [])
        if not cls.base.percpu:
            yield from self._ways(cls, name, mode, inside)

    def _ways(self, start: LockClass, name: str, mode: int, inside: Use) -> Iterator[Report]:
        """From a class taken in the context to one held where it strikes, strongly."""
        follow = strong(self._graph, lambda edge: not edge.target.base.percpu)
        for from_shared in (False, True):
            if from_shared and not blocks(RECURSIVE_READ, mode):
                continue  # the path's first holder reads, and the context only reads too
            walk = Walk((start, False), _beginning(follow, start, shared=from_shared))
            for state in walk:
                outside = self._held_where_it_strikes(name, mode, *state)
                if outside is None or state[0] is start:
                    continue
                outside = outside.struck_by(inside)
                if outside is None:
                    continue
                own = BLOCKED + inside.which.removeprefix(RUNS)
                for use in (outside, *(u for u in outside.others if own not in u.blocked)):
                    others = self._others(inside, use)
                    if others or use is outside:
                        yield _inversion(name, inside, use, walk.path(state), others)

    def _others(self, inside: Use, outside: Use) -> list[Step]:
        """The threads by which the interrupted one would wait for itself; empty: none was seen.

        It takes others for that: the handler goes on with a reentrant lock of its own thread, and
        with a plain one that is free.
        """
        rec, witness = outside.interrupted_by(inside)
        cycle = Search(self._graph, rec, witness, everywhere=True).run()
        return [] if cycle is None else [step_of(p.witness, p.at) for p in cycle[1:]]

    def _held_where_it_strikes(
        self, name: str, mode: int, target: LockClass, only_recursive: bool
    ) -> Use | None:
        for on_mode in (WRITE, READ, RECURSIVE_READ):
            outside = self._usage.get(target, {}).get((name, "on", on_mode))
            if outside is not None and not (only_recursive and kind_of(on_mode, mode) & (SR | SN)):
                return outside
        return None


def _beginning(follow: Follow, start: LockClass, *, shared: bool) -> Follow:
    """`follow`, but the first step leaves `start` as held shared, or as held exclusively."""

    def limited(state: State) -> Iterable[tuple[State, Dependency]]:
        for after, step in follow(state):
            if state != (start, False) or bool(step[1] & (SR | SN)) == shared:
                yield after, step

    return limited


def _inversion(
    name: str, inside: Use, outside: Use, path: list[Dependency], others: list[Step]
) -> Report:
    steps = [
        Step(
            outside.thread,
            outside.ref,
            inside.ref,
            (outside.ref,),
            told=f"{outside.thread} holds {outside.ref.name}; the {name} context interrupts it and "
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
    alone = bool(path) and not others
    if others:
        steps[1:] = others
    way = " -> ".join([outside.ref.cls, inside.ref.cls, *(e.target.name for e, _ in path)])
    return cycle_report(
        "inverted-context",
        POSSIBLE if (meet or others) and not alone and not inside.counted else CLASS_ONLY,
        f"possible {name} context inversion: {way}",
        steps,
        ident=("context", name, inside.ref.cls, outside.ref.cls),
        reason="no other threads were seen that hold and want what lies between, and can meet"
        if alone
        else "the instances seen so far cannot meet"
        if not (meet or others)
        else "so far a reference count ran the finaliser, at a place that the program chose; "
        "in a reference cycle the collector would run it anywhere"
        if inside.counted
        else f"the {name} context can interrupt wherever it is not disabled",
        detail=f"{inside.ref.cls} is taken in the {name} context; {outside.ref.cls} is held "
        f"where it can interrupt",
        advice=f"Do not take {inside.ref.cls} in the {name} context (queue the work instead), "
        f'or hold {outside.ref.cls} only with chk.disabled("{name}").',
    )
