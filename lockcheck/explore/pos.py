"""POS: partial order sampling (Yuan, Yang, Gu; CAV 2018).

Every pending *operation* has a random priority, the highest goes; an operation that conflicts with
the one that went is drawn again.  That samples orders of conflicting operations nearly evenly,
where a random walk is drawn to orders with many representatives.
"""

from __future__ import annotations

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.explore.conflict import depends, footprint
from lockcheck.explore.strategy import Strategy
from lockcheck.seam import Choice

__all__ = ["Pos"]


class Pos(Strategy):
    """A priority for each pending operation."""

    name = "pos"

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Start with no priorities."""
        super().begin(conductor, run)
        self._priority: dict[Choice, float] = {}
        return True

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        """Let the highest go; draw its rivals again."""
        priority = self._priority
        draw = self.rng.random
        best = enabled[0]
        highest = -1.0
        for choice in enabled:
            mine = priority.get(choice)
            if mine is None:
                mine = priority[choice] = draw()
            if mine > highest:
                best, highest = choice, mine
        thread = best.thread
        priority.pop(Choice.go(thread), None)
        priority.pop(Choice.fire(thread), None)
        tasks = self.conductor.tasks
        gone = footprint(best, tasks[thread].op)
        if gone:
            for choice in enabled:
                other = choice.thread
                if other != thread and depends(gone, footprint(choice, tasks[other].op)):
                    priority.pop(choice, None)
        return best
