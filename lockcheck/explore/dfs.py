"""Depth-first search with an optional bound on preemptions (CHESS).

Tries every schedule, those with fewer preemptions first: bound 0, then 1, and so on up to the
bound. A preemption is a switch away from a thread that could have gone on.  Without a bound it is
plain brute force: the yardstick that the reduction is tested against.
"""

from __future__ import annotations

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.verdict import DIVERGED, REDUNDANT
from lockcheck.explore.frontier import Part
from lockcheck.explore.node import Wish
from lockcheck.explore.shard import DEPTH, Owns
from lockcheck.explore.strategy import Strategy
from lockcheck.seam import Choice

__all__ = ["Dfs"]


class _Node:
    """One choice on the current path (`frontier.TreeNode`)."""

    __slots__ = ("chosen", "current", "done", "elsewhere", "options", "spent")

    def __init__(self, options: list[Choice], current: Choice | None, spent: int) -> None:
        self.options = options
        """Choices in order of trying."""
        self.current = current
        self.spent = spent
        """Preemptions before this choice."""
        self.chosen = options[0]
        self.done: set[Choice] = set()
        """Choices tried before the present one, here or by another part of the search."""
        self.elsewhere: set[Choice] = set()
        """Choices that other parts try."""

    def copy(self) -> _Node:
        """An equal node that shares nothing that changes."""
        twin = _Node(self.options, self.current, self.spent)
        twin.chosen = self.chosen
        twin.done = set(self.done)
        return twin

    def untried(self) -> list[Choice]:
        """Choices that are still to be tried here, in order."""
        return [c for c in self.options if c != self.chosen and c not in self.done]

    def give(self, choice: Choice, given: set[Choice], wish: Wish | None = None) -> None:
        """Try `choice`; those in `given` are tried by others.  Nothing is ever demanded here."""
        assert wish is None, "every choice is tried anyway"
        self.chosen = choice
        self.done = given | set(self.options)

    def taken(self) -> set[Choice]:
        """Choices that were tried, and the present one."""
        return self.done | {self.chosen}


class Dfs(Strategy):
    """Every schedule within the bound, the least preempted first."""

    name = "dfs"
    exhaustive = True

    def __init__(
        self, seed: int = 0, *, preemptions: int | None = None, owns: Owns | None = None
    ) -> None:
        super().__init__(seed)
        self._owns = owns
        self._divided = False
        """The frontier takes care of bounds; what was cut is in `cut`."""
        self._last_bound = preemptions
        self.bound: int | None = None if preemptions is None else 0
        self._stack: list[_Node] = []
        self._base = 0
        """Nodes from the root that are fixed: they are shared with other parts of the search."""
        self._depth = 0
        self._cut = False  # did the bound forbid anything in this round?
        self._given_up = DIVERGED

    def resume(self, part: Part) -> None:
        """Go on with a part of the search, under the present bound."""
        self._stack = [node for node in part.nodes if isinstance(node, _Node)]
        self._base = part.base
        self._divided = True
        self._cut = False
        self.exhausted = False

    def stop(self, part: Part) -> None:
        """Hand the part back."""
        part.nodes = self._stack

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Go back to the deepest choice that has an untried option."""
        super().begin(conductor, run)
        self._depth = 0
        return not self.exhausted

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        """Follow the stack, then prefer the running thread."""
        choice = self._next(enabled, current)
        return self._given_up if choice is None else choice

    def choose(self, n: int) -> int:
        """Try all values."""
        choice = self._next([Choice.chose(value) for value in range(n)], None)
        return self._given_up if choice is None else choice.value

    def end(self, verdict: int) -> None:
        """Move the deepest choice on that has an untried option."""
        if verdict == DIVERGED:
            self.exhausted = True  # the program is not deterministic: nothing was proved
            return
        del self._stack[self._depth :]
        while len(self._stack) > self._base:
            node = self._stack[-1]
            following = node.untried()
            if following:
                node.done.add(node.chosen)
                node.chosen = following[0]
                return
            self._stack.pop()
        if self._divided:
            self.exhausted = True
        else:
            self.deepen(cut=self._cut)

    @property
    def cut(self) -> bool:
        """Did the bound forbid anything since the last `resume`?"""
        return self._cut

    def deepen(self, *, cut: bool) -> None:
        """All within the bound was tried: take the next bound, or end."""
        if not cut or self.bound is None or self.bound == self._last_bound:
            self.exhausted = True
            if cut:
                self.bounded = f"schedules with more than {self.bound} preemptions (--preemptions)"
            return
        self.bound += 1
        self.exhausted = False
        self._cut = False
        self._stack = []
        self._base = 0

    def restart(self) -> None:
        """Begin the search again."""
        self._stack = []
        self._base = 0
        self._cut = False
        self.bounded = ""
        self.exhausted = False
        self.bound = None if self._last_bound is None else 0

    def describe(self) -> dict[str, object]:
        """Return the bound that was finished."""
        if self._last_bound is None:
            return {}
        done = self.bound if self.exhausted else (self.bound or 0) - 1
        return {"preemptions_exhausted": done, "preemptions_asked": self._last_bound}

    def _next(self, enabled: list[Choice], current: Choice | None) -> Choice | None:
        """The next choice on the path; None: the run is given up, and `_given_up` says why."""
        depth = self._depth
        self._depth = depth + 1
        if depth < len(self._stack):
            node = self._stack[depth]
            self._given_up = DIVERGED
            return node.chosen if node.chosen in enabled else None
        if depth == DEPTH and self._owns is not None and not self._owns(self._prefix()):
            self._given_up = REDUNDANT
            return None
        node = self._node(enabled, current)
        self._stack.append(node)
        return node.chosen

    def _prefix(self) -> list[Choice]:
        return [node.chosen for node in self._stack[:DEPTH]]

    def _node(self, enabled: list[Choice], current: Choice | None) -> _Node:
        spent = 0
        if self._stack:
            last = self._stack[-1]
            preempted = last.current is not None and last.chosen.thread != last.current.thread
            spent = last.spent + preempted
        if current is None or current not in enabled:
            return _Node(list(enabled), None, spent)
        options = [current]
        rest = [choice for choice in enabled if choice != current]
        if self.bound is None or spent < self.bound:
            options += rest
        elif rest:
            self._cut = True
        return _Node(options, current, spent)
