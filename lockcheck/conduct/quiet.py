"""Quiet phases of a controlled run: set-up and looking around, without scheduling points.

In a quiet phase a thread goes on until it blocks, then the first that can goes; nothing is chosen
and nothing recorded.  At its end everybody else has run until it blocks, so what follows starts
from one state, the same in every schedule.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lockcheck.conduct.stuck import Clock
from lockcheck.conduct.task import Task
from lockcheck.conduct.verdict import DEADLOCK
from lockcheck.seam import Unwind

__all__ = ["QuietPhases"]


class QuietPhases:
    """The part of the conductor that runs threads without asking anybody."""

    live: list[Task]
    current: Task | None
    _clock: Clock
    _aborting: bool
    _attention: bool
    _interrupted: bool
    _quiet: int

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Run the body without points: a thread goes on until it blocks, then the next one does.

        At its end everybody else has run until it blocks, so what follows starts from one state.
        """
        me = self.current
        if me is None or self._aborting:
            yield
            return
        self._quiet += 1
        self._attention = True
        for task in self.live:
            task.rests = False  # what is touched in a quiet phase is not recorded
        try:
            yield
            if not self._aborting and self._quiet == 1:
                self._drain(me)
        finally:
            self._quiet -= 1
            for task in self.live:
                task.rests = False
            if not self._quiet and not self._aborting and not self._interrupted:
                self._attention = False

    def _drain(self, me: Task) -> None:
        """Let everybody else run until it blocks."""
        me.settle()
        me.settling = False
        me.draining = True
        self._quiet_switch(me)
        me.draining = False

    def _quiet_switch(self, me: Task) -> None:
        task = self._quiet_next(me)
        if task is me:
            return
        self.current = task
        task.wake()
        me.park()
        if self._aborting:
            raise Unwind

    def _quiet_next(self, me: Task | None) -> Task:
        """Return who goes on in a quiet phase; raises Unwind when nobody can."""
        for task in self.live:
            if task.ready is None or task.ready(task.op):
                task.granted = True
                return task
        for task in self.live:
            if task.draining:
                task.granted = True
                return task
        timed = self._clock.jump(self.live)
        if not timed:
            self._over(DEADLOCK)
            raise Unwind
        first = next(t for t in timed if t.deadline <= self._clock.now)
        first.granted = False
        return first

    def _over(self, verdict: int) -> None:
        """The conductor ends the run."""
        raise NotImplementedError
