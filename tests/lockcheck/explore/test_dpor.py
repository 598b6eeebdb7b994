"""DPOR tries every order, and hardly any twice."""

from __future__ import annotations

from brute_force import compare
from random_programs import Program, explore

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.explore.dfs import Dfs
from lockcheck.explore.dpor import Dpor
from lockcheck.explore.shard import owner_of


def test_dpor_and_brute_force_agree_on_300_random_programs(
    conductor: ControlledConductor, seed: int
) -> None:
    """Orders and outcomes are the same sets; `brute_force.py` runs thousands.

    Half as many interleavings as schedules: a program has more of these, by its timers, unless it
    blocks.
    """
    done = compare(conductor, 300, seed, 120, interleavings=60)
    print(done)

    assert done.mismatch is None, done.mismatch.text()
    assert done.programs == 300
    assert done.deadlocking > 75
    assert done.orders > 450


def test_independent_threads_need_one_schedule(conductor: ControlledConductor) -> None:
    """Threads that share nothing have one order."""
    program = Program([[("lock", "a", [])], [("lock", "b", [])], [("read", "x")]])

    found, runs = explore(conductor, program, Dpor(), 100)

    assert (len(found), runs) == (1, 1)


def test_crossed_locks_have_three_orders_one_of_them_a_deadlock(
    conductor: ControlledConductor,
) -> None:
    """One before the other, the other way round, and stuck."""
    program = Program([[("lock", "a", [("lock", "b", [])])], [("lock", "b", [("lock", "a", [])])]])

    found, runs = explore(conductor, program, Dpor(), 100)

    assert sorted(verdict for _order, verdict, _outcome in found) == [-2, -1, -1]
    assert runs == 3


def test_commuting_counts_are_no_race(conductor: ControlledConductor) -> None:
    """Three decrements and nobody who looks: one order."""
    program = Program([[("dec", "ref")], [("dec", "ref")], [("inc", "ref")]])

    found, _runs = explore(conductor, program, Dpor(), 100)

    assert len(found) == 1


def test_a_wait_for_a_count_sees_each_order(conductor: ControlledConductor) -> None:
    """The wait may go between the decrement that makes it true and the one that unmakes it."""
    program = Program([[("refs", "ref"), ("read", "x")], [("dec", "ref"), ("dec", "ref")]])

    by_dpor, _ = explore(conductor, program, Dpor(), 100)
    by_force, _ = explore(conductor, program, Dfs(), 1000)

    assert by_dpor == by_force
    assert {verdict for _order, verdict, _outcome in by_dpor} == {-1, -2}


def test_shards_together_try_what_one_search_tries(conductor: ControlledConductor) -> None:
    """The union over four shards is the whole, for DPOR and for brute force."""
    program = Program(
        [
            [("lock", "a", [("write", "x", 1)])],
            [("write", "y", 2), ("lock", "a", [("read", "x")])],
        ]
    )
    whole, _ = explore(conductor, program, Dfs(), 5000)
    for make in (Dfs, Dpor):
        union = set()
        for index in range(4):
            found, _ = explore(conductor, program, make(owns=owner_of((index, 4))), 5000)
            union |= found

        assert union == whole, make.name
