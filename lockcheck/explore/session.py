"""One process of a search: it runs schedules of one subject and says what came of each.

The session owns the pool of threads and the conductor, and makes a fresh world for each schedule.
`search.Search` decides which schedules are run, here or on several processes; `work` runs some of
them.  A finding is met as a `Candidate`; `pursue` shrinks its schedule, replays it strictly and
makes its token.

One file: a session is one loop over runs, and what it does with a run (keep, confirm, cut, write as
a token) changes the same few attributes.
"""

from __future__ import annotations

import gc
import os
import secrets
import time
from collections.abc import Callable

from lockcheck.conduct import deadlock
from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.pool import Pool
from lockcheck.conduct.verdict import (
    DEADLOCK,
    DIVERGED,
    END,
    HUNG,
    INTERRUPTED,
    POINTS,
    REDUNDANT,
)
from lockcheck.core.report import CERTAIN, POSSIBLE, Report, counts
from lockcheck.explore.aimed import AIMED_AT, TRIES, Aimed, is_shown_by
from lockcheck.explore.batch import Batch, Candidate, Task
from lockcheck.explore.coverage import Coverage, Row, look_of, order_of
from lockcheck.explore.follow import Guide, Replay, checks_of, describe_op, unusual
from lockcheck.explore.frontier import Divisible
from lockcheck.explore.result import (
    Finding,
    Identity,
    Limits,
    Outcome,
    Replayed,
    exception_report,
    identity_of,
)
from lockcheck.explore.schedule import Segment, switches_of
from lockcheck.explore.search import Here, Search
from lockcheck.explore.shrink import Attempt, shrink
from lockcheck.explore.strategy import Strategy
from lockcheck.explore.subject import Draws, Explains, Keeps, Narrates, Prints, Subject, World
from lockcheck.explore.token import Token

__all__ = ["Session", "fresh_seed"]

SHRINK_SECONDS = 4.0
"""Shrinking stops then even when more might be gained."""
NOT_DETERMINISTIC = "a schedule could not be repeated: the program is not deterministic"
AIM_SECONDS = 3.0
"""How long a schedule of one predicted cycle is looked for."""
COLLECT_EVERY = 40
COLLECT_ABOVE = 20_000
"""Runs, or objects, between collections; inside a run there is none."""
COLLECT_SHARE = 10
"""A collection waits until this many times the length of one that finds nothing has passed since
the last: without a GIL it walks the whole heap, frozen or not.  Ten times as many objects as usual
do not wait.  Freeing what is garbage costs the same whenever it is done, and less when it is done
soon."""


def fresh_seed(shard: tuple[int, int] = (0, 1)) -> int:
    """Return a seed for a search that was given none; shards must agree on one, so theirs is 0."""
    return secrets.randbits(48) if shard[1] == 1 else 0


class Session:
    """Explores one subject; a context manager that leaves no thread and no descriptor behind."""

    def __init__(
        self,
        subject: Subject,
        *,
        limits: Limits | None = None,
        fail_on: str = POSSIBLE,
        clock: Callable[[], float] = time.monotonic,
        place: int | None = None,
    ) -> None:
        self._place = place
        self.subject = subject
        self.limits = limits or Limits()
        self._fail_on = fail_on
        self._clock = clock
        self._pool = Pool()
        self.conductor = self._make_conductor()
        self._deadlock: Report | None = None
        self._at_the_end: list[Report] | None = None
        """What had been found when the run was over, before anybody unwound."""
        self._world: World | None = None
        self._cpus: set[int] | None = None
        self._hung_at = ""
        """Where a thread of the last run that hung was."""
        self._collect_not_before = 0.0
        self._collect_pause = 0.0
        self.coverage = Coverage()
        self.findings: list[Finding] = []
        self._seen: set[Identity] = set()
        """Findings that need not be looked into any more."""
        self.stopping = False
        """An interrupt came; nothing more is begun."""
        self._since_collected = 0
        self._noted = 0
        """Schedules that ended, here."""

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
        self._pool.close()
        if self._cpus is not None:
            os.sched_setaffinity(0, self._cpus)

    @property
    def world(self) -> World | None:
        """The world of the last schedule."""
        return self._world

    def interrupt(self) -> None:
        """End the search at the next point; from a signal handler."""
        self.stopping = True
        self.conductor.interrupt()

    # -- searching -----------------------------------------------------------------------------

    def explore(self, strategy: Strategy, *, shard: tuple[int, int] = (0, 1)) -> Outcome:
        """Search with `strategy`, in this process."""
        outcome = Search(Here(self, strategy), strategy, self.limits, shard).run()
        self.coverage = outcome.coverage
        self.findings = self.findings + outcome.findings
        return outcome

    def run_one(self, strategy: Strategy, run: int) -> int:
        """Run and account for one schedule; returns the verdict."""
        batch = Batch()
        verdict = self._once(strategy, run, batch)
        for row in batch.rows:
            self.coverage.add(row)
        for candidate in batch.candidates:
            self.findings.append(self.pursue(candidate))
        return verdict

    def work(self, task: Task, strategy: Strategy) -> Batch:
        """Carry out one task of a search."""
        batch = Batch()
        self._seen = set(task.known)
        if not strategy.exhaustive:
            strategy.observed = task.observed
            strategy.measured(task.longest)
        elif isinstance(strategy, Divisible) and task.part is not None:
            if task.observed != strategy.observed:
                strategy.observed = task.observed
            strategy.resume(task.part)
        try:
            self._work(task, strategy, batch)
        except KeyboardInterrupt:
            batch.interrupted = True
        if isinstance(strategy, Divisible) and task.part is not None:
            strategy.stop(task.part)
            batch.part = task.part
            batch.finished |= strategy.exhausted and not batch.learned
            batch.bound_cut = strategy.cut
        return batch

    def _work(self, task: Task, strategy: Strategy, batch: Batch) -> None:
        for run in task.runs:
            counted = len(batch.rows)
            while len(batch.rows) == counted:  # what is redundant, or begun again, is no schedule
                if self.stopping:
                    batch.interrupted = True
                    return
                if task.deadline is not None and self._clock() >= task.deadline:
                    batch.late = True
                    return
                verdict = self._once(strategy, run, batch)
                if batch.finished or batch.hung or batch.interrupted:
                    return
                if verdict == DIVERGED and not strategy.exhaustive:
                    break
                if batch.learned and task.part is not None:
                    return  # the whole search begins again
            if task.stops and any(each.counts or each.wanted for each in batch.candidates):
                return

    def _once(self, strategy: Strategy, run: int, batch: Batch) -> int:
        """Run one schedule, and note what came of it."""
        conductor = self.conductor
        if not strategy.begin(conductor, run):
            batch.finished = True
            return END
        conductor.observed = strategy.observed
        verdict = self._one(strategy)
        if verdict == HUNG:
            batch.hung = self._hung_at
            return verdict
        if verdict == INTERRUPTED:
            batch.interrupted = True
            return verdict
        new = conductor.newly_observed
        if new:
            batch.learned |= new
            if strategy.exhaustive:
                strategy.observed |= new
                strategy.restart()
                return verdict
        self._note(strategy, verdict, run, batch)
        self._collect()
        return verdict

    def _note(self, strategy: Strategy, verdict: int, run: int, batch: Batch) -> None:
        conductor = self.conductor
        record = tuple(map(int, conductor.record))
        batch.scheduled |= len(conductor.tasks) > 1
        world: object = self._world
        batch.drew |= isinstance(world, Draws) and world.drew()
        batch.points |= verdict == POINTS
        if verdict == DIVERGED:
            batch.diverged = NOT_DETERMINISTIC
        elif verdict == REDUNDANT:
            batch.redundant += 1
        else:
            state = self._world.state() if self._world is not None else ""
            order = order_of(conductor)
            look = look_of(conductor.observed)
            batch.rows.append(Row(run, order, state, len(record), switches_of(record), look))
        for report in self._reports():
            identity = identity_of(report)
            if identity not in self._seen:
                self._seen.add(identity)
                batch.candidates.append(self._candidate(report, identity, record, strategy, run))
        strategy.end(verdict)
        batch.cut |= conductor.cut
        self._check_determinism(strategy, verdict, batch)

    def _candidate(
        self,
        report: Report,
        identity: Identity,
        record: tuple[int, ...],
        strategy: Strategy,
        run: int,
    ) -> Candidate:
        until = self.limits.until
        return Candidate(
            identity,
            run,
            strategy.name,
            report.kind,
            record,
            tuple(sorted(self.conductor.observed)),
            bool(report.known),
            counts(report.severity, self._fail_on, report.known),
            until is not None and until(report),
        )

    def _check_determinism(self, strategy: Strategy, verdict: int, batch: Batch) -> None:
        """Now and then repeat a schedule and compare every operation.

        What an exhaustive search says rests on it that the program is the same each time: there,
        schedules 1, 2, 4, 8… are repeated unasked.
        """
        if verdict not in (END, DEADLOCK):
            return
        self._noted += 1
        every = self.limits.check_every
        unasked = strategy.exhaustive and not self._noted & (self._noted - 1)
        if not unasked and (not every or self._noted % every):
            return
        divergence = self._repeated(fresh=not unasked)
        if divergence and self._noted == 1:
            # What the first run of all imports or keeps for good is no way of later ones.
            self._one_again(Replay(()))
            divergence = self._repeated(fresh=True)
        if divergence:
            batch.diverged = batch.diverged or f"{NOT_DETERMINISTIC}; {divergence}"

    def _repeated(self, *, fresh: bool) -> str:
        """Repeat the run just ended, in a fresh world or in one put back; what was different."""
        conductor = self.conductor
        ops = [describe_op(choice, op) for choice, op in conductor.events]
        replay = Replay(tuple(map(int, conductor.record)), ops=ops)
        verdict = self._one_again(replay, fresh=fresh)
        if verdict in (HUNG, INTERRUPTED):
            return ""
        replay.end(verdict)
        return replay.divergence

    def _collect(self) -> None:
        """Free past worlds; often enough that they are still in the processor's cache."""
        made = gc.get_count()[0]
        self._since_collected += 1
        if self._since_collected < COLLECT_EVERY and made <= COLLECT_ABOVE:
            return
        began = self._clock()
        if began < self._collect_not_before and made <= COLLECT_ABOVE * 10:
            return
        gc.collect()
        if isinstance(self.subject, Keeps):
            gc.freeze()  # what is left is the world that is kept: not looked at again
        self._since_collected = 0
        self._collect_not_before = self._clock() + self._collect_pause

    def _one(self, strategy: Strategy, *, fresh: bool = False) -> int:
        """Run one schedule, of a world that was put back, or of a fresh one."""
        self._deadlock = None
        self._at_the_end = None
        if isinstance(self.subject, Keeps) and not fresh:
            world = self.subject.kept(self.conductor)
        else:
            world = self.subject.world(self.conductor)
        self._world = world
        self.conductor.checkers = world.checkers
        try:
            verdict = self.conductor.run(world.body, strategy)
        finally:
            world.close()
        if verdict == HUNG:
            interrupted = self.conductor.interrupted
            self._abandon()
            return INTERRUPTED if interrupted else HUNG
        return verdict

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
        owed = world.owed if isinstance(world, Explains) else None
        self._deadlock = deadlock.explain_stuck(self.conductor.live, states, owed)
        if isinstance(world, Explains) and not world.stuck(self._deadlock):
            self._deadlock = None

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

    def pursue(self, candidate: Candidate, *, shrinks: bool = True) -> Finding:
        """Shrink a candidate's schedule, replay it strictly, make its token."""
        identity, record = candidate.identity, candidate.record
        self.conductor.observed = frozenset(candidate.observed)
        tries = 0
        if shrinks and self.limits.shrink and not candidate.known:
            limit = self._clock() + SHRINK_SECONDS
            stop = lambda: self.stopping or self._clock() > limit  # noqa: E731  (one use, below)
            shrunk = shrink(record, identity, self._attempt, stop=stop)
            record, tries = shrunk.record, shrunk.tries
        token, report = self.tokenise(record, identity)
        if report is None:
            lost = Report("unconfirmed", POSSIBLE, "a finding that its schedule did not reproduce")
            lost.fingerprint = identity[0]
            lost.data["tags"] = list(identity[1:])
            finding = Finding(lost, None, candidate.run, candidate.strategy)
            finding.counts = False
            finding.note = (
                "unconfirmed: something that lockcheck does not control takes part; it does not "
                "count"
            )
            return finding
        report.replay = str(token)
        world: object = self._world
        if isinstance(world, Narrates):
            world.explain(report)
        finding = Finding(report, token, candidate.run, candidate.strategy, tries=tries)
        finding.switches_before = switches_of(candidate.record)
        finding.known = report.known
        finding.counts = counts(report.severity, self._fail_on, finding.known)
        finding.output = world.output() if isinstance(world, Prints) else ""
        return finding

    def confirm(self, findings: list[Finding]) -> None:
        """Look for a schedule of each predicted cycle; what has one is certain."""
        happened = [each for each in findings if each.report.kind == "deadlock" and each.token]
        for finding in findings:
            report = finding.report
            aimed = report.kind in AIMED_AT and report.cycle and report.severity == POSSIBLE
            if not aimed or finding.known or self.stopping:
                continue
            shown = next((each for each in happened if is_shown_by(report, each.report)), None)
            if shown is None:
                shown = self._aim(finding)
                if shown is not None:
                    happened.append(shown)
            if shown is not None and shown.token is not None:
                report.severity = CERTAIN
                report.reason = "a schedule that deadlocks there is attached"
                report.replay = str(shown.token)
                finding.token = shown.token
                finding.note = f"confirmed: the schedule found by {shown.strategy} deadlocks there"
                finding.counts = not finding.known

    def _aim(self, finding: Finding) -> Finding | None:
        """Try to bring the participants of a predicted cycle to where they cross."""
        began = self._clock()
        strategy = Aimed(finding.report, finding.run)
        strategy.observed = frozenset(finding.token.observed if finding.token else ())
        tries = 0
        while tries < TRIES and self._clock() - began < AIM_SECONDS and not self.stopping:
            tries += 1
            batch = Batch()
            self._seen = set()
            self._once(strategy, tries, batch)
            if batch.hung or batch.interrupted:
                break
            strategy.observed |= batch.learned
            for candidate in batch.candidates:
                if candidate.kind != "deadlock":
                    continue
                shown = self.pursue(candidate)
                if is_shown_by(finding.report, shown.report):
                    return shown
        finding.note = (
            f"not confirmed: {tries} schedules in {self._clock() - began:.1f} s were steered "
            "to where its threads would meet, and none deadlocked there"
        )
        return None

    def tokenise(self, record: tuple[int, ...], identity: Identity) -> tuple[Token, Report | None]:
        """Replay a schedule, learn its tail and checksums; the finding as it shows there."""
        replay = Replay(record)
        verdict = self._one_again(replay)
        if verdict == HUNG:
            return Token(self.subject.describe(), record, ()), None
        reports = {identity_of(each): each for each in self._reports()}
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

    def _one_again(self, strategy: Strategy, *, fresh: bool = True) -> int:
        """Run a schedule that is written down: it says itself which timers fire early."""
        bound = self.conductor.early_timers
        self.conductor.early_timers = None
        try:
            strategy.begin(self.conductor, 0)
            return self._one(strategy, fresh=fresh)
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
            return Replayed(verdict, [], "", [], [])
        strategy.end(verdict)
        conductor = self.conductor
        ops = [(choice.thread, describe_op(choice, op)) for choice, op in conductor.events]
        names = [task.name for task in conductor.tasks]
        replayed = Replayed(verdict, self._reports(), strategy.divergence, ops, names)
        replayed.output = self._world.output() if isinstance(self._world, Prints) else ""
        return replayed

    # -- the machine ---------------------------------------------------------------------------

    def _abandon(self) -> None:
        """Leave a run that hangs where it is, with its threads: should they wake, they unwind."""
        task = self.conductor.current
        where = deadlock.where_is(task.ident) if task is not None else "?"
        name = task.name if task is not None else "?"
        self._hung_at = (
            f"{name} has been silent for {self.limits.hang_after:g} s outside every checked "
            f"primitive, at {where}"
        )
        self._pool.close(abandon=True)
        observed = self.conductor.observed
        self._pool = Pool()
        self.conductor = self._make_conductor()
        self.conductor.observed = observed

    def _pin(self) -> None:
        """Keep to one processor: only one thread runs at a time, and hand-overs are then flat."""
        if not hasattr(os, "sched_setaffinity"):
            return
        allowed = os.sched_getaffinity(0)
        if len(allowed) > 1:
            self._cpus = allowed
            place = self._place
            here = _present_cpu() if place is None else sorted(allowed)[place % len(allowed)]
            os.sched_setaffinity(0, {here if here in allowed else min(allowed)})


def _present_cpu() -> int:
    """Where the system has put this process: it knows which processor has room."""
    try:
        with open("/proc/self/stat", encoding="ascii") as stat:
            return int(stat.read().rpartition(")")[2].split()[36])
    except (OSError, ValueError, IndexError):
        return -1
