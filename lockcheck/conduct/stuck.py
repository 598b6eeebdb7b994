"""Logical time: which timers may fire, and when a run without anybody able to go is stuck for good.

Every timer belongs to one thread, at the place where that thread stands.  It may fire only while
its operation cannot go: who arrives at a free lock does not time out.

* A timer is *due* when its deadline has passed.  Where nobody can go, time jumps to the earliest
  deadline, unless that would change nothing.  A timer that only repeats its own wait (`Op.repeat`,
  as the rebroadcast of the wait for references) is of no use when its thread has gone round in vain
  since anything happened but vain rounds (`rounds`), or when it has fired `PATIENCE` times in one
  picture: what every thread waits for, and the counts it waits on.  Where no timer is of use, it is
  a deadlock.  Rounds that keep disturbing each other could go on for ever: after half of that, one
  goes alone.
* Any other timer fires *early*: every other thread was slower than it.  How many may do so in one
  schedule is a bound (`early`).  A sleep, which nothing but its timer ends, has a larger one of its
  own, `SLEEPS` times as many for each thread: it bounds loops that poll.  A timer that repeats its
  wait does not count: `rounds` says when there is no need of it, and bounds those that change
  something.  `cut` remembers that a bound forbade one, and then a search must not say that it tried
  everything.

Left out: a loop around a wait whose timer is *not* marked as repeating is taken for progress; the
limit of points ends it, and the outcome is then `incomplete`, never a pass.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from lockcheck.conduct.rounds import BOUND, FRESH, VAIN
from lockcheck.seam import Choice, Kind, Op, never

if TYPE_CHECKING:
    from lockcheck.conduct.rounds import Rounds
    from lockcheck.conduct.task import Task

__all__ = ["EARLY_TIMERS", "UNBOUNDED", "Clock"]

EARLY_TIMERS: Final = 2
"""How many timers may fire early in one schedule, where nothing else is said."""
UNBOUNDED: Final = 1 << 60
SLEEPS: Final = 10
"""How many sleeps of one thread may end early, for each timer of `early`."""
PATIENCE: Final = 20
"""How often a due timer that repeats its wait fires in one picture, whatever its rounds change."""
ALONE: Final = PATIENCE // 2
"""After how many the rounds of several such waits do not disturb each other any more."""


class Clock:
    """Logical time of one run.

    Args:
        early: how many timers may fire early.
        rounds: what repeated waits came to.
        counts: is what `early` forbids a loss?  Not where timers must keep their time.
    """

    __slots__ = ("_alone", "_counts", "_fired_in", "_rounds", "_sleeps", "cut", "now", "spare")

    def __init__(self, early: int, rounds: Rounds, *, counts: bool = True) -> None:
        self._rounds = rounds
        self.now = 0.0
        self.spare = early
        """How many timers may still fire early."""
        self._sleeps = early * SLEEPS
        self.cut = False
        """A timer could have fired early but for the bound."""
        self._counts = counts
        self._fired_in: dict[Hashable, dict[int, int]] = {}
        """Stuck picture -> how often repeating timers (by thread) fired in it."""
        self._alone: Task | None = None
        """Other timers that repeat their wait do not fire until nobody can go again."""

    def arm(self, task: Task, op: Op) -> None:
        """`task` stands before `op`, which has a time limit."""
        assert op.timeout is not None
        task.deadline = self.now + op.timeout
        task.timed = True

    def choices(self, timed: list[Task], *, stuck: bool = False) -> list[Choice]:
        """Return which timers of `timed`, tasks that cannot go, may fire; the due ones first.

        `stuck`: nobody else can go; only then a repeated wait has a round that it may not have
        early.
        """
        due: list[Choice] = []
        early: list[Choice] = []
        for task in timed:
            op = task.op
            if op.repeat and self._alone not in (None, task):
                if op.rounds != VAIN:
                    self.forbid()
            elif task.deadline <= self.now and (stuck or not op.repeat or op.rounds == FRESH):
                due.append(task.fire)
            elif op.idle:
                continue
            elif self.is_free(task):
                early.append(task.fire)
            elif not op.repeat or op.rounds == BOUND:
                self.forbid()
        return due + early

    def fire(self, task: Task, live: list[Task]) -> bool:
        """`task`'s timer fires; is it early, and spends one of `spare`?"""
        if task.op.repeat:
            if task.deadline <= self.now:
                fired = self._fired_in.setdefault(_picture(live), {})
                fired[task.index] = fired.get(task.index, 0) + 1
            return False
        if task.deadline <= self.now:
            return False
        if task.op.aux is never:
            task.slept += 1
            return False
        self.spare -= 1
        return True

    def forbid(self) -> None:
        """The bound forbids that a timer fires early."""
        self.cut |= self._counts

    def is_free(self, task: Task) -> bool:
        """May `task`'s timer fire before its time?"""
        op = task.op
        if op.repeat:
            return op.rounds == FRESH
        return task.slept < self._sleeps if op.aux is never else self.spare > 0

    def jump(self, live: list[Task]) -> list[Task]:
        """Nobody can go: advance to the next deadline that changes anything.

        Returns those whose timers are of use, the due ones among them; none: it is a deadlock.
        """
        timed = [task for task in live if task.timed]
        fired = self._fired_in.get(_picture(live), {}) if self._fired_in else {}
        useful = [
            task
            for task in timed
            if not task.op.repeat or self._helps(task, fired.get(task.index, 0))
        ]
        # A round that may not be had early is for when nothing else is left.
        useful = [task for task in useful if not task.op.repeat or self.is_free(task)] or useful
        self._alone = None
        if useful:
            first = min(useful, key=lambda task: task.deadline)
            self.now = max(self.now, first.deadline)
            if first.op.repeat and any(fired.get(task.index, 0) >= ALONE for task in useful):
                self._alone = first
        return useful

    def _helps(self, task: Task, fired: int) -> bool:
        """Can another round of `task`, after so many in this picture, change anything?"""
        return fired < PATIENCE and not self._rounds.is_tired(task)


def _picture(live: list[Task]) -> Hashable:
    """Describe what everybody waits for, with the counts in which two pictures could differ."""
    return tuple((task.index, task.op.kind, task.op.obj.name, _counts(task.op)) for task in live)


def _counts(op: Op) -> Hashable:
    if op.kind is not Kind.WAIT_REFS:
        return 0
    refs, _value = op.aux
    return tuple((ref.name, ref.value) for ref in refs)
