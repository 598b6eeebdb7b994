"""POS: partial order sampling (Yuan, Yang, Gu; CAV 2018).

Every pending *operation* has a random priority, the highest goes; an operation that conflicts with
the one that went is drawn again.  That samples orders of conflicting operations nearly evenly,
where a random walk is drawn to orders with many representatives.
"""

from __future__ import annotations

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.explore.conflict import depends, footprint
from lockcheck.explore.strategy import Strategy

__all__ = ["Pos"]


class Pos(Strategy):
    """A priority for each pending operation."""

    name = "pos"

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Start with no priorities."""
        super().begin(conductor, run)
        self._priority: dict[int, float] = {}
        return True

    def pick(self, enabled: list[int], current: int) -> int:
        """Let the highest go; draw its rivals again."""
        priority = self._priority
        draw = self.rng.random
        best = -1
        highest = -1.0
        for choice in enabled:
            mine = priority.get(choice)
            if mine is None:
                mine = priority[choice] = draw()
            if mine > highest:
                best, highest = choice, mine
        thread = best >> 1
        priority.pop(best, None)
        priority.pop(best ^ 1, None)
        tasks = self.conductor.tasks
        gone = footprint(best, tasks[thread].op)
        if gone:
            for choice in enabled:
                other = choice >> 1
                if other != thread and depends(gone, footprint(choice, tasks[other].op)):
                    priority.pop(choice, None)
        return best
