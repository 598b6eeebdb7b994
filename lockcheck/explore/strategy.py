"""What every strategy is: called when a run begins and ends, asked at each choice between.

One strategy a file.  A strategy keeps its search state between runs and knows nothing about the
program but the operations that threads stand before (`conductor.tasks`) and, at the end, what went
(`conductor.events`).  It never touches the world.
"""

from __future__ import annotations

import random
from typing import Final

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.seam import Choice

__all__ = ["Strategy", "mix"]

_MASK: Final = (1 << 64) - 1


def mix(seed: int, run: int) -> int:
    """Derive the seed of one run; so any run can be repeated alone, on any shard.

    The finaliser of splitmix64: neighbouring runs get unrelated seeds.
    """
    z = (seed + (run + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


class Strategy:
    """Picks who goes next.  Subclasses override what they need."""

    name = "strategy"
    exhaustive = False
    """Does it end by itself, having tried everything it promises?"""
    asks_always = False
    """Is `pick` called even when there is one choice only?"""
    bounded = ""
    """What a bound of its own left out, in words, although it is exhausted."""

    observed: frozenset[str] = frozenset()
    """Classes whose releases are points, as far as this strategy knows."""

    @property
    def running(self) -> Strategy:
        """Which strategy runs the present schedule."""
        return self

    def measured(self, points: int) -> None:
        """The longest schedule of the blocks of runs before."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.conductor: ControlledConductor
        self.exhausted = False
        """Everything was tried; no further run is needed."""

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Prepare run number `run`; False: there is nothing left to try."""
        self.conductor = conductor
        self.rng.seed(mix(self.seed, run))
        return True

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        """Return one of `enabled`, or a negative verdict; `current` is the running thread's."""
        raise NotImplementedError

    def choose(self, n: int) -> int:
        """Return one of `range(n)`: a choice of the program's own."""
        return int(self.rng.random() * n)

    def end(self, verdict: int) -> None:
        """Learn how the run ended; `conductor` still shows it."""

    def restart(self) -> None:
        """Forget the search: what counts as a point has changed."""

    def describe(self) -> dict[str, object]:
        """What a reader may want to know about how far it got."""
        return {}
