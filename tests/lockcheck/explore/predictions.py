"""Random programs of each primitive: what a run that went well predicts, against the oracle.

    python -m tests.lockcheck.explore.predictions --family semaphore --count 2000 --seed 1

Each program runs under a few random schedules.  Of those that ended, the reports about locks and
waits are taken: `possible` may be said only where the oracle reaches a deadlock (else it is false),
and where it reaches one, something should have been reported (else it is missed).

Two kinds of misses are counted apart, for no run that went well can show them.  A try went another
way in every run: then even the oracle, given what the runs did and no more, reaches no deadlock.
And something is used up: a thread waits for an item, a unit, a notify or a room that was there and
went to another one, or for another's release of a lock that it took, which came before that; how
often something happens, and to whom, a run that went well does not fix.

"mixture" draws from two families; "wide" draws longer programs from three, which reach what needs
more than the short ones have.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lockcheck.conduct.verdict import END
from lockcheck.core.report import CLASS_ONLY
from lockcheck.explore.random_walk import RandomWalk
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session
from tests.lockcheck.explore.family_world import FamilySubject, FamilyWorld
from tests.lockcheck.explore.oracle import (
    ASSUMED,
    Instruction,
    OracleLimitError,
    Program,
    stuck_states,
)

__all__ = ["FAMILIES", "Prediction", "predict", "severities"]

OTHERWISE = "otherwise"
KINDS = ("circular", "recursive", "wait-cycle")
Body = list[Instruction]
Make = Callable[[random.Random, int], Body]
"""Draws a statement; the number is how deep it stands inside others."""

_PAIRS = {
    "acquire": "release", "try": "release", "timed": "release", "racquire": "rrelease",
    "read": "read_release", "queued": "read_release", "write": "write_release", "take": "give",
    "try_take": "give", "timed_take": "give",
}  # fmt: skip


def _around(*takes: tuple[str, str]) -> Make:
    """Hold something around a body; each thing at most once in a nesting."""

    def make(rng: random.Random, depth: int) -> Body:
        what, names = rng.choice(takes)
        name = rng.choice(names.split())
        inner = _drawn(rng, rng.randint(0, 2), depth + 1) if depth < 3 else []
        if any(step[1] == name and step[0] in _PAIRS for step in inner) and name != "s2":
            inner = []
        held: Body = [*inner, (_PAIRS[what], name, 0)]
        if what.startswith(("try", "timed")):
            return [(what, name, 0), ("unless", "", len(held)), *held]
        return [(what, name, 0), *held]

    return make


def _step(*whats: tuple[str, str]) -> Make:
    def make(rng: random.Random, depth: int) -> Body:
        what, names = rng.choice(whats)
        return [(what, rng.choice(names.split()), 1)]

    return make


def _in_condition(rng: random.Random, _depth: int) -> Body:
    what = rng.choice(("cwait", "notify", "notify"))
    return [("acquire", "cl", 0), (what, "c", 1), ("release", "cl", 0)]


_LOCKS = _around(("acquire", "a b cl"))
FAMILIES: dict[str, list[Make]] = {
    "lock": [_LOCKS],
    "try": [_around(("acquire", "a b"), ("acquire", "a b"), ("try", "a b"), ("timed", "a b"))],
    "rlock": [_around(("racquire", "r r2"), ("acquire", "a"))],
    "rwlock": [_around(("read", "w w2"), ("write", "w w2"), ("acquire", "a"))],
    "queued": [_around(("read", "w"), ("queued", "w w2"), ("write", "w w2"), ("acquire", "a"))],
    "semaphore": [_around(("take", "s s2"), ("acquire", "a")), _around(("try_take", "s s2"))],
    "signal": [_LOCKS, _step(("take", "s0"), ("give", "s0"), ("give", "s0"))],
    "foreign": [_around(("acquire", "b cl")), _step(("acquire", "a"), ("release", "a"))],
    "event": [_LOCKS, _step(("await", "e"), ("set", "e"), ("set", "e"))],
    "events": [_LOCKS, _step(("await", "e e2"), ("set", "e e2"), ("set", "e e2"))],
    "queue": [_LOCKS, _step(("put", "q0"), ("put", "q0"), ("get", "q0"))],
    "room": [_LOCKS, _step(("put", "q"), ("get", "q"))],
    "condition": [_around(("acquire", "a b")), _in_condition],
    "join": [_LOCKS],
    "nested": [_LOCKS],
    "barrier": [_LOCKS, _step(("meet", "bar"))],
}

MIXED = {"mixture": (2, 2), "wide": (3, 3)}
"""From how many families a program is drawn, and of how many statements a thread has at most."""

_now: list[list[Make]] = [[]]
"""The statements of the program that is being drawn."""


def _drawn(rng: random.Random, size: int, depth: int = 0) -> Body:
    return [step for _ in range(size) for step in rng.choice(_now[0])(rng, depth)]


def random_program(rng: random.Random, family: str) -> Program:
    """Draw a program of two to four threads, of one family or of several (`MIXED`)."""
    count, longest = MIXED.get(family, (1, 2))
    chosen = rng.sample(sorted(FAMILIES), count) if family in MIXED else [family]
    _now[0] = [make for name in chosen for make in FAMILIES[name]]
    others = rng.choice((1, 2, 2, 3))
    threads = [_drawn(rng, rng.randint(1, longest)) for _ in range(others)]
    starts: list[Body] = [[] for _ in range(others + 1)]
    for t in range(others, 0, -1):  # who is joined runs already
        by = rng.randint(0, t - 1) if "nested" in chosen else 0
        starts[by].append(("start", "", t))
    tail = _drawn(rng, rng.randint(0, longest))
    for t, body in enumerate(threads, 1):
        for start in starts[t]:
            _put_in(rng, body, start)
    first = [*starts[0], *tail]
    if "join" in chosen:
        _put_in(rng, first, ("join", "", rng.randint(1, others)), len(starts[0]))
        if others > 1 and rng.random() < 0.4:
            _put_in(rng, threads[0], ("join", "", 2))
    if "nested" in chosen:  # each of some threads joins what it has started
        for body in (first, *threads):
            for at in range(len(body) - 1, -1, -1):
                if body[at][0] == "start" and rng.random() < 0.6:
                    _put_in(rng, body, ("join", "", body[at][2]), at + 1)
    return Program([first, *threads])


def _put_in(rng: random.Random, body: Body, step: Instruction, least: int = 0) -> None:
    """Put a step in somewhere, not into what may be skipped: its length is counted."""
    at = rng.randint(least, len(body))
    while any(body[i][0] == "unless" and i <= at <= i + body[i][2] for i in range(len(body))):
        at -= 1
    body.insert(max(at, least), step)


@dataclass
class Prediction:
    """What came of the comparison."""

    programs: int = 0
    skipped: int = 0
    reachable: int = 0
    possible: int = 0
    class_only: int = 0
    otherwise: int = 0
    """Something else was reported with certainty: a lock held at the end, released unheld."""
    missed: int = 0
    spent: int = 0
    """Nothing reported; in the deadlocks a thread waits for what others have used up."""
    unseen: int = 0
    """Nothing reported; what the runs did cannot deadlock in any order: a try went another way."""
    false: int = 0
    examples: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.programs} programs ({self.skipped} too long or always stuck), {self.reachable} "
            f"can deadlock: {self.possible} possible, {self.class_only} class-only, "
            f"{self.otherwise} something else certain, {self.missed} missed, "
            f"{self.spent} where something is used up, {self.unseen} not shown by the runs; "
            f"{self.false} false"
        )


def predict(family: str, count: int, seed: int, *, runs: int = 4, states: int = 3000) -> Prediction:
    """Compare `count` programs."""
    done = Prediction()
    number = 0
    while done.programs < count:
        rng = random.Random(seed * 1_000_003 + number)
        number += 1
        program = random_program(rng, family)
        try:
            stuck = bool(stuck_states(program, states))
            seen = severities(program, runs)
        except OracleLimitError:
            done.skipped += 1
            continue
        if seen is None:
            done.skipped += 1
            continue
        said, traces = seen
        done.programs += 1
        done.reachable += stuck
        word = _word(said, stuck, traces, states)
        if word:
            setattr(done, word, getattr(done, word) + 1)
        if word in ("false", "missed"):
            done.examples.append(
                f"{word}: {family} seed {seed} program {number - 1}\n{program.text()}"
            )
    return done


def _word(severities: set[str], stuck: bool, traces: list[Program], states: int) -> str:
    if severities - {CLASS_ONLY, OTHERWISE}:
        return "possible" if stuck else "false"
    if not stuck:
        return ""
    if severities:
        return "class_only" if CLASS_ONLY in severities else "otherwise"
    shown = [(trace, at) for trace in traces for at in stuck_states(trace, states)]
    if not shown:
        return "unseen"
    return "missed" if any(_is_cycle(trace, at) for trace, at in shown) else "spent"


ENDS = {"acquire": "release", "racquire": "rrelease", "take": "give", "await": "set", "get": "put",
        "put": "get", "meet": "meet", "cwait": "notify", "queued": "write_release",
        "read": "write_release", "write": "_release"}  # fmt: skip
"""What ends a wait."""


def _is_cycle(trace: Program, at: tuple[int, ...]) -> bool:
    """Do some of the stuck threads wait for what others of them would still do?"""
    left = {t: trace.threads[t][pc:] for t, pc in enumerate(at) if 0 <= pc < len(trace.threads[t])}
    follows = {}
    for t, (step, *_) in left.items():
        what, name, arg = step
        if what == "join":
            follows[t] = {arg} & left.keys()
            continue
        follows[t] = {
            other
            for other, code in left.items()
            if (_holds(code, what, name) if other == t else _may_end(code, what, name))
        }
    reach = follows
    for _ in left:
        reach = {t: to.union(*(follows[u] for u in to)) for t, to in reach.items()}
    return any(t in to for t, to in reach.items()) and not _is_spent(trace, at, left)


def _is_spent(trace: Program, at: tuple[int, ...], left: dict[int, Body]) -> bool:
    """Does a thread wait for an item, a unit, a notify, a party that was there for another one?

    Or for a lock, after somebody released it who had not taken it: that came too early.
    """
    gone = {
        t: code[: max(0, pc)] for t, (pc, code) in enumerate(zip(at, trace.threads, strict=True))
    }
    for t, (step, *_) in left.items():
        what, name, _arg = step
        if what == "acquire" and any(_releases(code, name) > 0 for code in gone.values()):
            return True
        if what in ("get", "cwait", "meet", "put") or (what, name) == ("take", "s0"):
            made = ENDS[what] if what != "put" else "put"
            others = sum(s[0].endswith(made) and s[1] == name
                         for u, code in gone.items() if u != t or what in ("get", "take")
                         for s in code)  # fmt: skip
            if others and others >= sum(s[0].endswith(what) and s[1] == name for s in gone[t]):
                return True
    return False


def _releases(code: Body, name: str) -> int:
    """How often a lock was released by who had not taken it."""
    taken = sum(step[0].endswith("acquire") and step[1] == name for step in code)
    return sum(step[:2] == ("release", name) for step in code) - taken


def _may_end(code: Body, what: str, name: str) -> bool:
    """Would a thread with this before it end such a wait of another one?"""
    return any(step[0].endswith(ENDS[what]) and step[1] == name for step in code[1:] or code)


def _holds(code: Body, what: str, name: str) -> bool:
    """Does the thread hold what it waits for?  It gives back more than it takes."""
    if what not in ("acquire", "take") or name == "s0":
        return False
    steps = [step[0] for step in code if step[1] == name and step[2] >= 0]
    taken = sum(step == what for step in steps)
    tried = sum(step[0].startswith(ASSUMED) and step[1] == name and step[2] for step in code)
    return sum(step == ENDS[what] for step in steps) > taken + tried


def severities(program: Program, runs: int) -> tuple[set[str], list[Program]] | None:
    """What the runs that ended reported, and what each did; None when none ended."""
    found: set[str] = set()
    traces: list[Program] = []
    limits = Limits(schedules=runs, shrink=False)
    strategy = RandomWalk(1)
    with Session(FamilySubject(program), limits=limits) as session:
        for run in range(runs):
            if session.run_one(strategy, run) != END:
                continue
            world = session.world
            assert isinstance(world, FamilyWorld)
            traces.append(Program(world.done))
            found |= {r.severity for r in world.chk.reports if r.kind in KINDS}
            found |= {OTHERWISE for r in world.chk.reports if r.kind not in KINDS}
    return (found, traces) if traces else None


def main() -> int:
    """Compare as many as asked; status 1 when something false was said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", default="all", choices=("all", *MIXED, *FAMILIES))
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=1, help="how many programs that differ to show")
    options = parser.parse_args()
    families = [*FAMILIES, *MIXED] if options.family == "all" else [options.family]
    status = 0
    for family in families:
        began = time.monotonic()
        done = predict(family, options.count, options.seed)
        print(f"{family}: {done}; {time.monotonic() - began:.0f} s; seed {options.seed}")
        print("\n".join(done.examples[: options.show]))
        status = status or int(done.false > 0)
    return status


if __name__ == "__main__":
    sys.exit(main())
