"""Random programs of each primitive: DPOR reaches what an exhaustive oracle reaches."""

from __future__ import annotations

import pytest

from tests.lockcheck.explore.families import FAMILIES, compare, explored
from tests.lockcheck.explore.oracle import Instruction, Program, final_states

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


def test_a_wait_for_a_count_goes_between_changes_that_commute() -> None:
    """The thread that waited from the start gets its count, though each single change is too much.

    One thread adds, one takes away, in either order; only between them, taken away first, is the
    count what is waited for.
    """
    changes: list[list[Instruction]] = [[("more", "k", 1)], [("less", "k", 1)]]
    first: list[Instruction] = [("start", "", 1), ("start", "", 2), ("none", "k", 1)]
    program = Program([first, *changes])

    _session, found, result = explored(program, "dpor", 100)

    assert len(found) == 2
    assert found == final_states(program, 1000)
    assert result.exhausted


def test_what_is_left_out_of_a_comparison_is_said() -> None:
    """Programs that are too big, have too many schedules, or are not reached in time are counted.

    None of them is among those that were compared.
    """
    done = compare("rwlock", 3, 7, states=40, orders=5)
    late = compare("rwlock", 3, 7, until=0.0)

    assert done.programs == 3
    assert done.too_big > 0
    assert done.unfinished > 0
    assert f"{done.too_big} too big for the oracle, {done.unfinished} with too many" in str(done)
    assert late.late
    assert "STOPPED BEFORE THE COUNT" in str(late)
