"""Random little programs over the bare seam, and their exhaustive exploration.

Each object is the least that the seam asks for (a name, `ready`), so that brute force over
thousands of programs stays cheap and nothing but the conductor and the strategy is under test.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.verdict import DEADLOCK, END, REDUNDANT
from lockcheck.explore.coverage import order_of
from lockcheck.explore.strategy import Strategy
from lockcheck.seam import Kind, Op

Statement = tuple[Any, ...]


@dataclass
class Named:
    """What `spawn` needs of a thread."""

    name: str
    daemon: bool = False


class Mutex:
    """A lock that only remembers whether it is held."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.life = None  # its releases are silent while nobody tries it
        self.held = False
        self.readers = 0

    def ready(self, op: Op) -> bool:
        if op.kind is Kind.ACQUIRE:
            return not self.held and not self.readers
        return op.kind is not Kind.READ_ACQUIRE or not self.held


class Cell:
    """A value: shared field, count, flag or number of permits."""

    def __init__(self, name: str, value: int = 0) -> None:
        self.name = name
        self.value = value

    def ready(self, op: Op) -> bool:
        if op.kind is Kind.WAIT_REFS:
            refs, value = op.aux
            return any(ref.value == value for ref in refs)
        return op.kind is not Kind.WAIT or self.value > 0


@dataclass
class Program:
    """Threads of statements; `text` shows them when a test fails."""

    threads: list[list[Statement]]
    seen: list[tuple[int, object]] = field(default_factory=list)

    def text(self) -> str:
        return "\n".join(f"T{i + 1}: {body}" for i, body in enumerate(self.threads))

    def interleavings(self) -> int:
        """How many there would be if nothing blocked, all branches were gone, and time stood."""
        found, placed = 1, 0
        for operations in map(_operations, self.threads):
            placed += operations
            found *= math.comb(placed, operations)
        return found

    def body(self, c: ControlledConductor) -> Callable[[], None]:
        """Return the first thread's body over fresh objects; results go to `seen`."""
        world = World(c)
        self.seen = world.seen
        self.world = world

        def main() -> None:
            for i, statements in enumerate(self.threads):
                c.point(_SPAWN)
                c.spawn(Named(f"T{i + 1}"), lambda i=i, s=statements: world.run(i, s))

        return main


def _operations(statements: list[Statement]) -> int:
    """Operations of a thread: two of a lock, one of anything else."""
    locks = ("lock", "timed", "try", "reading")
    return sum(
        1 + (name in locks) + (_operations(words[-1]) if name in (*locks, "when") else 0)
        for name, *words in statements
    )


_SPAWN = Op(Kind.BEGIN, Cell("spawn"))


class World:
    """The objects of one run, and the interpreter of statements."""

    def __init__(self, c: ControlledConductor) -> None:
        self.c = c
        self.objects: dict[str, Any] = {
            **{name: Mutex(name) for name in ("a", "b", "rw")},
            **{name: Cell(name) for name in ("x", "y", "flag")},
            "sem": Cell("sem", 1),
            "ref": Cell("ref", 2),
            "ref2": Cell("ref2", 2),
        }
        self.seen: list[tuple[int, object]] = []

    def run(self, me: int, statements: list[Statement]) -> None:
        for statement in statements:
            getattr(self, "do_" + statement[0])(me, *statement[1:])

    def do_lock(self, me: int, name: str, body: list[Statement]) -> None:
        lock = self.objects[name]
        self.c.point(Op(Kind.ACQUIRE, lock))
        assert not lock.held
        lock.held = True
        self.run(me, body)
        self.c.point(Op(Kind.RELEASE, lock))
        lock.held = False

    def do_timed(self, me: int, name: str, body: list[Statement]) -> None:
        lock = self.objects[name]
        got = self.c.point(Op(Kind.ACQUIRE, lock, timeout=1.0))
        self.seen.append((me, got))
        if got:
            assert not lock.held
            lock.held = True
            self.run(me, body)
            self.c.point(Op(Kind.RELEASE, lock))
            lock.held = False

    def do_try(self, me: int, name: str, body: list[Statement]) -> None:
        lock = self.objects[name]
        self.c.point(Op(Kind.TRY_ACQUIRE, lock))
        got = not lock.held and not lock.readers
        self.seen.append((me, got))
        if got:
            lock.held = True
            self.run(me, body)
            self.c.point(Op(Kind.RELEASE, lock))
            lock.held = False

    def do_reading(self, me: int, name: str, body: list[Statement]) -> None:
        lock = self.objects[name]
        self.c.point(Op(Kind.READ_ACQUIRE, lock))
        assert not lock.held
        lock.readers += 1
        self.run(me, body)
        self.c.point(Op(Kind.READ_RELEASE, lock))
        lock.readers -= 1

    def do_read(self, me: int, name: str) -> None:
        self.c.point(Op(Kind.READ, self.objects[name]))
        self.seen.append((me, self.objects[name].value))

    def do_write(self, me: int, name: str, value: int) -> None:
        self.c.point(Op(Kind.WRITE, self.objects[name]))
        self.objects[name].value = value

    def do_add(self, me: int, name: str) -> None:
        self.c.point(Op(Kind.RMW, self.objects[name]))
        self.objects[name].value += 1
        self.seen.append((me, self.objects[name].value))

    def do_when(self, me: int, name: str, value: int, body: list[Statement]) -> None:
        self.c.point(Op(Kind.READ, self.objects[name]))
        if self.objects[name].value == value:
            self.run(me, body)

    def do_inc(self, me: int, name: str) -> None:
        self._count(Kind.REF_INC, name, 1)

    def do_dec(self, me: int, name: str) -> None:
        self._count(Kind.REF_DEC, name, -1)

    def _count(self, kind: Kind, name: str, n: int) -> None:
        op = Op(kind, self.objects[name])
        self.c.point(op)
        op.aux = self.objects[name].value  # what it finds, as `Refcount` notes it
        self.objects[name].value += n

    def do_refs(self, me: int, *names: str) -> None:
        refs = tuple(self.objects[name] for name in names)
        self.c.point(Op(Kind.WAIT_REFS, refs[0], (refs, 1)))
        self.seen.append((me, tuple(ref.value == 1 for ref in refs)))

    def do_refs_timed(self, me: int, *names: str) -> None:
        refs = tuple(self.objects[name] for name in names)
        got = self.c.point(Op(Kind.WAIT_REFS, refs[0], (refs, 1), timeout=1.0, timer="again"))
        self.seen.append((me, got))

    def do_wait(self, me: int, name: str) -> None:
        self.c.point(Op(Kind.WAIT, self.objects[name], takes=False))

    def do_wait_timed(self, me: int, name: str) -> None:
        got = self.c.point(Op(Kind.WAIT, self.objects[name], takes=False, timeout=2.0))
        self.seen.append((me, got))

    def do_take(self, me: int, name: str) -> None:
        self.c.point(Op(Kind.WAIT, self.objects[name]))
        self.objects[name].value -= 1

    def do_serve(self, me: int, name: str) -> None:
        self.c.point(Op(Kind.WAIT, self.objects[name], idle=True))
        self.objects[name].value -= 1
        self.seen.append((me, "served"))

    def do_wake(self, me: int, name: str, value: int) -> None:
        self.c.point(Op(Kind.WAKE, self.objects[name]))
        self.objects[name].value += value

    def do_choose(self, me: int, n: int) -> None:
        self.seen.append((me, ("chose", self.c.choose(n, "test"))))


def random_program(rng: random.Random) -> Program:
    """Draw a program of two or three threads."""
    threads = rng.choice((2, 2, 3))
    size = 4 if threads == 2 else 2
    return Program([_body(rng, rng.randint(1, size), 0) for _ in range(threads)])


def _body(rng: random.Random, size: int, depth: int) -> list[Statement]:
    return [_statement(rng, depth) for _ in range(size)]


def _statement(rng: random.Random, depth: int) -> Statement:
    simple: list[Callable[[], Statement]] = [
        lambda: ("read", rng.choice("xy")),
        lambda: ("write", rng.choice("xy"), rng.randint(1, 2)),
        lambda: ("add", rng.choice("xy")),
        lambda: (rng.choice(("inc", "dec", "dec")), rng.choice(("ref", "ref2"))),
        lambda: (rng.choice(("refs", "refs_timed")), *rng.choice((("ref",), ("ref", "ref2")))),
        lambda: ("wake", rng.choice(("flag", "sem")), rng.choice((1, 1, -1))),
        lambda: (rng.choice(("wait", "wait_timed")), "flag"),
        lambda: (rng.choice(("take", "take", "serve")), "sem"),
        lambda: ("choose", 2),
    ]
    if depth >= 2:
        return rng.choice(simple[:3])()
    if rng.random() < 0.45:
        return rng.choice(simple)()

    def inner() -> list[Statement]:
        return _body(rng, rng.randint(0, 2), depth + 1)

    nested: list[Callable[[], Statement]] = [
        lambda: ("lock", rng.choice(("a", "b")), inner()),
        lambda: ("lock", rng.choice(("a", "b", "rw")), inner()),
        lambda: ("reading", "rw", inner()),
        lambda: ("try", rng.choice(("a", "b")), inner()),
        lambda: ("timed", rng.choice(("a", "b")), inner()),
        lambda: ("when", rng.choice("xy"), rng.randint(0, 2), inner()),
    ]
    return rng.choice(nested)()


class TooManyError(Exception):
    """The program has more schedules than the test wants to try."""


def explore(
    c: ControlledConductor, program: Program, strategy: Strategy, limit: int
) -> tuple[set[tuple[int, int, str]], int]:
    """Try everything; return {(order, verdict, outcome)} and the number of runs."""
    results, runs, _cut = explore_within(c, program, strategy, limit)
    return results, runs


def explore_within(
    c: ControlledConductor, program: Program, strategy: Strategy, limit: int
) -> tuple[set[tuple[int, int, str]], int, bool]:
    """As `explore`; and whether the bound on early timers forbade one."""
    cut = False
    results: set[tuple[int, int, str]] = set()
    runs = 0
    c.observed = frozenset()
    while strategy.begin(c, runs):
        verdict = c.run(program.body(c), strategy)
        runs += 1
        if c.error is not None:
            raise c.error
        if c.newly_observed:
            c.observed |= c.newly_observed
            strategy.restart()
            results.clear()
            cut = False
            continue
        assert verdict in (END, DEADLOCK, REDUNDANT), verdict
        if verdict != REDUNDANT:
            results.add((order_of(c), verdict, _outcome(c, program)))
        strategy.end(verdict)
        cut |= c.cut
        if runs > limit:
            raise TooManyError
    return results, runs, cut


def _outcome(c: ControlledConductor, program: Program) -> str:
    values = [
        (name, obj.value) for name, obj in program.world.objects.items() if isinstance(obj, Cell)
    ]
    stuck = [(go, op.kind, op.obj.name) for go, op in c.pending]
    return f"{sorted(program.seen, key=lambda entry: entry[0])} {values} {stuck}"
