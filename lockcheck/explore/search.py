"""A search: which schedules are run, by how many processes, and what came of them all.

What is tried depends on the program, the strategy, the seed and the limits, never on the number of
processes:

* Sampling strategies run numbered schedules, each drawn from the seed and its number.  What earlier
  ones teach (which releases must be points, how long a schedule is) counts from the next *block* of
  runs on; blocks end at powers of two.
* Exhaustive ones divide their tree (`frontier`), part by part, in rounds.
* In a portfolio the exhaustive member keeps to one process, and its runs to their turns.

Of several schedules that show one finding the first by number is taken, shrunk and confirmed.

One file: a search is one loop over rounds; what runs it (`Here`, `crew`) only says where.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from lockcheck.explore.batch import Batch, Candidate, Task
from lockcheck.explore.coverage import Coverage
from lockcheck.explore.dfs import Dfs
from lockcheck.explore.frontier import ROUND, Divisible, Frontier, Part
from lockcheck.explore.portfolio import Portfolio
from lockcheck.explore.result import Finding, Identity, Limits, Outcome, timers
from lockcheck.explore.strategy import Strategy

if TYPE_CHECKING:
    from lockcheck.explore.subject import Subject

__all__ = ["NOTHING_SCHEDULED", "Crew", "Here", "Search"]

BLOCK: Final = 512
"""Runs in a block, at most."""
CHUNK: Final = 16
"""Runs in a task, at most."""
NOTHING_SCHEDULED: Final = (
    "nothing was scheduled: no thread was started that lockcheck controls, so no order was tried"
)


class Crew(Protocol):
    """Who carries tasks out."""

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Batch]]:
        """Carry tasks out, in any order; each answer with the number of its task."""
        ...

    def pursue(self, candidates: Sequence[Candidate], *, shrinks: bool) -> list[Finding]:
        """Shrink and confirm; nothing else will be asked afterwards."""
        ...

    def describe(self) -> dict[str, object]:
        """What the subject is, for tokens and results."""
        ...


class Runner(Protocol):
    """A process's session, which runs schedules and looks into what they show."""

    @property
    def subject(self) -> Subject: ...
    @property
    def limits(self) -> Limits: ...
    def work(self, task: Task, strategy: Strategy) -> Batch: ...
    def pursue(self, candidate: Candidate, *, shrinks: bool) -> Finding: ...
    def confirm(self, findings: list[Finding]) -> None: ...


class Here:
    """This process alone."""

    def __init__(self, session: Runner, strategy: Strategy) -> None:
        self._session = session
        members = strategy.members if isinstance(strategy, Portfolio) else [strategy]
        self._strategies = {member.name: member for member in members}

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Batch]]:
        """One after the other."""
        for number, task in enumerate(tasks):
            yield number, self._session.work(task, prepared(self._strategies[task.strategy], task))

    def pursue(self, candidates: Sequence[Candidate], *, shrinks: bool) -> list[Finding]:
        """One after the other."""
        found = [self._session.pursue(each, shrinks=shrinks) for each in candidates]
        if shrinks and self._session.limits.shrink:
            self._session.confirm(found)
        return found

    def describe(self) -> dict[str, object]:
        """What the subject says."""
        return self._session.subject.describe()


def prepared(strategy: Strategy, task: Task) -> Strategy:
    """Set the bound that the task is for."""
    if isinstance(strategy, Dfs):
        strategy.bound = task.bound
    return strategy


class Search:
    """One search, from its first schedule to its outcome."""

    def __init__(
        self,
        crew: Crew,
        strategy: Strategy,
        limits: Limits,
        shard: tuple[int, int] = (0, 1),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._crew = crew
        self._strategy = strategy
        self._limits = limits
        self._shard = shard
        self._clock = clock
        self._began = clock()
        self.coverage = Coverage()
        self.candidates: dict[Identity, Candidate] = {}
        self._all = Batch()
        """What batches had in common, joined."""
        self._over = False
        self._exhausted = False
        self._bounded = ""
        self._observed: frozenset[str] = frozenset()
        self._longest = 0
        self._pending = 0
        self.on_progress: Callable[[Search], None] | None = None
        """Called when something was done."""

    @property
    def tried(self) -> int:
        """Schedules so far, those included that are not merged yet."""
        return self.coverage.schedules + self._pending

    def run(self) -> Outcome:
        """Search, then shrink and confirm what was met."""
        if isinstance(self._strategy, Portfolio):
            self._sample(self._strategy.members)
        elif isinstance(self._strategy, Divisible):
            self._divide(self._strategy)
        else:
            self._sample([self._strategy])
        met = sorted(self.candidates.values(), key=lambda each: each.run)
        seconds = self._clock() - self._began
        found = self._crew.pursue(met, shrinks=not self._all.interrupted)
        return self._concluded(found, seconds)

    # -- limits --------------------------------------------------------------------------------

    def _left(self) -> int | None:
        """How many schedules are left to run; None: any number."""
        limit = self._limits.schedules
        if limit is None:
            return None
        share = len(range(self._shard[0], limit, self._shard[1]))
        return max(0, share - self.coverage.schedules)

    def _task(self, task: Task) -> Task:
        """Fill in what all tasks share."""
        limits = self._limits
        task.known = frozenset(self.candidates)
        if limits.seconds is not None:
            task.deadline = self._began + limits.seconds
        task.stops = limits.findings is not None or limits.until is not None
        return task

    def _last_wanted(self, candidates: Sequence[Candidate]) -> int | None:
        """The run after which the search has what it was to find; None: it goes on."""
        limits = self._limits
        counted = sum(1 for each in self.candidates.values() if each.counts)
        for each in sorted(candidates, key=lambda each: each.run):
            counted += each.counts
            if each.wanted or (limits.findings is not None and counted >= limits.findings):
                return each.run
        return None

    def _join(self, batch: Batch) -> None:
        """Keep what does not depend on the order of batches."""
        every = self._all
        every.redundant += batch.redundant
        self.coverage.redundant += batch.redundant
        every.cut |= batch.cut
        every.scheduled |= batch.scheduled
        every.drew |= batch.drew
        every.points |= batch.points
        every.diverged = every.diverged or batch.diverged
        every.hung = every.hung or batch.hung
        every.interrupted |= batch.interrupted
        every.late |= batch.late
        self._over |= bool(batch.hung or batch.interrupted or batch.late)

    def _keep(self, batch: Batch) -> None:
        for row in batch.rows:
            self.coverage.add(row)
            self._longest = max(self._longest, row.points)
        for each in batch.candidates:
            first = self.candidates.get(each.identity)
            if first is None or each.run < first.run:
                self.candidates[each.identity] = each

    def _carried_out(self, tasks: Sequence[Task]) -> dict[int, Batch]:
        """Have tasks carried out; some are missing after an interrupt."""
        batches: dict[int, Batch] = {}
        for number, batch in self._crew.run(tasks):
            batches[number] = batch
            self._pending += len(batch.rows)
            if self.on_progress is not None:
                self.on_progress(self)
        self._pending = 0
        return batches

    # -- sampling ------------------------------------------------------------------------------

    def _sample(self, members: Sequence[Strategy]) -> None:
        """Run k is of member k mod m; the exhaustive one, if any, ends the search."""
        begin = 0
        while not self._over:
            end = begin + min(max(1, begin), BLOCK)
            left = self._left()
            if left is not None:
                end = min(end, begin + left)
            if end == begin:
                return
            self._block(members, range(begin, end))
            begin = end

    def _block(self, members: Sequence[Strategy], runs: range) -> None:
        tasks = []
        turns: list[list[int]] = []  # of each task: the numbers of its runs in the whole search
        for place, member in enumerate(members):
            mine = [run for run in runs if run % len(members) == place]
            size = len(mine) if member.exhaustive else CHUNK
            for start in range(0, len(mine), max(1, size)):
                part = mine[start : start + size]
                index, count = self._shard
                task = Task(
                    member.name,
                    [run // len(members) * count + index for run in part],
                    observed=self._observed,
                    longest=self._longest,
                    sticky=member.exhaustive,
                )
                tasks.append(self._task(task))
                turns.append(part)
        tasks, turns = _sticky_first(tasks, turns)
        batches = self._carried_out(tasks)
        found = [
            _renumbered(batches[number], tasks[number], turns[number]) for number in sorted(batches)
        ]
        self._merge_block(found, tasks, turns, sorted(batches))

    def _merge_block(
        self,
        found: list[Batch],
        tasks: Sequence[Task],
        turns: Sequence[Sequence[int]],
        numbers: Sequence[int],
    ) -> None:
        """Merge a block; what was run after its end does not count."""
        met = [each for batch in found for each in batch.candidates]
        end = self._last_wanted(met)
        for batch, number in zip(found, numbers, strict=True):
            self._join(batch)
            if not tasks[number].sticky:
                self._observed |= batch.learned
            elif batch.finished:
                # It tried everything at its turn; what others ran later was not needed.
                turn = turns[number][min(len(batch.rows), len(turns[number]) - 1)]
                self._exhausted = True
                end = turn if end is None else min(end, turn)
        if end is not None:
            self._over = True
        for batch in found:
            if end is not None:
                batch.rows = [row for row in batch.rows if row.run <= end]
                batch.candidates = [each for each in batch.candidates if each.run <= end]
            self._keep(batch)

    # -- exhaustive ----------------------------------------------------------------------------

    def _divide(self, strategy: Strategy) -> None:
        """Rounds over the parts of the tree, until none is left."""
        bound = strategy.bound if isinstance(strategy, Dfs) else None
        frontier = Frontier()
        cut = False
        while not self._over:
            if not frontier.parts:
                if isinstance(strategy, Dfs):
                    strategy.deepen(cut=cut)
                    self._bounded = strategy.bounded
                if not isinstance(strategy, Dfs) or strategy.exhausted:
                    self._exhausted = True
                    return
                bound, cut, frontier = strategy.bound, False, Frontier()
            tasks = self._round(strategy.name, frontier.parts, bound)
            if not tasks:
                return
            batches = self._carried_out(tasks)
            learned = frozenset().union(*(batch.learned for batch in batches.values()))
            if learned:  # every release of these is a point: the tree is another one
                self._observed |= learned
                frontier, cut = Frontier(), False
                self.coverage = Coverage()
                for batch in batches.values():
                    self._join(replace(batch, rows=[]))
                continue
            explored = [self._took(task, batches.get(n)) for n, task in enumerate(tasks)]
            cut = cut or any(batch.bound_cut for batch in batches.values())
            rest = frontier.parts[len(tasks) :]
            if not self._over:
                frontier.merge([*explored, *((part, False) for part in rest)])

    def _round(self, name: str, parts: Sequence[Part], bound: int | None) -> list[Task]:
        left = self._left()
        tasks = []
        for part in parts:
            most = ROUND if left is None else min(ROUND, left)
            if most <= 0:
                break
            if left is not None:
                left -= most
            task = Task(name, range(most), observed=self._observed, part=part, bound=bound)
            tasks.append(self._task(task))
        return tasks

    def _took(self, task: Task, batch: Batch | None) -> tuple[Part, bool]:
        """Merge one part's round; parts come in their order."""
        assert task.part is not None, "a part was given"
        if batch is None:
            return task.part, False
        self._join(batch)
        first = self.coverage.schedules
        batch.candidates = [
            replace(each, run=first + each.run)
            for each in batch.candidates
            if each.identity not in self.candidates
        ]
        if self._last_wanted(batch.candidates) is not None:
            self._over = True
        self._keep(batch)
        return batch.part or task.part, batch.finished

    # -- the outcome ---------------------------------------------------------------------------

    def _concluded(self, findings: list[Finding], seconds: float) -> Outcome:
        """Say what came of it; no word is bigger than what was looked at."""
        every, limits, strategy = self._all, self._limits, self._strategy
        reasons = []
        if every.interrupted:
            reasons.append("interrupted")
        if every.hung:
            reasons.append(every.hung)
        if every.points:
            reasons.append(f"a schedule reached the limit of {limits.max_points} points")
        if every.diverged:
            reasons.append(every.diverged)
        stopped = strategy.exhaustive and not self._exhausted
        if stopped and not (every.hung or every.interrupted or every.diverged):
            reasons.append(f"{strategy.name} was stopped by a limit before it had tried everything")
        if self.coverage.schedules and not every.scheduled:
            reasons.append(NOTHING_SCHEDULED)
            stopped = True
        bounded = self._bounded
        if every.cut:
            bounded = f"the bound of {timers(limits.early_timers)} forbade some"
        if self._exhausted and bounded:
            reasons.append(f"not every order: {bounded}")
        incomplete = every.points or every.interrupted or stopped
        if any(finding.counts for finding in findings):
            outcome = "failed"
        elif every.hung:
            outcome = "hung"
        elif every.diverged:
            outcome = "diverged"
        else:
            outcome = "incomplete" if incomplete else "passed"
        return Outcome(
            strategy.name,
            strategy.seed,
            outcome,
            self.coverage,
            findings,
            self._exhausted and not (incomplete or every.diverged or every.hung or bounded),
            seconds,
            reasons,
            self._shard,
            strategy.describe(),
            every.interrupted,
            self._crew.describe(),
            limits.early_timers,
            every.cut,
            every.scheduled,
            every.points,
            every.drew,
        )


def _sticky_first(tasks: list[Task], turns: list[list[int]]) -> tuple[list[Task], list[list[int]]]:
    """The one task that a certain process must do comes first: it is the longest."""
    order = sorted(range(len(tasks)), key=lambda number: not tasks[number].sticky)
    return [tasks[n] for n in order], [turns[n] for n in order]


def _renumbered(batch: Batch, task: Task, turns: Sequence[int]) -> Batch:
    """Number the runs of a batch as they are numbered in the whole search."""
    number = dict(zip(task.runs, turns, strict=True))
    batch.rows = [replace(row, run=number[row.run]) for row in batch.rows]
    batch.candidates = [replace(each, run=number[each.run]) for each in batch.candidates]
    return batch
