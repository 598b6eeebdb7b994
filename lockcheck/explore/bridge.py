"""From a failure of a free run to a schedule: follow the recorded orders under control.

A free (perturbed) run records for every object whose turn it was, in order.  Under control the
strategy here always prefers a thread whose next operation is the next in its object's record.  That
repeats most failures at once; where the record leaves the choice open (objects that were not
recorded, threads that never waited for each other) the choice is drawn, and a few runs are tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.perturbed import thread_key
from lockcheck.explore.schedule import default
from lockcheck.explore.strategy import Strategy
from lockcheck.seam import Choice, Kind

if TYPE_CHECKING:
    from lockcheck.explore.result import Finding
    from lockcheck.explore.session import Session

__all__ = ["FollowOrders", "repeat_free_run"]

RUNS = 60
"""Schedules to try before giving up."""
_COUNTED = (
    Kind.ACQUIRE,
    Kind.WAIT,
    Kind.WAKE,
    Kind.REF_INC,
    Kind.REF_DEC,
)
"""Operations that a free run records (`Conductor.note`)."""


class FollowOrders(Strategy):
    """Prefer whoever was next in the record."""

    name = "bridge"
    asks_always = True

    def __init__(self, orders: Mapping[str, Sequence[int]], seed: int = 0) -> None:
        super().__init__(seed)
        self._orders = orders

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Start at the beginning of every record."""
        super().begin(conductor, run)
        self._at: dict[str, int] = {}
        self._loose = run / RUNS  # later runs trust the record less
        return True

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        """Take a choice that the record allows; the running thread first."""
        allowed = [choice for choice in enabled if not choice.fires and self._next(choice)]
        if not allowed:
            allowed = [choice for choice in enabled if not choice.fires] or enabled
            choice = allowed[int(self.rng.random() * len(allowed))]
        elif self.rng.random() < self._loose:
            choice = allowed[int(self.rng.random() * len(allowed))]
        else:
            choice = default(allowed, current)
        self._count(choice)
        return choice

    def _next(self, choice: Choice) -> bool:
        """Is this thread's operation next in its object's record, or is none kept?"""
        task = self.conductor.tasks[choice.thread]
        if task.op.kind not in _COUNTED:
            return True
        order = self._orders.get(task.op.obj.name)
        at = self._at.get(task.op.obj.name, 0)
        return order is None or at >= len(order) or order[at] == thread_key(task.name)

    def _count(self, choice: Choice) -> None:
        op = self.conductor.tasks[choice.thread].op
        if not choice.fires and op.kind in _COUNTED:
            self._at[op.obj.name] = self._at.get(op.obj.name, 0) + 1


def repeat_free_run(
    session: Session, orders: Mapping[str, Sequence[int]], print_: str, *, seed: int = 0
) -> Finding | None:
    """Turn the failure with fingerprint `print_` into a finding with a token, if that works.

    `session` explores the very thing that ran free; `orders` is what the free run recorded.
    """
    strategy = FollowOrders(orders, seed)
    for run in range(RUNS):
        known = len(session.findings)
        session.run_one(strategy, run)
        for finding in session.findings[known:]:
            if finding.report.fingerprint == print_ and finding.token is not None:
                return finding
    return None
