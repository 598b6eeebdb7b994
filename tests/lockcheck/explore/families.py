"""Random programs, a family a primitive and mixtures, explored and compared with the oracle.

    python -m tests.lockcheck.explore.families --family rwlock --count 5000 --seed 1

For each program DPOR, exhausted, must reach exactly the final states (deadlocks are some of them)
that the oracle reaches, whether its tree is divided into many parts or into none; the sampling
strategies must reach none besides, and claim nothing.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from unittest.mock import patch

from lockcheck.conduct.rounds import Rounds
from lockcheck.explore import search
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy
from tests.lockcheck.explore.family_world import FamilySubject
from tests.lockcheck.explore.oracle import (
    Instruction,
    OracleLimitError,
    Program,
    final_states,
)

ROUNDS = (1, 2, 5, search.ROUND, 10_000)
"""Schedules after which a search is divided again, drawn for each program."""

__all__ = ["FAMILIES", "Agreement", "compare", "random_program"]

Make = Callable[[random.Random], list[Instruction]]


def _with(
    take: tuple[str, ...], give: str, names: str | tuple[str, ...], tried: tuple[str, ...] = ()
) -> Make:
    """Hold something around a body; where it was only tried, the body depends on it."""

    def make(rng: random.Random) -> list[Instruction]:
        what, name = rng.choice((*take, *tried)), rng.choice(names)
        inner = _body(rng, rng.randint(0, 2), depth=1)
        held: list[Instruction] = [*inner, (give, name, 0)]
        if what in tried:
            return [(what, name, 0), ("unless", "", len(held)), *held]
        return [(what, name, 0), *held]

    return make


def _one(
    whats: tuple[str, ...], names: str | tuple[str, ...], args: tuple[int, ...] = (0,)
) -> Make:
    def make(rng: random.Random) -> list[Instruction]:
        return [(rng.choice(whats), rng.choice(names), rng.choice(args))]

    return make


def _in_condition(rng: random.Random) -> list[Instruction]:
    what = rng.choice(("cwait", "timed_cwait", "notify", "notify", "notify"))
    arg = rng.choice((1, 1, 9)) if what == "notify" else 0
    before = _one(("see",), "x")(rng) if rng.random() < 0.3 else []
    return [("acquire", "cl", 0), *before, (what, "c", arg), ("release", "cl", 0)]


def _round(*, opens: bool) -> Make:
    """Wait with a timer that repeats the wait, and what is done meanwhile."""

    def make(rng: random.Random, depth: int = 0) -> list[Instruction]:
        body: list[Instruction] = []
        for _ in range(rng.randint(0, 2)):
            body += _meanwhile(rng, opens=opens, depth=depth)
        what = rng.choice(("p", "p", "p2", "n", "n2"))
        return [("poll", what, len(body)), *body, ("again", "", len(body))]

    return make


def _meanwhile(rng: random.Random, *, opens: bool, depth: int) -> list[Instruction]:
    """A statement whose thread is the same afterwards."""
    lock = rng.choice("ab")
    simple: list[list[Instruction]] = [
        [("glance", rng.choice("xy"), 0)],
        [("assign", rng.choice("xy"), 1)],
        [("inc", name := rng.choice(("n", "n2")), 0), ("dec", name, 0)],
    ]
    if opens:
        simple += [[("open", rng.choice(("p", "p2")), 0)]] * 2
    if depth >= 2 or rng.random() < 0.4:
        return rng.choice(simple)
    if rng.random() < 0.1:
        return _round(opens=opens)(rng, depth + 1)  # type: ignore[call-arg]  # it has a depth
    inner = _meanwhile(rng, opens=opens, depth=depth + 1) if rng.random() < 0.7 else []
    held: list[Instruction] = [*inner, ("release", lock, 0)]
    if rng.random() < 0.4:
        return [("quiet_try", lock, len(held)), *held]
    return [("acquire", lock, 0), *held]


_FIELDS = _one(("see", "assign"), "xy", (1, 2))
_AROUND_ROUNDS: list[Make] = [
    _one(("open", "open", "close"), ("p", "p2")),
    _one(("dec", "dec", "inc"), ("n", "n2")),
    _with(("acquire", "acquire"), "release", "ab", ("try",)),
    _one(("see", "assign"), "xy", (2,)),
]
FAMILIES: dict[str, list[Make]] = {
    "lock": [_with(("acquire", "acquire"), "release", "ab", ("try",)), _one(("locked",), "ab")],
    "signal": [
        _one(("acquire", "release", "release"), "ab"),
        _with(("acquire",), "release", "ab", ("try", "timed")),
    ],
    "timed": [_with(("acquire",), "release", "ab", ("timed",)), _one(("sleep",), " ")],
    "rlock": [
        _with(("racquire", "racquire"), "rrelease", ("r", "r2"), ("rtry", "rtimed")),
        _one(("rrelease",), ("r",)),
    ],
    "rwlock": [
        _with(("read", "queued"), "read_release", ("w", "w2"), ("try_read", "timed_read")),
        _with(("write", "write"), "write_release", ("w", "w2"), ("try_write", "timed_write")),
        _one(("read_release", "write_release", "read", "write"), ("w",)),
    ],
    "semaphore": [
        _with(("take",), "give", ("s", "s2"), ("try_take", "timed_take")),
        _one(("take", "give", "give", "timed_take", "try_take"), ("s", "s0", "sb")),
    ],
    "condition": [_in_condition],
    "event": [_one(("set", "clear", "is_set", "await", "timed_await"), ("e", "e2"))],
    "barrier": [_one(("meet", "meet", "timed_meet", "abort", "reset"), ("bar",))],
    "queue": [
        _one(
            ("put", "try_put", "timed_put", "get", "get", "try_get", "timed_get", "qsize"),
            ("q", "q", "q0"), (1, 2),
        ),
        _one(("task_done", "qjoin"), ("q", "q0")),
    ],
    "thread": [_one(("join", "timed_join", "alive", "start"), " ", (1, 2)), _FIELDS],
    "sleep": [_one(("sleep",), " "), _one(("timed_await", "set"), ("e",)), _FIELDS],
    "field": [_FIELDS, _with(("acquire",), "release", "a")],
    "rounds": [_round(opens=False), _round(opens=False), *_AROUND_ROUNDS],
    "opening": [_round(opens=True), _round(opens=True), *_AROUND_ROUNDS],
}  # fmt: skip


ROUNDS_MOST = 2
"""How many rounds of one wait may change something: some do so for ever, by opening what is open,
or by a lock that another one's round tries.  Where it cut nothing, every final state is reached."""


def _body(rng: random.Random, size: int, depth: int = 0) -> list[Instruction]:
    makes = _now[0]
    found: list[Instruction] = []
    for _ in range(size):
        if depth and rng.random() < 0.5:
            found += _FIELDS(rng)
        else:
            found += rng.choice(makes)(rng)
    return found


_now: list[list[Make]] = [[]]
"""The statements of the program that is being drawn."""


def random_program(rng: random.Random, family: str) -> Program:
    """Draw a program of two to four threads; "mixture" draws from several families."""
    names = sorted(FAMILIES)
    chosen = rng.sample(names, rng.choice((2, 3))) if family == "mixture" else [family]
    _now[0] = [make for name in chosen for make in FAMILIES[name]]
    if rng.random() < 0.3:
        _now[0] = [*_now[0], _FIELDS]
    others = rng.choice((1, 1, 2, 2, 3))
    size = {1: 4, 2: 2, 3: 1}[others]
    code = [_body(rng, rng.randint(1, size)) for _ in range(others)]
    first: list[Instruction] = []
    nested = others > 1 and rng.random() < 0.3
    for t in range(1, others + 1):
        if nested and t == others:
            branches = code[0] and code[0][0][0] in ("poll", "quiet_try")
            code[0].insert(0 if branches else rng.randint(0, 1), ("start", "", t))
            continue
        first.append(("start", "", t))
    first += _body(rng, rng.randint(0 if others > 1 else 1, size))
    if rng.random() < 0.3:
        first.append((rng.choice(("join", "timed_join")), "", 1))
    threads = [first, *code]
    for body in threads:
        for i, (what, name, arg) in enumerate(body):
            if arg > others and what in ("join", "timed_join", "alive", "start"):
                body[i] = (what, name, 1)
    return Program(_without_own_joins(threads))


def _without_own_joins(threads: list[list[Instruction]]) -> list[list[Instruction]]:
    """To join oneself is an error that says so; it is no question of order."""
    return [
        [("see", "x", 0) if step[0] in ("join", "timed_join") and step[2] == t else step
         for step in body]
        for t, body in enumerate(threads)
    ]  # fmt: skip


@dataclass
class Agreement:
    """What came of the comparison."""

    programs: int = 0
    too_long: int = 0
    finals: int = 0
    deadlocking: int = 0
    cut: int = 0
    """Programs of which a bound left something out: what was reached must be right, no more."""
    schedules: int = 0
    redundant: int = 0
    missed: int = 0
    false: int = 0
    mismatch: str = ""

    def __str__(self) -> str:
        return (
            f"{self.programs} programs ({self.too_long} too long, {self.cut} cut), "
            f"{self.finals} final states, "
            f"{self.deadlocking} programs can deadlock; {self.schedules} schedules, "
            f"{self.redundant} redundant; {self.missed} missed, {self.false} false"
        )


def compare(
    family: str, count: int, seed: int, *, states: int = 1500, orders: int = 2000, samples: int = 0
) -> Agreement:
    """Compare until `count` programs agreed or one did not."""
    done = Agreement()
    number = 0
    while done.programs < count and not done.mismatch:
        rng = random.Random(seed * 1_000_003 + number)
        number += 1
        program = random_program(rng, family)
        try:
            wanted = final_states(program, states)
        except OracleLimitError:
            done.too_long += 1
            continue
        with patch.object(search, "ROUND", rng.choice(ROUNDS)):
            got = _explored(program, "dpor", orders)
        if got is None:
            done.too_long += 1
            continue
        session, found, cut = got
        done.programs += 1
        done.cut += cut
        done.finals += len(wanted)
        done.deadlocking += any(not _ended(each) for each in wanted)
        done.schedules += session.coverage.schedules
        done.redundant += session.coverage.redundant
        done.missed += 0 if cut else len(wanted - found)
        done.false += len(found - wanted)
        if samples:
            for name in ("random", "pct", "pos", "dfs"):
                sampled = _explored(program, name, samples)
                if sampled is not None:
                    done.false += len(sampled[1] - wanted)
        if done.missed or done.false:
            shown = "\n  ".join(sorted(wanted - found)[:3])
            wrong = "\n  ".join(sorted(found - wanted)[:3])
            done.mismatch = (
                f"{family} seed {seed} program {number - 1}\n{program.text()}\n"
                f"missed:\n  {shown}\nfalse:\n  {wrong}"
            )
    return done


def _ended(final: str) -> bool:
    return all(part.strip(" '") == "end" for part in final[1 : final.index("]")].split(","))


def _explored(program: Program, name: str, most: int) -> tuple[Session, set[str], bool] | None:
    """Final states that a search reaches, and whether a bound cut anything.

    None when `most` schedules do not exhaust it.
    """
    limits = Limits(schedules=most, shrink=False, early_timers=None)
    with (
        patch.object(Rounds, "any_number", ROUNDS_MOST),
        Session(FamilySubject(program), limits=limits) as session,
    ):
        result = session.explore(make_strategy(name, 1))
        assert not session.findings or session.findings[0].report.kind != "exception", (
            session.findings
        )
        if name == "dpor" and not (result.exhausted or result.cut):
            return None
        assert name in ("dpor", "dfs") or not result.exhausted
        return session, set(session.coverage.states), result.cut


def main() -> int:
    """Compare as many as asked; status 1 when one does not agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", default="all", choices=("all", "mixture", *FAMILIES))
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=int, default=0)
    options = parser.parse_args()
    families = [*FAMILIES, "mixture"] if options.family == "all" else [options.family]
    status = 0
    for family in families:
        began = time.monotonic()
        done = compare(family, options.count, options.seed, samples=options.samples)
        print(f"{family}: {done}; {time.monotonic() - began:.0f} s; seed {options.seed}")
        if done.mismatch:
            print(done.mismatch)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
