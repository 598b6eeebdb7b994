"""Shrinking: the same failure by a schedule with fewer switches.

Every pass tries changed lists of segments as wishes (`follow.Guide`); a try counts when it ends in
the same failure, and what is kept is the schedule that really ran, without the tail that the
default makes anyway.  Among failing schedules the better one has fewer preemptions, then fewer
segments, then fewer steps, then the smaller text.

Passes are deterministic, and one that found nothing finds nothing when repeated; so the loop ends.
Other failures met on the way are handed back, not lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from lockcheck.explore.result import Identity
from lockcheck.explore.schedule import Segment, encode, segments_of

__all__ = ["Attempt", "Shrunk", "shrink"]

BUDGET: Final = 400
"""Tries after which the best so far is good enough."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a try ended in."""

    failures: frozenset[Identity]
    record: tuple[int, ...]
    """What ran, without the default's tail."""
    preemptions: int


@dataclass(slots=True)
class Shrunk:
    """The best schedule found."""

    record: tuple[int, ...]
    tries: int
    slipped: dict[Identity, tuple[int, ...]] = field(default_factory=dict)
    """Other failures met on the way, with a schedule each."""


def shrink(
    record: tuple[int, ...],
    failure: Identity,
    attempt: Callable[[list[Segment]], Attempt],
    *,
    budget: int = BUDGET,
    stop: Callable[[], bool] = lambda: False,
) -> Shrunk:
    """Return a simpler schedule that ends in `failure`; `attempt` runs one."""
    search = _Search(failure, attempt, budget, stop)
    if not search.try_(segments_of(record)):
        return Shrunk(record, search.tries, search.slipped)
    improved = True
    while improved and not search.over():
        improved = False
        for candidates in _PASSES:
            improved |= search.improve(candidates)
    assert search.best is not None, "the first try succeeded"
    return Shrunk(search.best.record, search.tries, search.slipped)


class _Search:
    """The function under search, with a memory: every candidate is tried once."""

    def __init__(
        self,
        failure: Identity,
        attempt: Callable[[list[Segment]], Attempt],
        budget: int,
        stop: Callable[[], bool],
    ) -> None:
        self._failure = failure
        self._attempt = attempt
        self._budget = budget
        self._stop = stop
        self._seen: set[tuple[Segment, ...]] = set()
        self.tries = 0
        self.best: Attempt | None = None
        self.slipped: dict[Identity, tuple[int, ...]] = {}

    def over(self) -> bool:
        return self.tries >= self._budget or self._stop()

    def try_(self, segments: list[Segment]) -> bool:
        """Run one candidate; True when it is better than the best."""
        token = tuple(segments)
        if token in self._seen or self.over():
            return False
        self._seen.add(token)
        self.tries += 1
        got = self._attempt(segments)
        for other in sorted(got.failures - {self._failure}):
            self.slipped.setdefault(other, got.record)
        if self._failure not in got.failures:
            return False
        if self.best is not None and _cost(got) >= _cost(self.best):
            return False
        self.best = got
        return True

    def improve(self, candidates: Callable[[list[Segment]], Iterator[list[Segment]]]) -> bool:
        """Run one pass, from the start again after each success."""
        found = False
        again = True
        while again and not self.over():
            again = False
            assert self.best is not None
            for candidate in candidates(segments_of(self.best.record)):
                if self.try_(candidate):
                    found = again = True
                    break
        return found


def _cost(attempt: Attempt) -> tuple[int, int, int, str]:
    return (
        attempt.preemptions,
        len(segments_of(attempt.record)),
        len(attempt.record),
        encode(attempt.record),
    )


def _cut(segments: list[Segment]) -> Iterator[list[Segment]]:
    """Prefixes, the shortest first; long lists by halves."""
    ends = range(len(segments))
    if len(segments) > 24:
        ends = sorted({*range(8), *(len(segments) * i // 16 for i in range(16))})  # type: ignore[assignment]  # a list of them
    for end in ends:
        yield segments[:end]


def _drop(segments: list[Segment]) -> Iterator[list[Segment]]:
    """Without one segment, the last first: its thread then runs later."""
    for i in reversed(range(len(segments))):
        yield segments[:i] + segments[i + 1 :]


def _merge(segments: list[Segment]) -> Iterator[list[Segment]]:
    """A later segment of the same thread next to an earlier one, either way."""
    for i, (choice, count) in enumerate(segments):
        if not choice.goes:
            continue
        for j in range(i + 1, min(len(segments), i + 9)):
            if segments[j][0] == choice:
                both = (choice, count + segments[j][1])
                yield [*segments[:i], both, *segments[i + 1 : j], *segments[j + 1 :]]
                yield [*segments[:i], *segments[i + 1 : j], both, *segments[j + 1 :]]
                break


def _lengthen(segments: list[Segment]) -> Iterator[list[Segment]]:
    """One thread on until it blocks: the next switch is then no preemption."""
    for i, (choice, count) in enumerate(segments):
        if choice.goes and count < 100_000:
            yield [*segments[:i], (choice, 1_000_000), *segments[i + 1 :]]


def _swap(segments: list[Segment]) -> Iterator[list[Segment]]:
    """Two neighbours exchanged."""
    if len(segments) > 16:
        return
    for i in range(len(segments) - 1):
        yield [*segments[:i], segments[i + 1], segments[i], *segments[i + 2 :]]


_PASSES: Final = (_cut, _drop, _merge, _lengthen, _swap)
