"""A search aimed at one predicted cycle (as DeadlockFuzzer: Joshi, Park, Sen, Naik, PLDI 2009).

The cycle says which thread holds what where it wants what.  A random walk is led there: a thread
that is about to want its part of the cycle, with what it holds of it in hand, is made to stand
there until the others have come; where everybody else is stuck too, one of those who stand goes on.
When all have come, each wants what the next one holds: the predicted deadlock happens, with a
schedule that shows it again.  When it does not happen in so many tries, nothing is proved: the
finding stays `possible`, and says for how long it was tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.task import Task
from lockcheck.core.report import LockRef, Report, Step
from lockcheck.explore.strategy import Strategy
from lockcheck.seam import Choice

__all__ = ["AIMED_AT", "TRIES", "Aimed", "is_shown_by"]

AIMED_AT: Final = ("circular", "recursive", "wait-cycle")
"""Kinds of findings that predict a deadlock by a cycle."""
TRIES: Final = 200
_LOCKS: Final = ("lock", "read", "rread")


@dataclass(frozen=True, slots=True)
class _Part:
    """One participant's way into the cycle."""

    held: str
    """Class of the lock that must be in its hand; empty: none."""
    wanted: str
    name: str

    @classmethod
    def of(cls, step: Step) -> _Part:
        held = step.held.cls if step.held.mode in _LOCKS else ""
        return cls(held, step.wanted.cls, step.wanted.name)


class Aimed(Strategy):
    """A random walk that waits at a predicted cycle."""

    name = "aimed"

    def __init__(self, report: Report, seed: int = 0) -> None:
        super().__init__(seed)
        self._parts = [_Part.of(step) for step in report.cycle]

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Start with nobody standing."""
        super().begin(conductor, run)
        self._let_go: set[tuple[int, int]] = set()
        """Who was let go on where it stood: a thread, and how much had happened."""
        self._moved: dict[int, int] = {}
        return True

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        """Let anybody go who does not stand at the cycle; when all do, one of them."""
        free = [choice for choice in enabled if not self._stands(choice)]
        among = free or enabled
        choice = among[int(self.rng.random() * len(among))]
        thread = choice.thread
        if not free:
            self._let_go.add((thread, self._moved.get(thread, 0)))
        self._moved[thread] = self._moved.get(thread, 0) + 1
        return choice

    def _stands(self, choice: Choice) -> bool:
        if choice.fires or (choice.thread, self._moved.get(choice.thread, 0)) in self._let_go:
            return False
        task = self.conductor.tasks[choice.thread]
        return any(self._is_at(task, part) for part in self._parts)

    def _is_at(self, task: Task, part: _Part) -> bool:
        obj = task.op.obj
        if part.wanted != obj.class_name and part.name != obj.name:
            return False
        return not part.held or part.held in self._held(task)

    def _held(self, task: Task) -> set[str]:
        return {
            entry.lock.cls.name
            for chk in self.conductor.checkers
            for ts in list(chk.threads.values())
            if ts.ident == task.ident
            for entry in ts.held()
        }


def is_shown_by(report: Report, happened: Report) -> bool:
    """Is the deadlock that happened the one that `report` predicts?"""
    if happened.kind != "deadlock":
        return False
    left = {step.wanted.name for step in report.cycle if step.held.mode == "meet"}
    if left:  # at a barrier: who it is differs
        return left <= set(happened.locks)
    if not happened.cycle:
        return False
    return _wanted(report) <= _wanted(happened)


def _wanted(report: Report) -> set[str]:
    """Classes of the locks that the participants of a cycle want; other waits by their name."""
    refs: list[LockRef] = [step.wanted for step in report.cycle]
    return {ref.cls for ref in refs if ref.mode in _LOCKS}
