"""The frontier of an exhaustive search, divided: parts of its tree that are explored on their own.

A part is the path of nodes to where its search stands; the first `base` of them are shared with
other parts and fixed for this one.  What it learns about a shared node (DPOR: "this order must be
tried from there") it does not act on: it demands it, and the frontier makes a new part of it unless
somebody was given a choice that could begin it.  Choices that were given away sleep in the parts
that are made later, so the parts together try what one search would try (a distributed DPOR: Yang,
Chen, Gopalakrishnan, Kirby, SPIN 2007).

Parts are explored in rounds, each for a bounded number of schedules, and merged in their order.
So what a search does depends on its program and its limits, never on how many processes it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar, runtime_checkable

from lockcheck.explore.node import Wish
from lockcheck.seam import Choice

__all__ = ["PARTS", "ROUND", "Divisible", "Frontier", "Part", "TreeNode"]

PARTS: Final = 32
"""How many parts there are at most, while none of them demands more."""
ROUND: Final = 16
"""Schedules of one part in one round."""

N = TypeVar("N", bound="TreeNode")


class TreeNode(Protocol):
    """A choice on a path."""

    chosen: Choice
    elsewhere: set[Choice]

    def copy(self: N) -> N:
        """An equal node that shares nothing that changes."""
        ...

    def untried(self) -> list[Choice]:
        """Choices that are still to be tried here, in order."""
        ...

    def give(self, choice: Choice, given: set[Choice], wish: Wish | None = None) -> None:
        """Be the node of a part that tries `choice`; `given` are tried by others."""
        ...

    def taken(self) -> set[Choice]:
        """Choices that were tried, and the present one."""
        ...


@dataclass
class Part:
    """One part of the tree."""

    nodes: Sequence[TreeNode]
    base: int
    demands: list[tuple[int, Choice, Wish]] = field(default_factory=list)
    """(index of a shared node, a choice to be tried there, and how it goes on)."""


@runtime_checkable
class Divisible(Protocol):
    """An exhaustive strategy whose tree can be divided."""

    @property
    def cut(self) -> bool:
        """Did a bound of its own forbid anything since `resume`?"""
        ...

    def resume(self, part: Part) -> None:
        """Go on with `part`."""
        ...

    def stop(self, part: Part) -> None:
        """Hand `part` back as it stands."""
        ...


class Frontier:
    """All parts that are not finished."""

    def __init__(self) -> None:
        self.parts: list[Part] = [Part([], 0)]
        self._given: dict[tuple[Choice, ...], set[Choice]] = {}
        """By the path to a shared node: choices that some part tries."""

    def merge(self, explored: Sequence[tuple[Part, bool]]) -> None:
        """Take the parts of a round back, in their order; True: that one is finished."""
        made: list[Part] = []
        left: list[Part] = []
        for part, finished in explored:
            for index, choice, wish in part.demands:
                made += self._demanded(part, index, choice, wish)
            part.demands = []
            if not finished:
                left.append(part)
        self.parts = left + made
        self._divide()
        for part in self.parts:
            self._refresh(part)

    def _demanded(self, part: Part, index: int, choice: Choice, wish: Wish) -> list[Part]:
        given = self._given[_path(part.nodes, index)]
        if not given.isdisjoint(wish.initials):
            return []
        return [self._part(part.nodes, index, choice, given, wish)]

    def _part(
        self,
        nodes: Sequence[TreeNode],
        index: int,
        choice: Choice,
        given: set[Choice],
        wish: Wish | None = None,
    ) -> Part:
        copies = [node.copy() for node in nodes[: index + 1]]
        copies[index].give(choice, set(given), wish)
        given.add(choice)
        return Part(copies, index + 1)

    def _divide(self) -> None:
        """Give away the shallowest choices until there are enough parts."""
        while 0 < len(self.parts) < PARTS:
            best: tuple[int, int] | None = None
            for number, part in enumerate(self.parts):
                depth = next(
                    (i for i in range(part.base, len(part.nodes)) if part.nodes[i].untried()), None
                )
                if depth is not None and (best is None or depth < best[0]):
                    best = (depth, number)
            if best is None:
                return
            self._give_away(self.parts[best[1]], best[0])

    def _give_away(self, part: Part, depth: int) -> None:
        for i in range(part.base, depth + 1):
            self._given[_path(part.nodes, i)] = part.nodes[i].taken()
        part.base = depth + 1
        node = part.nodes[depth]
        given = self._given[_path(part.nodes, depth)]
        for choice in node.untried():
            self.parts.append(self._part(part.nodes, depth, choice, given))

    def _refresh(self, part: Part) -> None:
        """What others were given meanwhile need not be demanded again."""
        for i in range(part.base):
            part.nodes[i].elsewhere |= self._given[_path(part.nodes, i)]


def _path(nodes: Sequence[TreeNode], index: int) -> tuple[Choice, ...]:
    return tuple(node.chosen for node in nodes[:index])
