"""Logical time, and when a run without anybody enabled is stuck for good.

Time stands still while anybody can go.  When nobody can, it jumps to the earliest deadline, unless
that would change nothing: a timer that only repeats its own wait (`Op.repeat`, as the rebroadcast
of the wait for references) may fire once in each stuck picture.  A picture is what every thread
waits for and the counts it waits on; the same picture again, with every repeating timer fired, is a
deadlock.

Left out: a loop around a wait whose timer is *not* marked as repeating is taken for progress; the
limit of points ends it, and the outcome is then `incomplete`, never a pass.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockcheck.seam import Kind, Op

if TYPE_CHECKING:
    from lockcheck.conduct.task import Task

__all__ = ["Clock", "Timer", "timer_of"]


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer by name; timers of one name may fire early once a run, all together."""

    name: str


def timer_of(op: Op) -> Timer:
    """Return the timer of an operation with a time limit."""
    return Timer(op.timer or str(op.obj.name))


class Clock:
    """Logical time of one run."""

    __slots__ = ("_early", "_fired_in", "_spent", "now")

    def __init__(self, *, early: bool = True) -> None:
        self.now = 0.0
        self._early = early
        self._spent: set[str] = set()
        """Names of timers that fired early."""
        self._fired_in: dict[Hashable, set[int]] = {}
        """Stuck picture -> repeating timers (by thread) that fired in it."""

    def arm(self, task: Task, op: Op) -> None:
        """`task` stands before `op`, which has a time limit."""
        assert op.timeout is not None
        task.deadline = self.now + op.timeout
        task.early = not op.idle and (
            op.timeout <= 0 or (self._early and (op.timer or op.obj.name) not in self._spent)
        )

    def fire(self, task: Task, live: list[Task]) -> None:
        """`task`'s timer fires; if that was early, no other of that name may."""
        task.early = False
        if task.deadline <= self.now:
            return
        name = task.op.timer or task.op.obj.name
        self._spent.add(name)
        for other in live:
            if other.early and other.deadline > self.now:
                other.early = (other.op.timer or other.op.obj.name) != name

    def jump(self, live: list[Task]) -> Task | None:
        """Advance to the next deadline that can change anything; None: there is none.

        Every task whose deadline has then passed may fire (`early`); returns the first.
        """
        timed = [task for task in live if task.op.timeout is not None]
        fired = self._fired_in.setdefault(_picture(live), set())
        useful = [task for task in timed if not task.op.repeat or task.index not in fired]
        if not useful:
            return None
        first = min(useful, key=lambda task: task.deadline)
        self.now = max(self.now, first.deadline)
        for task in useful:
            if task.deadline <= self.now:
                task.early = True
                if task.op.repeat:
                    fired.add(task.index)
        return first


def _picture(live: list[Task]) -> Hashable:
    """Describe what everybody waits for, with the counts that could tell two pictures apart."""
    return tuple((task.index, task.op.kind, task.op.obj.name, _counts(task.op)) for task in live)


def _counts(op: Op) -> Hashable:
    if op.kind is not Kind.WAIT_REFS:
        return 0
    refs, _value = op.aux
    return tuple((ref.name, ref.value) for ref in refs)
