"""Shrinking keeps the failure, and leaves nothing that its own passes could take away."""

from __future__ import annotations

import random

from lockcheck.explore.schedule import Segment, segments_of
from lockcheck.explore.shrink import Attempt, shrink


class Pretend:
    """A program that fails when thread 1 goes at least `enough` times before thread 0 is done."""

    def __init__(self, enough: int = 3, other: bool = False) -> None:
        self.enough = enough
        self.other = other
        self.tries = 0

    def __call__(self, segments: list[Segment]) -> Attempt:
        self.tries += 1
        left = {0: 10, 2: 10, 4: 10}
        ran: list[int] = []
        for choice, count in segments:
            for _ in range(min(count, left.get(choice, 0))):
                left[choice] -= 1
                ran.append(choice)
        early = 0
        zero_left = 10
        for choice in ran:
            zero_left -= choice == 0
            early += choice == 2 and zero_left > 0
        found = {"bug"} if early >= self.enough else set()
        if self.other and not ran:
            found.add("another")
        switches = len(segments_of(ran)) - 1
        return Attempt(frozenset(found), tuple(ran), max(0, switches))


def test_a_long_failure_becomes_one_segment(seed: int) -> None:
    """Thirty shuffled steps shrink to the three that matter."""
    rng = random.Random(seed)
    for _ in range(20):
        record = [0] * 10 + [2] * 10 + [4] * 10
        rng.shuffle(record)
        program = Pretend()
        if "bug" not in program(segments_of(record)).failures:
            continue

        shrunk = shrink(tuple(record), "bug", program)

        assert len(segments_of(shrunk.record)) == 1
        assert shrunk.record[0] == 2


def test_shrinking_again_finds_nothing() -> None:
    """A pass that found nothing finds nothing when it is repeated."""
    program = Pretend()
    first = shrink(tuple([0, 2] * 10), "bug", program)
    second = shrink(first.record, "bug", program)

    assert second.record == first.record


def test_the_budget_is_kept() -> None:
    """However much could be gained."""
    program = Pretend()
    shrunk = shrink(tuple([0, 2, 4] * 10), "bug", program, budget=7)

    assert program.tries == shrunk.tries <= 7


def test_other_failures_on_the_way_are_kept() -> None:
    """A slip to a second bug is reported, not followed."""
    shrunk = shrink(tuple([0, 4, 2] * 10), "bug", Pretend(other=True))

    assert "another" in shrunk.slipped


def test_what_does_not_fail_again_is_left_alone() -> None:
    """No schedule is better than a wrong one."""
    shrunk = shrink((0, 0, 0), "bug", Pretend())

    assert (shrunk.record, shrunk.tries) == ((0, 0, 0), 1)
