"""What one stretch of a search brings: plain values, which travel between processes.

A search is cut into tasks (some runs of a sampling strategy, a part of an exhaustive one's tree);
whoever carries one out answers with a `Batch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lockcheck.explore.coverage import Row
from lockcheck.explore.frontier import Part
from lockcheck.explore.result import Identity

__all__ = ["Batch", "Candidate", "Task"]


@dataclass(slots=True)
class Task:
    """Some schedules to run."""

    strategy: str
    runs: Sequence[int]
    """Numbers of runs; of an exhaustive strategy they say how many only."""
    known: frozenset[Identity] = frozenset()
    """Findings that need not be looked into."""
    observed: frozenset[str] = frozenset()
    longest: int = 0
    """Points of the longest schedule so far (PCT draws its change points over it)."""
    part: Part | None = None
    """The part of the tree to go on with."""
    bound: int | None = None
    """Preemptions, where a strategy has such a bound."""
    deadline: float | None = None
    stops: bool = False
    """Stop after a run with a finding that counts, or is wanted."""
    sticky: bool = False
    """The strategy remembers its past: always the same process."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finding as a search meets it: its schedule is not shrunk and not confirmed yet."""

    identity: Identity
    run: int
    """As in its `Row`."""
    strategy: str
    kind: str
    record: tuple[int, ...]
    observed: tuple[str, ...]
    known: bool
    counts: bool
    """It is not known, and severe enough."""
    wanted: bool
    """It is what the search was asked to stop at."""


@dataclass(slots=True)
class Batch:
    """What came of a task."""

    rows: list[Row] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    redundant: int = 0
    learned: frozenset[str] = frozenset()
    """Classes whose releases must be points from now on."""
    cut: bool = False
    """The bound on early timers forbade some."""
    scheduled: bool = False
    """Some schedule had a second thread."""
    drew: bool = False
    """Some schedule drew random numbers."""
    points: bool = False
    diverged: str = ""
    """How a schedule differed when it was repeated."""
    hung: str = ""
    """Where a thread hung."""
    interrupted: bool = False
    late: bool = False
    """The time was over before the task was."""
    part: Part | None = None
    """The task's part as it stands now."""
    bound_cut: bool = False
    """The strategy's own bound forbade some."""
    finished: bool = False
    """An exhaustive strategy has tried all of its part."""
