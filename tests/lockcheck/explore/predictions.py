"""Random programs of each primitive: what a run that went well predicts, against the oracle.

    python -m tests.lockcheck.explore.predictions --family semaphore --count 2000 --seed 1

Each program runs under a few random schedules.  Of those that ended, the reports about locks and
waits are taken: `possible` may be said only where the oracle reaches a deadlock (else it is false),
and where it reaches one, something should have been reported (else it is missed).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lockcheck.conduct.verdict import END
from lockcheck.core.report import CLASS_ONLY
from lockcheck.explore.random_walk import RandomWalk
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session
from tests.lockcheck.explore.family_world import FamilySubject, FamilyWorld
from tests.lockcheck.explore.oracle import (
    Instruction,
    OracleLimitError,
    Program,
    final_states,
)

__all__ = ["FAMILIES", "MESSAGES", "Prediction", "predict"]

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


_LOCKS = _around(("acquire", "a b cl"))
FAMILIES: dict[str, list[Make]] = {
    "lock": [_LOCKS],
    "try": [_around(("acquire", "a b"), ("acquire", "a b"), ("try", "a b"), ("timed", "a b"))],
    "rlock": [_around(("racquire", "r r2"), ("acquire", "a"))],
    "rwlock": [_around(("read", "w w2"), ("write", "w w2"), ("acquire", "a"))],
    "semaphore": [_around(("take", "s s2"), ("acquire", "a")), _around(("try_take", "s s2"))],
    "event": [_LOCKS, _step(("await", "e"), ("set", "e"), ("set", "e"))],
    "queue": [_LOCKS, _step(("put", "q0"), ("put", "q0"), ("get", "q0"))],
    "join": [_LOCKS],
    "barrier": [_LOCKS, _step(("meet", "bar"))],
}  # fmt: skip

_now: list[list[Make]] = [[]]
"""The statements of the program that is being drawn."""


MESSAGES = ("queue", "barrier")
"""That a message or a barrier orders what lies before and after it is not used for lock orders, so
`possible` may be said there of two orders that it keeps apart: only wait cycles are compared."""


def _drawn(rng: random.Random, size: int, depth: int = 0) -> Body:
    return [step for _ in range(size) for step in rng.choice(_now[0])(rng, depth)]


def random_program(rng: random.Random, family: str) -> Program:
    """Draw a program of two to four threads; "mixture" draws from several families."""
    names = [name for name in FAMILIES if name not in MESSAGES]
    chosen = rng.sample(names, 2) if family == "mixture" else [family]
    _now[0] = [make for name in chosen for make in FAMILIES[name]]
    others = rng.choice((1, 2, 2, 3))
    threads = [_drawn(rng, rng.randint(1, 2)) for _ in range(others)]
    first: Body = [("start", "", t) for t in range(others, 0, -1)]  # who is joined runs already
    tail = _drawn(rng, rng.randint(0, 2))
    if "join" in chosen:
        at = rng.randint(0, len(tail))
        while any(tail[i][0] == "unless" and i < at <= i + tail[i][2] for i in range(len(tail))):
            at -= 1  # not into a body that may be skipped: its length is counted
        tail.insert(at, ("join", "", rng.randint(1, others)))
        if others > 1 and rng.random() < 0.4:
            threads[0].insert(rng.randint(0, len(threads[0])), ("join", "", 2))
            if any(step[0] == "unless" for step in threads[0]):
                threads[0] = [step for step in threads[0] if step[0] == "join"]
    return Program([[*first, *tail], *threads])


@dataclass
class Prediction:
    """What came of the comparison."""

    programs: int = 0
    skipped: int = 0
    reachable: int = 0
    possible: int = 0
    class_only: int = 0
    missed: int = 0
    false: int = 0
    example: str = ""

    def __str__(self) -> str:
        return (
            f"{self.programs} programs ({self.skipped} too long or always stuck), {self.reachable} "
            f"can deadlock: {self.possible} possible, {self.class_only} class-only, "
            f"{self.missed} missed; {self.false} false"
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
            stuck = any(not _ended(final) for final in final_states(program, states))
        except OracleLimitError:
            done.skipped += 1
            continue
        kinds = KINDS[-1:] if family in MESSAGES else KINDS
        severities = _severities(program, runs, kinds)
        if severities is None:
            done.skipped += 1
            continue
        done.programs += 1
        possible = bool(severities - {CLASS_ONLY})
        wrong = possible and not stuck
        missed = stuck and not severities
        done.reachable += stuck
        done.possible += stuck and possible
        done.class_only += stuck and severities == {CLASS_ONLY}
        done.missed += missed
        done.false += wrong
        if wrong or (missed and not done.example):
            word = "false" if wrong else "missed"
            done.example = f"{word}: {family} seed {seed} program {number - 1}\n{program.text()}"
    return done


def _ended(final: str) -> bool:
    return all(part.strip(" '") == "end" for part in final[1 : final.index("]")].split(","))


def _severities(program: Program, runs: int, kinds: Sequence[str]) -> set[str] | None:
    """What the runs that ended reported; None when none ended."""
    found: set[str] = set()
    ended = False
    limits = Limits(schedules=runs, shrink=False)
    strategy = RandomWalk(1)
    with Session(FamilySubject(program), limits=limits) as session:
        for run in range(runs):
            if session.run_one(strategy, run) != END:
                continue
            ended = True
            world = session.world
            assert isinstance(world, FamilyWorld)
            found |= {r.severity for r in world.chk.reports if r.kind in kinds}
    return found if ended else None


def main() -> int:
    """Compare as many as asked; status 1 when something false was said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", default="all", choices=("all", "mixture", *FAMILIES))
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    families = [*FAMILIES, "mixture"] if options.family == "all" else [options.family]
    status = 0
    for family in families:
        began = time.monotonic()
        done = predict(family, options.count, options.seed)
        print(f"{family}: {done}; {time.monotonic() - began:.0f} s; seed {options.seed}")
        if done.example:
            print(done.example)
        status = status or int(done.false > 0 and family != "barrier")
    return status


if __name__ == "__main__":
    sys.exit(main())
