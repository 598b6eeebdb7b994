"""Depth-first search with an optional bound on preemptions (CHESS).

Tries every schedule, those with fewer preemptions first: bound 0, then 1, and so on up to the
bound. A preemption is a switch away from a thread that could have gone on.  Without a bound it is
plain brute force: the yardstick that the reduction is tested against.
"""

from __future__ import annotations

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.verdict import DIVERGED, REDUNDANT
from lockcheck.explore.shard import DEPTH, Owns
from lockcheck.explore.strategy import Strategy

__all__ = ["Dfs"]


class _Node:
    __slots__ = ("current", "index", "options", "spent")

    def __init__(self, options: list[int], current: int, spent: int) -> None:
        self.options = options
        """Choices in order of trying."""
        self.current = current
        self.spent = spent
        """Preemptions before this choice."""
        self.index = 0


class Dfs(Strategy):
    """Every schedule within the bound, the least preempted first."""

    name = "dfs"
    exhaustive = True

    def __init__(
        self, seed: int = 0, *, preemptions: int | None = None, owns: Owns | None = None
    ) -> None:
        super().__init__(seed)
        self._owns = owns
        self._last_bound = preemptions
        self.bound: int | None = None if preemptions is None else 0
        self._stack: list[_Node] = []
        self._depth = 0
        self._cut = False  # did the bound forbid anything in this round?

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Go back to the deepest choice that has an untried option."""
        super().begin(conductor, run)
        self._depth = 0
        return not self.exhausted

    def pick(self, enabled: list[int], current: int) -> int:
        """Follow the stack, then prefer the running thread."""
        return self._next(enabled, current)

    def choose(self, n: int) -> int:
        """Try all values."""
        return self._next(list(range(n)), -1)

    def end(self, verdict: int) -> None:
        """Move the deepest choice on that has an untried option."""
        if verdict == DIVERGED:
            self.exhausted = True  # the program is not deterministic: nothing was proved
            return
        del self._stack[self._depth :]
        while self._stack:
            node = self._stack[-1]
            node.index += 1
            if node.index < len(node.options):
                return
            self._stack.pop()
        self._next_bound()

    def restart(self) -> None:
        """Begin the search again."""
        self._stack.clear()
        self._cut = False
        self.bounded = ""
        self.exhausted = False
        self.bound = None if self._last_bound is None else 0

    def describe(self) -> dict[str, object]:
        """Tell the bound that was finished."""
        if self._last_bound is None:
            return {}
        done = self.bound if self.exhausted else (self.bound or 0) - 1
        return {"preemptions_exhausted": done, "preemptions_asked": self._last_bound}

    def _next(self, enabled: list[int], current: int) -> int:
        depth = self._depth
        self._depth = depth + 1
        if depth < len(self._stack):
            node = self._stack[depth]
            choice = node.options[node.index]
            return choice if choice in enabled else DIVERGED
        if depth == DEPTH and self._owns is not None and not self._owns(self._prefix()):
            return REDUNDANT
        node = self._node(enabled, current)
        self._stack.append(node)
        return node.options[0]

    def _prefix(self) -> list[int]:
        return [node.options[node.index] for node in self._stack[:DEPTH]]

    def _node(self, enabled: list[int], current: int) -> _Node:
        spent = 0
        if self._stack:
            last = self._stack[-1]
            preempted = last.current >= 0 and last.options[last.index] >> 1 != last.current >> 1
            spent = last.spent + preempted
        if current not in enabled:
            return _Node(list(enabled), -1, spent)
        options = [current]
        rest = [choice for choice in enabled if choice != current]
        if self.bound is None or spent < self.bound:
            options += rest
        elif rest:
            self._cut = True
        return _Node(options, current, spent)

    def _next_bound(self) -> None:
        if not self._cut or self.bound is None or self.bound == self._last_bound:
            self.exhausted = True
            if self._cut:
                self.bounded = f"schedules with more than {self.bound} preemptions (--preemptions)"
            return
        self.bound += 1
        self._cut = False
