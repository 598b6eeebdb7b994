"""Random programs of each primitive: what a good run predicts agrees with an exhaustive oracle.

Longer: `python -m tests.lockcheck.explore.predictions --count 5000`.
"""

from __future__ import annotations

import pytest

from lockcheck.core.report import CLASS_ONLY
from tests.lockcheck.explore.oracle import Program, stuck_states
from tests.lockcheck.explore.predictions import FAMILIES, OTHERWISE, predict, severities

COUNT = 20
BY_ORDERS_ALONE = (
    "lock", "try", "rlock", "rwlock", "queued", "event", "events", "join", "nested",
)  # fmt: skip
"""Families in which every deadlock is one of orders: nothing is used up."""


@pytest.mark.parametrize("family", [*FAMILIES, "mixture"])
def test_possible_is_said_only_where_a_deadlock_can_be_reached(family: str, seed: int) -> None:
    """No false `possible` for any primitive; nothing missed where orders alone decide."""
    done = predict(family, COUNT, seed, runs=3, states=800)
    print(done)

    assert not done.false, done.examples
    assert done.programs == COUNT
    if family in BY_ORDERS_ALONE:
        assert not done.missed, done.examples


def around(name: str, *inner: tuple[str, str, int]) -> list[tuple[str, str, int]]:
    """What a thread does with a lock."""
    return [("acquire", name, 0), *inner, ("release", name, 0)]


NEVER_STUCK = {
    "what it joins frees the lock before it takes it": Program([
        [("start", "", 1)],
        [("acquire", "a", 1), ("start", "", 2), *around("b"), ("join", "", 2)],
        [("start", "", 3), ("join", "", 3)],
        [*around("b", ("release", "a", 1)), *around("a")],
    ]),
    "who stands between takes room only afterwards": Program([
        [("start", "", 1), ("start", "", 2), *around("a", *around("cl")), ("put", "q", 1)],
        [*around("a"), ("get", "q", 1)],
        around("cl", ("put", "q", 1)),
    ]),
    "who took its lock and came to the barrier is joined": Program([
        [("start", "", 1), ("start", "", 2), ("join", "", 1), ("meet", "bar", 1)],
        [*around("b"), ("meet", "bar", 1)],
        [("meet", "bar", 1), *around("b", ("meet", "bar", 1))],
    ]),
}  # fmt: skip
"""Small programs in which a deadlock was once called possible."""


@pytest.mark.parametrize("name", NEVER_STUCK)
def test_what_no_schedule_reaches_is_not_called_possible(name: str) -> None:
    """The oracle reaches no deadlock, and no run of the program predicts one."""
    program = NEVER_STUCK[name]
    seen = severities(program, 12)

    assert not stuck_states(program, 3000)
    assert seen is not None
    assert seen[0] <= {CLASS_ONLY, OTHERWISE}
