"""The portfolio: run i uses strategy i mod m.

No single strategy wins everywhere, so the default asks several in turn: a random walk, PCT, POS,
and DPOR, which ends the search when it has tried every order.  Each keeps its own state and
counts its own runs; a finding says which one found it.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.explore.strategy import Strategy

__all__ = ["Portfolio"]


class Portfolio(Strategy):
    """Several strategies in turn."""

    name = "portfolio"

    def __init__(self, members: Sequence[Strategy], seed: int = 0) -> None:
        super().__init__(seed)
        self.members = list(members)
        self.active = self.members[0]

    @property
    def running(self) -> Strategy:
        """The member whose turn it is."""
        return self.active

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Hand the run to the member whose turn it is."""
        turn = self.members[run % len(self.members)]
        if not turn.begin(conductor, run // len(self.members)):
            self.exhausted = True
            return False
        self.active = turn
        self.asks_always = turn.asks_always
        self.pick = turn.pick  # type: ignore[method-assign]  # one call less a choice
        return True

    def choose(self, n: int) -> int:
        """Ask the member."""
        return self.active.choose(n)

    def end(self, verdict: int) -> None:
        """Hand it to the member; one that has tried everything ends the search."""
        self.active.end(verdict)
        if self.active.exhausted:
            self.exhausted = True

    def restart(self) -> None:
        """Hand it to all members."""
        for member in self.members:
            member.restart()

    def describe(self) -> dict[str, object]:
        """What the members say."""
        return {member.name: facts for member in self.members if (facts := member.describe())}
