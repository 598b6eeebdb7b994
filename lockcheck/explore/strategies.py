"""Strategies by name, as the command lines offer them."""

from __future__ import annotations

from lockcheck.explore.dfs import Dfs
from lockcheck.explore.dpor import Dpor
from lockcheck.explore.pct import Pct
from lockcheck.explore.portfolio import Portfolio
from lockcheck.explore.pos import Pos
from lockcheck.explore.random_walk import RandomWalk
from lockcheck.explore.shard import owner_of
from lockcheck.explore.strategy import Strategy

__all__ = ["DEFAULT_SCHEDULES", "STRATEGIES", "OptionError", "make_strategy"]

STRATEGIES = ("portfolio", "random", "pct", "pos", "dfs", "dpor")
DEFAULT_SCHEDULES = 1000
"""What is asked of the sampling strategies when nothing is said."""


class OptionError(ValueError):
    """These options do not go together."""


def make_strategy(
    name: str, seed: int, *, preemptions: int | None = None, shard: tuple[int, int] = (0, 1)
) -> Strategy:
    """Return a fresh strategy.  Raises: OptionError."""
    if preemptions is not None and name != "dfs":
        raise OptionError(
            f"--preemptions bounds dfs only; with {name} it would hide schedules silently"
        )
    if preemptions is not None and preemptions < 0:
        raise OptionError("--preemptions must be 0 or more")
    if name == "random":
        return RandomWalk(seed)
    if name == "pct":
        return Pct(seed)
    if name == "pos":
        return Pos(seed)
    if name == "dfs":
        return Dfs(seed, preemptions=preemptions, owns=owner_of(shard))
    if name == "dpor":
        return Dpor(seed, owns=owner_of(shard))
    if name == "portfolio":
        return Portfolio(
            [RandomWalk(seed), Pct(seed), Pos(seed), Dpor(seed, owns=owner_of(shard))], seed
        )
    raise OptionError(f"no strategy {name!r}; the strategies are {', '.join(STRATEGIES)}")
