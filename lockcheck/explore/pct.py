"""PCT: random priorities and a few change points (Burckhardt et al., ASPLOS 2010).

Each thread has a random priority, the highest goes; at `depth - 1` random steps the running thread
falls below everybody.  A bug that needs d ordering constraints is found by a run of depth d with a
chance of at least 1 / (n * k^(d-1)).  The depth cycles 2..5 by the number of the run, and k is the
longest run of the blocks of runs before (so that it does not depend on who runs what).

Deviation from the paper: a thread that went on for long while others could go (a spin) falls too,
for PCT is unfair and would never leave the loop.
"""

from __future__ import annotations

from typing import Final

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.explore.strategy import Strategy
from lockcheck.seam import Choice

__all__ = ["Pct"]

DEPTHS: Final = (2, 3, 4, 5)
SPIN: Final = 400
"""Steps in a row by one thread, others enabled, that count as spinning."""


class Pct(Strategy):
    """Priorities with change points."""

    name = "pct"

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self._longest = 0

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Draw this run's change points."""
        super().begin(conductor, run)
        depth = DEPTHS[run % len(DEPTHS)]
        steps = max(self._longest, 20)
        self._changes = {int(self.rng.random() * steps) for _ in range(depth - 1)}
        self._priority: dict[int, float] = {}
        self._low = 0.0
        self._step = 0
        self._last = -1
        self._streak = 0
        return True

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        """Let the highest priority go, after a change point perhaps another than before."""
        priority = self._priority
        if self._step in self._changes and current is not None and current in enabled:
            self._fall(current.thread)
        self._step += 1
        best = enabled[0]
        best_priority = -1e9
        for choice in enabled:
            thread = choice.thread
            mine = priority.get(thread)
            if mine is None:
                mine = priority[thread] = self.rng.random() + 1.0
            if choice.fires:
                # A timer is a rival of its own: drawn afresh, so it may win at any step.
                mine = self.rng.random() * 2.0 - 0.95
            if mine > best_priority:
                best, best_priority = choice, mine
        if best.thread == self._last:
            self._streak += 1
            if self._streak > SPIN:
                self._fall(self._last)
                self._streak = 0
        else:
            self._last, self._streak = best.thread, 0
        return best

    def measured(self, points: int) -> None:
        """Draw change points over the longest schedule so far."""
        self._longest = max(self._longest, points)

    def _fall(self, thread: int) -> None:
        self._low -= 1.0
        self._priority[thread] = self._low
