"""Logical time: which timers may fire, and when a run without anybody able to go is stuck for good.

Every timer belongs to one thread, at the place where that thread stands.  It may fire only while
its operation cannot go: who arrives at a free lock does not time out.

* A timer is *due* when its deadline has passed.  Where nobody can go, time jumps to the earliest
  deadline, unless that would change nothing: a timer that only repeats its own wait (`Op.repeat`,
  as the rebroadcast of the wait for references) may fire once in each stuck picture.  A picture is
  what every thread waits for and the counts it waits on; the same picture again, with every
  repeating timer fired, is a deadlock.
* Any other timer fires *early*: every other thread was slower than it.  How many may do so in one
  schedule is a bound (`early`).  A sleep, which nothing but its timer ends, has a larger one of its
  own, `SLEEPS` times as many for each thread: it bounds loops that poll.  `cut` and `repeats_cut`
  remember that a bound forbade one, and then a search must not say that it tried everything.

Left out: a loop around a wait whose timer is *not* marked as repeating is taken for progress; the
limit of points ends it, and the outcome is then `incomplete`, never a pass.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from lockcheck.seam import Choice, Kind, Op, never

if TYPE_CHECKING:
    from lockcheck.conduct.task import Task

__all__ = ["EARLY_TIMERS", "UNBOUNDED", "Clock"]

EARLY_TIMERS: Final = 2
"""How many timers may fire early in one schedule, where nothing else is said."""
UNBOUNDED: Final = 1 << 60
SLEEPS: Final = 10
"""How many sleeps of one thread may end early, for each timer of `early`."""


class Clock:
    """Logical time of one run.

    Args:
        early: how many timers may fire early.
        counts: is what `early` forbids a loss?  Not where timers must keep their time.
    """

    __slots__ = ("_counts", "_fired_in", "_sleeps", "cut", "now", "repeats_cut", "spare")

    def __init__(self, early: int, *, counts: bool = True) -> None:
        self.now = 0.0
        self.spare = early
        """How many timers may still fire early."""
        self._sleeps = early * SLEEPS
        self.cut = False
        """A timer could have fired early but for the bound."""
        self.repeats_cut = False
        """So could one that only repeats its wait; it can without end, whatever the bound is."""
        self._counts = counts
        self._fired_in: dict[Hashable, set[int]] = {}
        """Stuck picture -> repeating timers (by thread) that fired in it."""

    def arm(self, task: Task, op: Op) -> None:
        """`task` stands before `op`, which has a time limit."""
        assert op.timeout is not None
        task.deadline = self.now + op.timeout
        task.timed = True

    def choices(self, timed: list[Task]) -> list[Choice]:
        """Return which timers of `timed`, tasks that cannot go, may fire; the due ones first."""
        due: list[Choice] = []
        early: list[Choice] = []
        for task in timed:
            op = task.op
            if task.deadline <= self.now:
                due.append(task.fire)
            elif op.idle:
                continue
            elif task.slept < self._sleeps if op.aux is never else self.spare > 0:
                early.append(task.fire)
            else:
                self.forbid(op)
        return due + early

    def fire(self, task: Task, live: list[Task]) -> bool:
        """`task`'s timer fires; is it early, and spends one of `spare`?"""
        if task.op.repeat:
            self._fired_in.setdefault(_picture(live), set()).add(task.index)
        if task.deadline <= self.now:
            return False
        if task.op.aux is never:
            task.slept += 1
            return False
        self.spare -= 1
        return True

    def forbid(self, op: Op) -> None:
        """The bound forbids that the timer of `op` fires early."""
        if op.repeat:
            self.repeats_cut |= self._counts
        else:
            self.cut |= self._counts

    def is_free(self, task: Task) -> bool:
        """Could `task`'s timer have fired before time jumped?"""
        op = task.op
        return not op.repeat and (task.slept < self._sleeps if op.aux is never else self.spare > 0)

    def jump(self, live: list[Task]) -> bool:
        """Nobody can go: advance to the next deadline that changes anything; False: there is none.

        Timers whose deadline has then passed are due.
        """
        timed = [task for task in live if task.timed]
        fired = self._fired_in.get(_picture(live), ())
        useful = [task for task in timed if not task.op.repeat or task.index not in fired]
        if not useful:
            return False
        first = min(useful, key=lambda task: task.deadline)
        self.now = max(self.now, first.deadline)
        return True


def _picture(live: list[Task]) -> Hashable:
    """Describe what everybody waits for, with the counts in which two pictures could differ."""
    return tuple((task.index, task.op.kind, task.op.obj.name, _counts(task.op)) for task in live)


def _counts(op: Op) -> Hashable:
    if op.kind is not Kind.WAIT_REFS:
        return 0
    refs, _value = op.aux
    return tuple((ref.name, ref.value) for ref in refs)
