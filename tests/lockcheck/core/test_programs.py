"""No reachable deadlock goes unreported; a `possible` report means one can be reached.

Random programs against an exhaustive search; `LOCKCHECK_PROGRAMS=20000` for the long run.
"""

from __future__ import annotations

import os

from tests.lockcheck.core.programs import compare, deadlock_reachable, generate, show, verdict

COUNT = int(os.environ.get("LOCKCHECK_PROGRAMS", "400"))
SEED = int(os.environ.get("LOCKCHECK_SEED", "20261120"))


def test_no_reachable_deadlock_is_missed_and_possible_is_true() -> None:
    """Every program's verdict is right on both sides."""
    print(f"seed {SEED}, {COUNT} programs")
    reachable = possible = 0
    for seed in range(SEED, SEED + COUNT):
        program = generate(seed)
        outcome = compare(program)

        assert not outcome.missed, f"seed {seed}\n{show(program)}"
        assert not outcome.false_alarm, f"seed {seed}\n{show(program)}"
        reachable += outcome.reachable
        possible += outcome.reachable and outcome.possible

    assert reachable > COUNT // 10
    assert possible >= reachable * 0.9


def test_the_order_of_the_threads_changes_no_verdict() -> None:
    """Whoever runs first, the same programs are reported, and as possible or not alike."""
    for seed in range(SEED, SEED + 60):
        program = generate(seed)
        turned = program._replace(threads=program.threads[::-1])
        kinds = [
            {(r.kind, r.severity) for r in verdict(p).reports if r.kind == "circular"}
            for p in (program, turned)
        ]

        worst = [max((s for _, s in found), key=_rank, default="none") for found in kinds]
        assert worst[0] == worst[1], f"seed {seed}\n{show(program)}"


def test_the_model_knows_the_two_classics() -> None:
    """The truth itself is checked: ABBA gets stuck, ABAB does not."""
    program = generate(1)
    abba = program._replace(
        threads=(
            (("lock", 0), ("lock", 1), ("release", 1), ("release", 0)),
            (("lock", 1), ("lock", 0), ("release", 0), ("release", 1)),
        ),
        classes=(0, 1),
        readers=(False, False),
    )
    abab = abba._replace(threads=(abba.threads[0], abba.threads[0]))

    assert deadlock_reachable(abba)
    assert not deadlock_reachable(abab)


def _rank(severity: str) -> int:
    return ["none", "class-only", "possible", "certain"].index(severity)
