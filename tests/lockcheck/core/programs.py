"""Random lock programs, the engine's verdict on them, and the truth by search.

A program is a straight line of lock operations for each of 2 to 4 threads over up to 5 locks:
mutexes, reader/writer locks (recursive and queued readers), tries whose failure skips only their
release.  The engine sees each thread run alone, one after the other, unordered.  The truth comes
from a memoised search over all interleavings of a model: no threads, no engine.

    python -m tests.lockcheck.core.programs --count 20000 --seed 1
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import NamedTuple

from lockcheck.core.engine import Engine
from lockcheck.core.held import READ, RECURSIVE_READ, WRITE, Hold
from lockcheck.core.report import CLASS_ONLY
from tests.lockcheck.core.stub import StubLock, Threads

Step = tuple[str, int]
"""(verb, lock): lock, try, read (recursive), qread (queued), write, release."""

MODES = {"lock": WRITE, "try": WRITE, "write": WRITE, "read": RECURSIVE_READ, "qread": READ}
ORDER_KINDS = {"circular", "recursive"}


class Program(NamedTuple):
    """Threads' lines, and the class of each lock."""

    threads: tuple[tuple[Step, ...], ...]
    classes: tuple[int, ...]
    readers: tuple[bool, ...]


def generate(seed: int) -> Program:
    """Make a program; the same for the same seed."""
    rnd = random.Random(seed)
    locks = rnd.randint(2, 5)
    readers = tuple(rnd.random() < 0.35 for _ in range(locks))
    if rnd.random() < 0.3:
        classes = tuple(rnd.randrange(locks) for _ in range(locks))
        readers = tuple(readers[c] for c in classes)
    else:
        classes = tuple(range(locks))
    queued = rnd.random() < 0.3
    nested = rnd.random() < 0.6
    lines = tuple(
        _line(rnd, locks, readers, queued=queued, nested=nested) for _ in range(rnd.randint(2, 4))
    )
    return Program(lines, classes, readers)


def _line(
    rnd: random.Random, locks: int, readers: tuple[bool, ...], *, queued: bool, nested: bool
) -> tuple[Step, ...]:
    line: list[Step] = []
    held: list[tuple[int, str]] = []
    for _ in range(rnd.randint(2, 9)):
        if held and rnd.random() < 0.4:
            at = len(held) - 1 if nested or rnd.random() < 0.6 else rnd.randrange(len(held))
            line.append(("release", held.pop(at)[0]))
            continue
        lock = rnd.randrange(locks)
        mine = [verb for name, verb in held if name == lock]
        if readers[lock]:
            verb = rnd.choice(["read", "read", "write"])
            if verb == "read" and queued:
                verb = rnd.choice(["read", "qread"])
            if mine and (verb != "read" or "write" in mine):
                continue
        else:
            verb = "try" if rnd.random() < 0.2 else "lock"
            if mine:
                continue
        line.append((verb, lock))
        held.append((lock, verb))
    while held:
        at = len(held) - 1 if nested or rnd.random() < 0.6 else rnd.randrange(len(held))
        line.append(("release", held.pop(at)[0]))
    return tuple(line)


# -- the truth --------------------------------------------------------------------------------

State = tuple[tuple[int, tuple[tuple[int, str], ...], bool], ...]
"""For each thread: position, what it holds (in order), does it wait in a writer's queue."""


def deadlock_reachable(program: Program, limit: int = 400_000) -> bool:
    """Can any interleaving get stuck?  Exhaustive; raises OverflowError past `limit` states."""
    start: State = tuple((0, (), False) for _ in program.threads)
    seen = {start}
    todo = [start]
    while todo:
        state = todo.pop()
        moves = [after for who in range(len(state)) for after in _moves(program, state, who)]
        finished = all(at == len(program.threads[i]) for i, (at, _, _) in enumerate(state))
        if not moves and not finished:
            return True
        for after in moves:
            if after not in seen:
                seen.add(after)
                todo.append(after)
        if len(seen) > limit:
            raise OverflowError(limit)
    return False


def _moves(program: Program, state: State, who: int) -> list[State]:
    at, held, queued = state[who]
    line = program.threads[who]
    if at == len(line):
        return []
    verb, lock = line[at]
    if verb == "release":
        for n in range(len(held) - 1, -1, -1):
            if held[n][0] == lock:
                return [_with(state, who, (at + 1, held[:n] + held[n + 1 :], False))]
        return [_with(state, who, (at + 1, held, False))]  # its try had failed
    others = [
        mode
        for i, (_, theirs, _) in enumerate(state)
        for name, mode in theirs
        if name == lock and (i != who or verb == "try")
    ]
    taken = _with(state, who, (at + 1, (*held, (lock, verb)), False))
    if verb in ("lock", "try"):
        if not others:
            return [taken]
        return [_with(state, who, (at + 1, held, False))] if verb == "try" else []
    if verb == "write":
        if not others:
            return [taken]
        return [] if queued else [_with(state, who, (at, held, True))]
    if "write" in others:
        return []
    if verb == "qread" and any(
        waits and program.threads[i][pos][1] == lock
        for i, (pos, _, waits) in enumerate(state)
        if i != who
    ):
        return []
    return [taken]


def _with(state: State, who: int, mine: tuple[int, tuple[tuple[int, str], ...], bool]) -> State:
    return (*state[:who], mine, *state[who + 1 :])


# -- the engine's verdict ----------------------------------------------------------------------


def verdict(program: Program) -> Engine:
    """Show the engine each thread running alone."""
    engine = Engine()
    locks = [
        StubLock(
            engine.lock_key(f"C{cls}", f"L{i}", kind="rwlock" if program.readers[i] else "lock")
        )
        for i, cls in enumerate(program.classes)
    ]
    threads = Threads(engine)
    for number, line in enumerate(program.threads):
        ts = threads.new(f"T{number}")
        for verb, lock in line:
            if verb == "release":
                engine.releases.release(ts, locks[lock])
            else:
                engine.acquires.push(ts, Hold(locks[lock], MODES[verb]), trylock=verb == "try")
        engine.thread_end(ts)
    return engine


class Outcome(NamedTuple):
    """How one program came out."""

    reachable: bool
    reported: bool
    possible: bool

    @property
    def missed(self) -> bool:
        return self.reachable and not self.reported

    @property
    def false_alarm(self) -> bool:
        return self.possible and not self.reachable


def compare(program: Program) -> Outcome:
    """The engine's verdict beside the truth."""
    reports = [r for r in verdict(program).reports if r.kind in ORDER_KINDS]
    possible = any(r.severity != CLASS_ONLY for r in reports)
    return Outcome(deadlock_reachable(program), bool(reports), possible)


def show(program: Program) -> str:
    """The program as text."""
    rows = [f"classes {program.classes} readers {program.readers}"]
    for number, line in enumerate(program.threads):
        rows.append(f"T{number}: " + "; ".join(f"{verb} L{lock}" for verb, lock in line))
    return "\n".join(rows)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    print(f"seed {options.seed}, {options.count} programs")
    bad = reachable = possible = weak = 0
    began = time.monotonic()
    for seed in range(options.seed, options.seed + options.count):
        program = generate(seed)
        outcome = compare(program)
        reachable += outcome.reachable
        possible += outcome.possible
        weak += outcome.reachable and not outcome.possible
        if outcome.missed or outcome.false_alarm:
            bad += 1
            print("MISSED" if outcome.missed else "FALSE", "seed", seed)
            print(show(program))
            if bad >= 10:
                break
    print(
        f"{reachable} can deadlock, {possible} reported as possible, {weak} of them only "
        f"class-only, {bad} wrong, {time.monotonic() - began:.0f} s"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
