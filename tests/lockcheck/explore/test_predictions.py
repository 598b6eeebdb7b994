"""Random programs of each primitive: what a good run predicts agrees with an exhaustive oracle.

Longer: `python -m tests.lockcheck.explore.predictions --count 5000`.
"""

from __future__ import annotations

import pytest

from tests.lockcheck.explore.predictions import FAMILIES, predict

COUNT = 30
BY_LOCKS_ALONE = ("lock", "rlock", "rwlock", "join")
"""Families in which every deadlock is one of orders: nothing is counted, and no try decides."""


@pytest.mark.parametrize("family", [*(f for f in FAMILIES if f != "barrier"), "mixture"])
def test_possible_is_said_only_where_a_deadlock_can_be_reached(family: str, seed: int) -> None:
    """No false `possible` for any primitive; nothing missed where orders alone decide."""
    done = predict(family, COUNT, seed, runs=3, states=1500)
    print(done)

    assert not done.false, done.example
    assert done.programs == COUNT
    if family in BY_LOCKS_ALONE:
        assert not done.missed, done.example
