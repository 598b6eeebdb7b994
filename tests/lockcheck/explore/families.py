"""Random programs, a family a primitive and mixtures, explored and compared with the oracle.

    python -m tests.lockcheck.explore.families --family rwlock --count 5000 --seed 1

For each program DPOR, exhausted, must reach exactly the final states (deadlocks are some of them)
that the oracle reaches, whether its tree is divided into many parts or into none; the sampling
strategies must reach none besides, and claim nothing.

A line a family says what was left out, and why: programs with more states than the oracle walks
(nothing was compared), with more schedules than DPOR may try, or of which a bound cut something (no
final state may be wrong; which ones are missing was not asked), and what a clock left undone.
"""

from __future__ import annotations

import argparse
import platform
import random
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from unittest.mock import patch

from lockcheck.conduct.rounds import Rounds
from lockcheck.explore import search
from lockcheck.explore.result import Limits, Outcome
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

__all__ = ["FAMILIES", "Agreement", "compare", "explored", "random_program"]

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
    "count": [_one(("more", "more", "less", "less", "none", "sum"), "k", (1, 2, 3))],
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
    """Compared in full: the same final states were asked for, one way and the other."""
    too_big: int = 0
    """With more states than the oracle walks: nothing was compared."""
    unfinished: int = 0
    """With more schedules than the search may try: what was reached must be right, no more."""
    cut: int = 0
    """Of which a bound left something out: what was reached must be right, no more."""
    finals: int = 0
    deadlocking: int = 0
    """Programs that can deadlock, by the oracle."""
    found: int = 0
    """Of these, the ones of which the search met a deadlock."""
    schedules: int = 0
    redundant: int = 0
    missed: int = 0
    false: int = 0
    mismatch: str = ""
    late: bool = False
    """A clock or Ctrl-C ended the comparison before `count` programs."""

    def __str__(self) -> str:
        left = [
            f"{self.too_big} too big for the oracle",
            f"{self.unfinished} with too many schedules",
            f"{self.cut} cut by a bound",
        ]
        early = ", STOPPED BEFORE THE COUNT" if self.late else ""
        return (
            f"{self.programs} programs{early} (left out: {', '.join(left)}), "
            f"{self.finals} final states, {self.deadlocking} programs can deadlock, "
            f"{self.found} found; {self.schedules} schedules, {self.redundant} redundant; "
            f"{self.missed} missed, {self.false} false"
        )


def compare(
    family: str,
    count: int,
    seed: int,
    *,
    states: int = 1500,
    orders: int = 2000,
    samples: int = 0,
    until: float | None = None,
) -> Agreement:
    """Compare until `count` programs agreed or one did not; `until`: a time of `time.monotonic`."""
    done = Agreement()
    number = 0
    try:
        while done.programs < count and not done.mismatch and not done.late:
            _compare_one(done, family, seed, number, states, orders, samples)
            number += 1
            done.late = until is not None and time.monotonic() >= until and done.programs < count
    except KeyboardInterrupt:
        done.late = True
    return done


def _compare_one(
    done: Agreement, family: str, seed: int, number: int, states: int, orders: int, samples: int
) -> None:
    """Compare one program, and account for it."""
    rng = random.Random(seed * 1_000_003 + number)
    program = random_program(rng, family)
    try:
        wanted = final_states(program, states)
    except OracleLimitError:
        done.too_big += 1
        return
    with patch.object(search, "ROUND", rng.choice(ROUNDS)):
        session, found, result = explored(program, "dpor", orders)
    missed: set[str] = set()
    if result.cut:
        done.cut += 1
    elif not result.exhausted:
        assert result.coverage.schedules >= orders, result.to_dict()
        done.unfinished += 1
    else:
        missed = wanted - found
        done.programs += 1
        done.finals += len(wanted)
        done.deadlocking += any(not _ended(each) for each in wanted)
        done.found += any(not _ended(each) for each in found & wanted)
    done.schedules += session.coverage.schedules
    done.redundant += session.coverage.redundant
    done.missed += len(missed)
    done.false += len(found - wanted)
    for name in ("random", "pct", "pos", "dfs") if samples else ():
        done.false += len(explored(program, name, samples)[1] - wanted)
    if done.missed or done.false:
        shown = "\n  ".join(sorted(missed)[:3])
        wrong = "\n  ".join(sorted(found - wanted)[:3])
        done.mismatch = (
            f"{family} seed {seed} program {number}\n{program.text()}\n"
            f"missed:\n  {shown}\nfalse:\n  {wrong}"
        )


def _ended(final: str) -> bool:
    return all(part.strip(" '") == "end" for part in final[1 : final.index("]")].split(","))


def explored(program: Program, name: str, most: int) -> tuple[Session, set[str], Outcome]:
    """Final states that a search of at most `most` schedules reaches, and what it says."""
    limits = Limits(schedules=most, shrink=False, early_timers=None)
    with (
        patch.object(Rounds, "any_number", ROUNDS_MOST),
        Session(FamilySubject(program), limits=limits) as session,
    ):
        result = session.explore(make_strategy(name, 1))
        assert not session.findings or session.findings[0].report.kind != "exception", (
            session.findings
        )
        assert name in ("dpor", "dfs") or not result.exhausted
        return session, set(session.coverage.states), result


def main() -> int:
    """Compare as many as asked; status 1 when one does not agree, 3 when a clock came first."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--family", default="all", choices=("all", "mixture", *FAMILIES))
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=int, default=0)
    parser.add_argument("--states", type=int, default=1500, help="that the oracle walks")
    parser.add_argument("--schedules", type=int, default=2000, help="that DPOR may try")
    parser.add_argument("--seconds", type=float, help="a family")
    options = parser.parse_args()
    families = [*FAMILIES, "mixture"] if options.family == "all" else [options.family]
    status = 0
    for family in families:
        began = time.monotonic()
        done = compare(
            family, options.count, options.seed, states=options.states, orders=options.schedules,
            samples=options.samples,
            until=None if options.seconds is None else began + options.seconds,
        )  # fmt: skip
        took = f"{time.monotonic() - began:.0f} s; seed {options.seed}; {_build()}"
        print(f"{family}: {done}; {took}", flush=True)
        if done.mismatch:
            print(done.mismatch, flush=True)
            status = 1
        elif done.late:
            status = status or 3
    return status


def _build() -> str:
    """The interpreter, in a word."""
    return platform.python_version() + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else "")


if __name__ == "__main__":
    sys.exit(main())
