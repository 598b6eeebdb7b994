"""What locks exclude: a lock that is only taken under another one is covered by it."""

from __future__ import annotations

from contextlib import nullcontext

from lockcheck import Checker
from rtnl_model.lab.masking import LockFacts, covered_by


def test_a_lock_that_is_always_inside_another_is_masked_until_it_is_taken_alone() -> None:
    """It is the same other lock each time, and a single acquisition without it is enough."""
    chk = Checker()
    outer, inner = chk.Lock("rtnl_mutex"), chk.Lock("port")
    facts = LockFacts()

    def take() -> None:
        facts.taken(chk, inner)
        facts.at("place", inner)

    with outer:
        take()
        take()
    assert covered_by("place", [facts.result()]) == (
        "masked",
        "in 1 scripts that come by it whoever takes its lock, here or elsewhere, holds RTNL",
    )

    facts.taken(chk, inner)  # elsewhere, and alone
    assert covered_by("place", [facts.result()]) == ("", "")


def test_two_outer_locks_that_take_turns_cover_nothing() -> None:
    """Under the one they do not exclude those under the other; a reader excludes nobody."""
    chk = Checker()
    one, other, shared = chk.Lock("one"), chk.Lock("other"), chk.RWLock("shared")
    inner = chk.Lock("port")
    facts = LockFacts()
    for each in (one, other):
        with each, shared.reading():
            facts.taken(chk, inner)
            facts.at("place", inner)

    assert covered_by("place", [facts.result()]) == ("", "")


def test_a_place_that_never_takes_a_lock_is_equivalent_and_one_unreached_is_neither() -> None:
    """In all scripts; one that takes it in some has to be covered there."""
    chk = Checker()
    lock = chk.Lock("dev")
    never, once = LockFacts(), LockFacts()
    never.at("place", nullcontext())
    once.taken(chk, lock)
    once.at("place", lock)

    assert covered_by("place", [never.result()])[0] == "equivalent"
    assert covered_by("place", [never.result(), once.result()]) == ("", "")
    assert covered_by("elsewhere", [never.result()]) == ("", "")
