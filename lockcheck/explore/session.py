"""A search: schedule after schedule of one subject under one strategy, and what came of it.

The session owns the pool of threads and the conductor, makes a fresh world for each schedule,
counts coverage, and for every finding that is new shrinks its schedule, replays it strictly and
makes its token.  It ends when the strategy has tried everything, at the asked number of schedules
or seconds, or when a thread hangs.
"""

from __future__ import annotations

import gc
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lockcheck.conduct import deadlock
from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.pool import Pool
from lockcheck.conduct.verdict import DEADLOCK, DIVERGED, END, HUNG, POINTS, REDUNDANT
from lockcheck.core.report import POSSIBLE, Report, stronger
from lockcheck.explore.coverage import Coverage, order_of
from lockcheck.explore.follow import Guide, Replay, checks_of, describe_op, unusual
from lockcheck.explore.result import (
    Finding,
    Identity,
    Limits,
    Outcome,
    Replayed,
    exception_report,
    identity_of,
    timers,
)
from lockcheck.explore.schedule import Segment, switches_of
from lockcheck.explore.shrink import Attempt, shrink
from lockcheck.explore.strategy import Strategy
from lockcheck.explore.subject import Subject, World
from lockcheck.explore.token import Token

__all__ = ["Session", "fresh_seed"]

SHRINK_SECONDS = 4.0
"""Shrinking stops then even when more might be gained."""
COLLECT_EVERY = 40
COLLECT_ABOVE = 20_000
"""Runs, or objects, between collections; inside a run there is none."""
COLLECT_SHARE = 10
"""A collection waits until this many times the length of one that finds nothing has passed since
the last: without a GIL it walks the whole heap, frozen or not.  Ten times as many objects as usual
do not wait.  Freeing what is garbage costs the same whenever it is done, and less when it is done
soon."""


NOTHING_SCHEDULED = (
    "nothing was scheduled: no thread was started that lockcheck controls, so no other order exists"
)


def fresh_seed(shard: tuple[int, int] = (0, 1)) -> int:
    """Return a seed for a search that was given none; shards must agree on one, so theirs is 0."""
    return secrets.randbits(48) if shard[1] == 1 else 0


@dataclass
class _Tally:
    """How the schedules of a search ended, where that was no plain end."""

    hung: bool = False
    points: bool = False
    diverged: bool = False
    interrupted: bool = False
    reasons: list[str] = field(default_factory=list)


class Session:
    """Explores one subject; a context manager that leaves no thread and no descriptor behind."""

    def __init__(
        self,
        subject: Subject,
        *,
        limits: Limits | None = None,
        fail_on: str = POSSIBLE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.subject = subject
        self.limits = limits or Limits()
        self._fail_on = fail_on
        self._clock = clock
        self._pool = Pool()
        self.conductor = self._make_conductor()
        self._names: dict[str, int] = {}
        self._deadlock: Report | None = None
        self._at_the_end: list[Report] | None = None
        """What had been found when the run was over, before anybody unwound."""
        self._cut = False
        self._scheduled = False
        """Did any schedule have a second thread?"""
        self._world: World | None = None
        self._cpus: set[int] | None = None
        self._hung = False
        self._collect_not_before = 0.0
        self._collect_pause = 0.0
        self.coverage = Coverage()
        self.findings: list[Finding] = []
        self._seen: set[tuple[str, ...]] = set()
        """`identity_of` the findings so far."""
        self.on_progress: Callable[[Session], None] | None = None
        """Called between runs, on the controller's thread."""

    def _make_conductor(self) -> ControlledConductor:
        limits = self.limits
        conductor = ControlledConductor(
            self._pool,
            max_points=limits.max_points,
            hang_after=limits.hang_after,
            early_timers=limits.early_timers,
        )
        conductor.on_end = self._at_end
        return conductor

    def __enter__(self) -> Session:
        self._pin()
        self._collecting = gc.isenabled()
        gc.freeze()  # what is there already is nobody's business until the end
        gc.disable()
        began = self._clock()
        gc.collect()
        self._collect_pause = COLLECT_SHARE * (self._clock() - began)
        return self

    def __exit__(self, *_exc: object) -> None:
        gc.unfreeze()
        if self._collecting:
            gc.enable()
        self._pool.close(abandon=self._hung)
        if self._cpus is not None:
            os.sched_setaffinity(0, self._cpus)

    @property
    def world(self) -> World | None:
        """The world of the last schedule."""
        return self._world

    # -- searching -----------------------------------------------------------------------------

    def explore(self, strategy: Strategy, *, shard: tuple[int, int] = (0, 1)) -> Outcome:
        """Run schedules until the strategy or a limit ends it."""
        began = self._clock()
        tally = _Tally()
        runs = 0
        try:
            while not self._enough(began, runs, shard):
                run = runs * shard[1] + shard[0] if not strategy.exhaustive else runs
                if not strategy.begin(self.conductor, run):
                    break
                verdict = self._one(strategy)
                runs += 1
                if verdict == HUNG:
                    tally.hung = True
                    tally.reasons.append(self._told_hung())
                    break
                if self._learn_observers(strategy, verdict, run):
                    continue
                tally.points |= verdict == POINTS
                tally.diverged |= verdict == DIVERGED
                self._account(strategy, verdict, run)
                self._collect(runs)
                if self.on_progress is not None:
                    self.on_progress(self)
        except KeyboardInterrupt:
            tally.interrupted = True
            tally.reasons.append("interrupted")
        return self._concluded(strategy, tally, began, shard)

    def _concluded(
        self, strategy: Strategy, tally: _Tally, began: float, shard: tuple[int, int]
    ) -> Outcome:
        """Say what came of it; no word is bigger than what was looked at."""
        limits = self.limits
        reasons = tally.reasons
        if tally.points:
            reasons.append(f"a schedule reached the limit of {limits.max_points} points")
        if tally.diverged:
            reasons.append("a prefix of choices could not be repeated: it is not deterministic")
        stopped = strategy.exhaustive and not strategy.exhausted
        if stopped and not (tally.hung or tally.interrupted):
            reasons.append(f"{strategy.name} was stopped by a limit before it had tried everything")
        if self.coverage.schedules and not self._scheduled:
            reasons.append(NOTHING_SCHEDULED)
            stopped = True
        bounded = strategy.bounded or (self._told_cut() if self._cut else "")
        if strategy.exhausted and bounded:
            reasons.append(f"not every order: {bounded}")
        incomplete = tally.points or tally.interrupted or stopped
        if any(finding.counts for finding in self.findings):
            outcome = "failed"
        elif tally.hung:
            outcome = "hung"
        elif tally.diverged:
            outcome = "diverged"
        else:
            outcome = "incomplete" if incomplete else "passed"
        return Outcome(
            strategy.name,
            strategy.seed,
            outcome,
            self.coverage,
            self.findings,
            strategy.exhausted and not (incomplete or tally.diverged or bounded),
            self._clock() - began,
            reasons,
            shard,
            strategy.describe(),
            tally.interrupted,
            self.subject.describe(),
            limits.early_timers,
            self._cut,
        )

    def _told_cut(self) -> str:
        return f"more timers could have fired early than {timers(self.limits.early_timers)}"

    def _collect(self, runs: int) -> None:
        """Free past worlds; often enough that they are still in the processor's cache."""
        made = gc.get_count()[0]
        if runs % COLLECT_EVERY and made <= COLLECT_ABOVE:
            return
        began = self._clock()
        if began < self._collect_not_before and made <= COLLECT_ABOVE * 10:
            return
        gc.collect()
        self._collect_not_before = self._clock() + self._collect_pause

    def run_one(self, strategy: Strategy, run: int) -> int:
        """Run and account for one schedule; returns the verdict."""
        strategy.begin(self.conductor, run)
        verdict = self._one(strategy)
        if verdict == HUNG:
            self._told_hung()
        elif not self._learn_observers(strategy, verdict, run):
            self._account(strategy, verdict, run)
        return verdict

    def _enough(self, began: float, runs: int, shard: tuple[int, int]) -> bool:
        limits = self.limits
        if limits.schedules is not None:
            share = len(range(shard[0], limits.schedules, shard[1]))
            if self.coverage.schedules >= share:
                return True
        if limits.seconds is not None and self._clock() - began >= limits.seconds:
            return True
        if limits.until is not None and any(limits.until(f.report) for f in self.findings):
            return True
        found = sum(1 for finding in self.findings if finding.counts)
        return limits.findings is not None and found >= limits.findings

    def _one(self, strategy: Strategy) -> int:
        """Run one schedule of a fresh world."""
        self._deadlock = None
        self._at_the_end = None
        world = self.subject.world(self.conductor)
        self._world = world
        self.conductor.checkers = list(world.checkers)
        try:
            return self.conductor.run(world.body, strategy)
        finally:
            world.close()

    def _at_end(self, verdict: int) -> None:
        """Everybody is parked: look at what was found, and who waits for whom.

        What comes after, while they unwind, is no finding.
        """
        world = self._world
        if world is None:
            return
        if verdict == DEADLOCK:
            self._explain(world)
        self._at_the_end = self._found_so_far(world)

    def _explain(self, world: World) -> None:
        states = [ts for chk in world.checkers for ts in list(chk.threads.values())]
        owed = getattr(world, "owed", None)
        self._deadlock = deadlock.explain(self.conductor.live, states, owed)
        stuck = getattr(world, "stuck", None)
        if stuck is not None:
            stuck(self._deadlock)

    def _learn_observers(self, strategy: Strategy, verdict: int, run: int) -> bool:
        """Releases of a newly observed class are points from now on; True: search again."""
        new = self.conductor.newly_observed
        if not new:
            return False
        if not strategy.restarts:
            self._account(strategy, verdict, run)
            self.conductor.observed |= new
            return True
        self.conductor.observed |= new
        strategy.restart()
        return True

    def _account(self, strategy: Strategy, verdict: int, run: int) -> None:
        """Count a run and look into what it found."""
        conductor = self.conductor
        if verdict == REDUNDANT:
            self.coverage.redundant += 1
        elif verdict in (END, DEADLOCK, POINTS):
            state = self._world.state() if self._world is not None else ""
            self.coverage.add(order_of(conductor, self._names), state, conductor.record)
        record = tuple(conductor.record)
        observed = conductor.observed
        self._cut |= conductor.cut
        self._scheduled |= len(conductor.tasks) > 1
        reports = self._reports()
        strategy.end(verdict)
        name = strategy.active_name
        for report in reports:
            identity = identity_of(report)
            if identity not in self._seen:
                self._seen.add(identity)
                self._found(report, record, observed, name, run)

    def _reports(self) -> list[Report]:
        """Findings of the run just ended."""
        if self._at_the_end is not None:
            return self._at_the_end
        assert self._world is not None, "no run yet"
        return self._found_so_far(self._world)

    def _found_so_far(self, world: World) -> list[Report]:
        found = list(world.findings())
        if self._deadlock is not None:
            found.insert(0, self._deadlock)
        error = self.conductor.error
        if error is not None:
            found.append(exception_report("main", error))
        if self.conductor.stray:
            return found[:1] or found
        return found

    def _found(
        self, report: Report, record: tuple[int, ...], observed: frozenset[str], name: str, run: int
    ) -> None:
        """Shrink, replay strictly, make the token."""
        current = self.conductor.observed
        self.conductor.observed = observed
        try:
            finding = self._pursue(report, record, name, run)
        finally:
            self.conductor.observed = current
        self.findings.append(finding)

    def _pursue(self, report: Report, record: tuple[int, ...], name: str, run: int) -> Finding:
        identity = identity_of(report)
        before = switches_of(record)
        known = str(report.data.get("known", ""))
        tries = 0
        if self.limits.shrink and not known:
            limit = self._clock() + SHRINK_SECONDS
            shrunk = shrink(record, identity, self._attempt, stop=lambda: self._clock() > limit)
            record, tries = shrunk.record, shrunk.tries
        token, again = self.tokenise(record, identity)
        finding = Finding(again or report, token, run, name, tries=tries, switches_before=before)
        finding.known = str(finding.report.data.get("known", ""))
        weaker = stronger(self._fail_on, finding.report.severity)
        finding.counts = not finding.known and not weaker
        if again is None:
            finding.token = None
            finding.counts = False
            finding.note = (
                "unconfirmed: its schedule did not show it again, so something that is not "
                "controlled takes part; it does not count"
            )
        else:
            again.replay = str(token)
            explain = getattr(self._world, "explain", None)
            if explain is not None:
                explain(again)
        return finding

    def tokenise(self, record: tuple[int, ...], identity: Identity) -> tuple[Token, Report | None]:
        """Replay a schedule, learn its tail and checksums; the finding as it shows there."""
        replay = Replay(record)
        verdict = self._one_again(replay)
        reports = {identity_of(each): each for each in self._reports()} if verdict != HUNG else {}
        replay.end(verdict)
        record = unusual(record, replay)
        token = Token(
            self.subject.describe(),
            record,
            checks_of(self.conductor, record),
            tuple(sorted(self.conductor.observed)),
            tuple(describe_op(choice, op) for choice, op in self.conductor.events),
        )
        return token, reports.get(identity)

    def _one_again(self, strategy: Strategy) -> int:
        """Run a schedule that is written down: it says itself which timers fire early."""
        bound = self.conductor.early_timers
        self.conductor.early_timers = None
        try:
            strategy.begin(self.conductor, 0)
            return self._one(strategy)
        finally:
            self.conductor.early_timers = bound

    def _attempt(self, segments: list[Segment]) -> Attempt:
        guide = Guide(segments)
        guide.begin(self.conductor, 0)
        verdict = self._one(guide)
        if verdict == HUNG:
            return Attempt(frozenset(), (), 0)
        failures = frozenset(map(identity_of, self._reports()))
        record = unusual(self.conductor.record, guide)
        return Attempt(failures, record, guide.preemptions)

    # -- replaying -----------------------------------------------------------------------------

    def replay(self, token: Token) -> Replayed:
        """Run exactly the token's schedule."""
        self.conductor.observed = frozenset(token.observed)
        strategy = Replay(token.record, token.checks, token.ops)
        verdict = self._one_again(strategy)
        if verdict == HUNG:
            self._told_hung()
            return Replayed(verdict, [], "", [], [])
        strategy.end(verdict)
        conductor = self.conductor
        ops = [
            (choice >> 1 if choice >= 0 else -1, describe_op(choice, op))
            for choice, op in conductor.events
        ]
        return Replayed(
            verdict, self._reports(), strategy.divergence, ops, [t.name for t in conductor.tasks]
        )

    # -- the machine ---------------------------------------------------------------------------

    def _told_hung(self) -> str:
        self._hung = True
        task = self.conductor.current
        where = deadlock.where_is(task.ident) if task is not None else "?"
        name = task.name if task is not None else "?"
        return (
            f"{name} has been silent for {self.limits.hang_after:g} s outside every checked "
            f"primitive, at {where}"
        )

    def _pin(self) -> None:
        """Keep to one processor: only one thread runs at a time, and hand-overs are then flat."""
        if not hasattr(os, "sched_setaffinity"):
            return
        allowed = os.sched_getaffinity(0)
        if len(allowed) > 1:
            self._cpus = allowed
            os.sched_setaffinity(0, {sorted(allowed)[os.getpid() % len(allowed)]})
