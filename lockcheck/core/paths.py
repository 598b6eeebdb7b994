"""One breadth-first search, for every question of the kind "is there a way from here to there?".

Cycles of classes, ways into an interrupting context, locks between a waker and a waiter, threads
that wait for each other: each asks for a shortest path and says by `follow` what comes after a
node.  Nodes are compared by `==`; `follow` decides the order, so the answer is the same in every
run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["Walk"]

Node = TypeVar("Node", bound=Hashable)
Step = TypeVar("Step")


class Walk(Generic[Node, Step]):
    """Iterates over what can be reached from `start`, nearest first, each node once.

    `start` itself comes too, if some path leads back to it.
    """

    def __init__(self, start: Node, follow: Callable[[Node], Iterable[tuple[Node, Step]]]) -> None:
        self._start = start
        self._follow = follow
        self._came: dict[Node, tuple[Node, Step]] = {}

    def __iter__(self) -> Iterator[Node]:
        todo = deque([self._start])
        while todo:
            node = todo.popleft()
            for target, step in self._follow(node):
                if target not in self._came:
                    self._came[target] = (node, step)
                    yield target
                    if target != self._start:
                        todo.append(target)

    def path(self, node: Node) -> list[Step]:
        """The steps from the start to a node that the iteration has yielded."""
        steps: list[Step] = []
        while True:
            node, step = self._came[node]
            steps.append(step)
            if node == self._start:
                return steps[::-1]
