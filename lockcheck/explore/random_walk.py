"""The random walk: every choice with the same chance.

Strong for its price: in the published comparisons it beats everything systematic on programs of any
size, and it has no state that could be wrong.
"""

from __future__ import annotations

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.explore.strategy import Strategy
from lockcheck.seam import Choice

__all__ = ["RandomWalk"]


class RandomWalk(Strategy):
    """Uniform at each choice."""

    name = "random"

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Seed this run's stream."""
        super().begin(conductor, run)
        self._random = self.rng.random
        return True

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        """Draw one."""
        return enabled[int(self._random() * len(enabled))]
