"""Random programs of each primitive: what a good run predicts agrees with an exhaustive oracle.

Longer: `python -m tests.lockcheck.explore.predictions --count 5000`.
"""

from __future__ import annotations

import pytest

from tests.lockcheck.explore.predictions import FAMILIES, predict

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
