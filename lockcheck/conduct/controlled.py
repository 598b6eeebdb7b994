"""The controlled conductor: one real thread runs at a time, a strategy picks which.

A thread that reaches a point publishes the operation it stands before, computes who could go, asks
the strategy, and hands control directly to the thread that was picked (`baton`); there is no
scheduler thread on the way.  Enabledness is a pure function of the objects' state, so a run is
determined by its choices, and a list of small integers replays it.

Time is logical (`stuck.Clock`): it jumps to the next deadline when nobody can go; unless the run is
`timed`, a bounded number of timers may also fire early, as choices.

Invariant: the holder of control is the only thread that touches the conductor's state, so none of
it is locked.  Left out: threads that the program makes behind our back (they are refused loudly).

One file: the conductor is one object with one invariant (one thread goes), and its hot path,
`point`, is not to call across files.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable, Sequence
from typing import Any, Final

from lockcheck.checker import Checker
from lockcheck.conduct.pool import Pool, ThreadRefusedError
from lockcheck.conduct.quiet import QuietPhases
from lockcheck.conduct.rounds import Rounds
from lockcheck.conduct.silence import Silence
from lockcheck.conduct.stuck import EARLY_TIMERS, UNBOUNDED, Clock
from lockcheck.conduct.task import (
    BLOCKING,
    SILENT,
    TRAITS,
    Standing,
    Task,
    foreign_class,
    has_silent,
    is_silent,
    observed_class,
)
from lockcheck.conduct.verdict import (
    DEADLOCK,
    DIVERGED,
    END,
    HUNG,
    INTERRUPTED,
    POINTS,
    REFUSED,
    Picker,
)
from lockcheck.seam import AT_POINTS, Choice, Named, Op, Startable, SyncObject, Unwind
from lockcheck.sync.plain import lend, take_back, unlisted

__all__ = ["ControlledConductor"]

SLICE: Final = 0.5
"""Seconds between two looks at whether the running thread has been silent for too long."""


class ControlledConductor(QuietPhases):
    """Schedules one run after another on one pool of real threads.

    Args:
        pool: where threads come from.
        max_points: decisions after which a run is given up as `POINTS`.
        hang_after: seconds without a point after which the running thread counts as hung
            (`Silence`).  Nothing can run on this conductor afterwards: the thread may wake.
        timed: no timer fires before its time.
        early_timers: how many timers may fire early in one run; None: any number.
    """

    controlled = True

    def __init__(
        self,
        pool: Pool,
        *,
        max_points: int = 20_000,
        hang_after: float = 10.0,
        timed: bool = False,
        early_timers: int | None = EARLY_TIMERS,
    ) -> None:
        self._pool = pool
        self.timed = timed
        self.early_timers = early_timers
        self._home = pool.home
        self.max_points = max_points
        self.hang_after = hang_after
        self.observed: frozenset[str] = frozenset()
        """Classes whose releases are points, because somebody looks without blocking; and those
        that are released by others than their holders (`foreign_class`)."""
        self.on_end: Callable[[int], None] | None = None
        """Called by the thread that found the end (deadlock or not), everybody else parked."""
        self.checkers: Sequence[Checker] = ()
        """Marked when the run is over (`aborted`), so that unwinding is quiet."""
        self._reset()

    def _reset(self) -> None:
        self.tasks: list[Task] = []
        self.live: list[Task] = []
        self.current: Task | None = None
        self.record: list[int] = []
        """The choices made."""
        self.events: list[tuple[Choice, Op]] = []
        """What went, in order: choice and operation; silent operations included."""
        self._looked_at = 0
        """How many events there were when everybody was last asked whether it can go."""
        self.jumps: dict[int, list[tuple[Choice, Op]]] = {}
        """Events before which time jumped or the world had settled: what everybody stood before."""
        self.early: list[int] = []
        """Numbers of the events that were early timers, as the bound counts them."""
        self.in_round = False
        self.newly_observed: set[str] = set()
        self.verdict = END
        self.error: BaseException | None = None
        """What the body of the first thread raised."""
        self._refused: ThreadRefusedError | None = None
        self.stray: str = ""
        self._attention = True  # a point must look closer: quiet, aborting, interrupted, no run
        self._aborting = False
        self._interrupted = False
        self._quiet = 0
        self._quiet_points = 0
        early = UNBOUNDED if self.early_timers is None else self.early_timers
        early = 0 if self.timed else early
        self._rounds = Rounds(0 if self.timed else self.early_timers, self.events)
        self._clock = Clock(early, self._rounds, counts=not self.timed)
        self.pending: list[tuple[Choice, Op]] = []
        """What each thread stood before when the run ended."""

    # -- a run, seen by its controller -------------------------------------------------------------

    def run(self, body: Callable[[], None], strategy: Picker, *, name: str = "main") -> int:
        """Run `body` as the first thread; return the verdict when nobody runs any more.

        Raises: KeyboardInterrupt, after the run was unwound; ThreadRefusedError.
        """
        self._reset()
        self.pick = strategy.pick
        self._forced = -1 if strategy.asks_always else 1
        self._strategy = strategy
        self._attention = False
        root = self._add(name, body, None, None)
        self.current = root  # it begins at once: no choice yet
        with unlisted():  # to the program the main thread is its first, not this one
            root.wake()
            self._await_end()
        self._attention = True
        if self.verdict == HUNG:
            self._aborting = True  # should it ever wake, it unwinds
        else:
            self.current = None
        if self._refused is not None:
            raise self._refused
        if isinstance(self.error, ThreadRefusedError):
            raise self.error
        return self.verdict

    def interrupt(self) -> None:
        """End the run at its next point; from a signal handler, on the controller's thread."""
        self._interrupted = self._attention = True

    @property
    def interrupted(self) -> bool:
        """Was the run asked to end before its time?"""
        return self._interrupted

    def _await_end(self) -> None:
        interrupted = False
        seen: tuple[int, int, int] | None = None
        silence = Silence()
        slice_ = min(SLICE, self.hang_after)
        while True:
            try:
                if self._home.park_for(slice_):
                    break
            except KeyboardInterrupt:
                interrupted = True
                self.interrupt()
                continue
            now = (len(self.events), self._quiet_points, len(self.live))
            running = self.current
            if now != seen:
                silence.broken()
            elif running is not None:
                silence.add(running.native_id, slice_)
            if silence.seconds >= (
                min(1.0, self.hang_after) if self._interrupted else self.hang_after
            ):
                self.verdict = HUNG
                return
            seen = now
        self._pool.reclaim()
        if interrupted:
            raise KeyboardInterrupt

    def now(self) -> float:
        """Logical seconds since the run began."""
        return self._clock.now

    @property
    def cut(self) -> bool:
        """Did the bound on early timers forbid one in this run?"""
        return self._clock.cut

    def forbid(self) -> None:
        """The bound forbids an early timer where a strategy would have tried it."""
        self._clock.forbid()

    # -- points -----------------------------------------------------------------------------------

    def point(self, op: Op) -> bool:
        """Stand before `op` until it is granted; False: its timer fired.  Raises: Unwind."""
        me = self.current
        if self._attention or me is None or me.ident != _get_ident():
            return self._attend(me, op)
        trait = TRAITS[op.kind]
        me.ready = me.busy = None
        if trait:
            if op.foreign or (self.observed and (op.visible or trait == SILENT)):
                self._note_foreign(op)
            if trait == BLOCKING:
                me.busy = op.busy
                me.ready = op.obj.ready
            elif trait == SILENT:
                if is_silent(op, self.observed):
                    self.events.append((me.go, op))
                    return True
            else:
                self._note_observer(op)
        me.op = op
        me.rests = False
        if op.timeout is None:
            me.timed = False
        else:
            self._clock.arm(me, op)
            if op.repeat:
                self._rounds.arrived(me, op)
            self._note_observer(op)  # it may give up because it cannot go, and see that
        return self._decide(me)

    def _decide(self, me: Task) -> bool:
        record = self.record
        if len(record) >= self.max_points:
            self._over(POINTS)
            raise Unwind
        enabled = self._enabled()
        choice: int  # or a negative verdict
        if len(enabled) == self._forced:
            choice = enabled[0]
        elif enabled:
            choice = self.pick(enabled, me.go)
        else:
            choice = self._nobody()
        if choice < 0:
            self._over(choice)
            raise Unwind
        record.append(choice)
        if choice == me.go:
            self.events.append((me.go, me.op))
            return True
        task = self._grant(Choice.of(choice))
        if task is not me:
            self.current = task
            task.wake()
            me.park()
            if self._aborting:
                raise Unwind
        return me.granted

    def _enabled(self) -> list[Choice]:
        """Every choice there is: who can go, then whose timer may fire."""
        enabled: list[Choice] = []
        timed: list[Task] | None = None
        touched: set[SyncObject] | None = None
        before, self._looked_at = self._looked_at, len(self.events)
        for task in self.live:
            busy = task.busy
            if busy is not None:
                if not busy():
                    enabled.append(task.go)
                    continue
            else:
                ready = task.ready
                if task.rests and touched is None:
                    touched = {op.obj for _choice, op in self.events[before:]}
                if task.rests and touched is not None and task.op.obj not in touched:
                    pass  # nobody has touched what it waits for since it could not go
                elif ready is None or ready(task.op):
                    task.rests = False
                    enabled.append(task.go)
                    continue
                else:
                    task.rests = task.op.idle
            if task.timed:
                if timed is None:
                    timed = [task]
                else:
                    timed.append(task)
        if timed is not None and enabled:
            enabled += self._clock.choices(timed)
        return enabled

    def _grant(self, choice: Choice) -> Task:
        """Let another thread go, or its timer fire."""
        task = self.tasks[choice.thread]
        task.granted = not choice.fires
        self.events.append((task.go if task.granted else task.fire, task.op))
        if not task.granted:
            if task.op.repeat:
                self.in_round = True
                self._rounds.began(task)
            if self._clock.fire(task, self.live):
                self.early.append(len(self.events) - 1)
        return task

    def choose(self, n: int, why: str) -> int:
        """Resolve a choice of the program; the same list of choices records it."""
        me = self.current
        if n <= 1 or self._attention or me is None:
            return 0
        value = self._strategy.choose(n)
        if value < 0:
            self._over(value)
            raise Unwind
        choice = Choice.chose(value)
        self.record.append(choice)
        self.events.append((choice, me.op))
        return value

    def spawn(self, thread: Startable, run: Callable[[], None]) -> bool:
        """Give `thread` a pooled real thread; it begins when the strategy says so."""
        if self._aborting:
            raise Unwind
        try:
            self._add(thread.name, run, self.current, thread)
        except ThreadRefusedError as error:
            self._refused = error  # the system's fault, not the program's
            self._over(REFUSED)
            raise Unwind from error
        return True

    def wrote(
        self, cell: object, look: Callable[[], object], witness: object | None = AT_POINTS
    ) -> None:
        """Note a change, should the running thread be in a round."""
        me = self.current
        if me is not None and not self._attention:
            self._rounds.wrote(me, cell, look, witness)

    def note(self, obj: Named, ts: Named) -> None:
        """Nothing: the record of choices has the order."""

    def settle(self) -> None:
        """Block until every other thread finished or is an idle service.  Raises: Unwind."""
        me = self.current
        assert me is not None, "settle() is for a thread of the run"
        if self._attention:
            return
        me.settle()
        self._decide(me)
        me.settling = False

    # -- a world that is kept between schedules --------------------------------------------------

    def standing(self) -> Standing:
        """Who is there; by the first thread, everybody else parked in a service's idle wait."""
        tasks = [
            (task.name, -1 if task.parent is None else task.parent.index, task.thread,
             not task.finished)
            for task in self.tasks[1:]
        ]  # fmt: skip
        return Standing(tuple(tasks), self._clock.now)

    def revive(
        self,
        standing: Standing,
        body: Callable[[Any], Callable[[], None] | None],  # of what was spawned
    ) -> list[Task]:
        """Have the services run from their start again, numbered as they were; those that do.

        Context: the first thread, in a quiet phase.  `body` makes a thread's body.
        """
        self._clock.now = standing.now
        revived = []
        for name, parent, thread, alive in standing.tasks:
            run = body(thread) if alive else None
            if run is not None:
                self._add(name, run, self.tasks[parent], thread)
                revived.append(self.tasks[-1])
                continue
            gone = Task(len(self.tasks), name, self._pool.first, self.tasks[parent], thread)
            gone.finished = True
            self.tasks.append(gone)
        return revived

    # -- rarer cases ------------------------------------------------------------------------------

    def _attend(self, me: Task | None, op: Op) -> bool:
        """A point in a run that is quiet, over, interrupted, or not ours."""
        if me is None or (self.verdict == HUNG and me.ident != _get_ident()):
            return True  # before or after the run: the controller looks at the world
        if me.ident != _get_ident():
            self.stray = op.obj.name
            raise RuntimeError(
                f"{op!r}: a thread that lockcheck did not start touches a controlled object; "
                "start threads through the checked Thread class"
            )
        blocking = TRAITS[op.kind] == BLOCKING
        if self._aborting:
            if blocking and not op.obj.ready(op):
                raise Unwind
            return True
        if self._interrupted:
            self._over(INTERRUPTED)
            raise Unwind
        self._quiet_points += 1
        if not blocking or op.obj.ready(op):
            return True
        me.op = op
        me.ready = op.obj.ready
        me.busy = None
        me.rests = False
        me.timed = False
        if op.timeout is not None:
            self._clock.arm(me, op)
        self._quiet_switch(me)
        return me.granted

    def _nobody(self) -> int:
        """Nobody can go: the end, a jump in time, or a deadlock."""
        waiting = [task for task in self.live if not task.op.idle and not task.daemon]
        if not waiting:
            return END
        if len(waiting) == 1 and waiting[0].settling:
            self.jumps[len(self.events)] = self._stood()
            return waiting[0].go
        timed = self._clock.jump(self.live)
        if not timed:
            return DEADLOCK
        enabled = self._clock.choices(timed, stuck=True)
        choice = enabled[0] if len(enabled) == self._forced else self.pick(list(enabled), None)
        if choice >= 0 and not self._clock.is_free(self.tasks[Choice.of(choice).thread]):
            # It could not have fired before: everything so far comes before it.
            self.jumps[len(self.events)] = self._stood()
        return choice

    def _stood(self) -> list[tuple[Choice, Op]]:
        return [(task.go, task.op) for task in self.live]

    def _note_observer(self, op: Op) -> None:
        if not has_silent(op.obj):
            return
        name = observed_class(op.obj)
        if name not in self.observed:
            self.newly_observed.add(name)

    def observe(self, name: str) -> None:
        """A release of class `name` is to be a point, or a field of that name, in the next run."""
        if name not in self.observed:
            self.newly_observed.add(name)

    def _note_foreign(self, op: Op) -> None:
        """Others than its holder release it: every release of its class may come at any time."""
        name = foreign_class(op.obj)
        if name in self.observed:
            op.foreign = True
        elif op.foreign:
            self.newly_observed |= {name, observed_class(op.obj)}

    def _over(self, verdict: int) -> None:
        """The run is over: mark the checkers, then everybody unwinds, one at a time."""
        self.verdict = verdict
        self._attention = self._aborting = True
        self.pending = self._stood()
        if self.on_end is not None:
            self.on_end(verdict)
        for chk in self.checkers:
            chk.aborted = True

    def _add(
        self, name: str, run: Callable[[], None], parent: Task | None, thread: Startable | None
    ) -> Task:
        worker = self._pool.take()
        task = Task(len(self.tasks), name, worker, parent, thread)
        task.born = len(self.events)
        self.tasks.append(task)
        self.live.append(task)

        def job() -> None:
            task.ident = _get_ident()
            task.native_id = _thread.get_native_id()
            if not self._aborting:
                try:
                    run()
                except Unwind:
                    task.unwound = True
                except BaseException as error:  # handed to the controller, which knows what to say
                    if self.error is None:
                        self.error = error
            take_back(task.ident)
            self._finish(task)

        lend(worker.thread.ident, thread)  # from its start on, as threading lists its own
        worker.job = job
        return task

    def _finish(self, me: Task) -> None:
        """`me` is done: hand control to the next thread, or back when none is left."""
        me.finished = True
        self.live.remove(me)
        if not self._aborting:
            try:
                task = self._after(me)
            except Unwind:
                task = None
            except BaseException as error:
                self.error = self.error or error
                self._over(DIVERGED)
                task = None
            if task is not None:
                self.current = task
                task.wake()
                return
        if self.live:
            self.current = self.live[-1]
            self.current.wake()  # it sees that the run is over and unwinds
        else:
            self._home.wake()

    def _after(self, me: Task) -> Task | None:
        """Pick who follows a finished thread; None when the run is over."""
        if self._quiet:
            return self._quiet_next(None)
        enabled = self._enabled()
        if enabled:
            choice = enabled[0] if len(enabled) == self._forced else self.pick(enabled, None)
        else:
            choice = self._nobody()
        if choice < 0:
            self._over(choice)
            return None
        self.record.append(choice)
        return self._grant(Choice.of(choice))


_get_ident = _thread.get_ident
