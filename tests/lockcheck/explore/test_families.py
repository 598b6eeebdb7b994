"""Random programs of each primitive: DPOR reaches what an exhaustive oracle reaches."""

from __future__ import annotations

import pytest

from tests.lockcheck.explore.families import FAMILIES, compare

COUNT = 25


@pytest.mark.apart  # a process of its own: without a GIL every collection walks the whole heap
@pytest.mark.parametrize("family", [*FAMILIES, "mixture"])
def test_dpor_reaches_exactly_the_final_states_that_the_oracle_reaches(
    family: str, seed: int
) -> None:
    """No final state and no deadlock is missed, and none is made up, by any strategy."""
    done = compare(family, COUNT, seed, states=400, orders=120, samples=6)
    print(done)

    assert not done.mismatch, done.mismatch
    assert done.programs == COUNT
    assert done.finals > COUNT
