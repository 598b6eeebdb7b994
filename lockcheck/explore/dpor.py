"""Source-DPOR with sleep sets, and with the orders that it must try written out: one schedule an
order, where it works out (Abdulla, Aronis, Jonsson, Sagonas, POPL 2014).

A node is a choice of the run (`node.Node`).  Its *wishes* are the orders that must be tried from
there; it starts with one and gets more when a finished run shows a race whose other order begins
there (`races.find`).  A wish is followed choice by choice as far as that can be, so that the run
really comes to the other order; from then on it goes on as it likes.  The node's *sleep* set holds
choices whose every continuation is known from elsewhere; a run in which everybody enabled sleeps is
redundant and given up.

A thread may have two choices (the operation goes, or its timer fires), but never both at one node:
a timer fires only while its operation cannot go.

Left out: wakeup trees, which would join the wishes of a node (following each one alone leaves few
redundant runs, and needs no trust between parts of a divided search); a preemption bound (plain
cut-offs make any DPOR unsound; the bound belongs to `dfs`).
"""

from __future__ import annotations

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.verdict import DIVERGED, REDUNDANT
from lockcheck.explore import races
from lockcheck.explore.conflict import depends, footprint
from lockcheck.explore.frontier import Part
from lockcheck.explore.node import Node, Wish
from lockcheck.explore.shard import DEPTH, Owns
from lockcheck.explore.strategy import Strategy
from lockcheck.seam import Choice

__all__ = ["Dpor"]


class Dpor(Strategy):
    """Every order once, or nearly."""

    name = "dpor"
    exhaustive = True
    asks_always = True

    def __init__(self, seed: int = 0, *, owns: Owns | None = None) -> None:
        super().__init__(seed)
        self._owns = owns
        self._wide = 0 if owns is None else DEPTH
        """Real choices from the root at which everything enabled is tried: what shards divide."""
        self._stack: list[Node] = []
        self._base = 0
        """Nodes from the root that are fixed: they are shared with other parts of the search."""
        self._known: list[set[Choice]] = []
        """How these nodes' wishes began when the part was taken up."""
        self._follows: list[Choice] = []
        """How the present wish goes on."""
        self._depth = 0

    @property
    def cut(self) -> bool:
        """It has no bound of its own."""
        return False

    def resume(self, part: Part) -> None:
        """Go on with a part of the search."""
        self._stack = [node for node in part.nodes if isinstance(node, Node)]
        self._base = part.base
        self._known = [set(node.wishes) for node in self._stack[: part.base]]
        self.exhausted = False

    def stop(self, part: Part) -> None:
        """Hand the part back, with what is demanded of its shared nodes."""
        for index, known in enumerate(self._known[: self._base]):
            wishes = self._stack[index].wishes
            new = [choice for choice in wishes if choice not in known]
            part.demands += [(index, choice, wishes[choice]) for choice in new]
        part.nodes = self._stack

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Start from the root with the path that `end` has prepared."""
        super().begin(conductor, run)
        self._depth = 0
        self._fresh_from = max(0, len(self._stack) - 1)
        self._follows = self._stack[-1].after() if self._stack else []
        return not self.exhausted

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        """Follow the path, then the wishes; beyond take the running thread, or the first awake."""
        depth = self._depth
        self._depth = depth + 1
        if depth < len(self._stack):
            node = self._stack[depth]
            return node.chosen if node.chosen in enabled else DIVERGED
        node = self._fresh(enabled)
        awake = [choice for choice in enabled if choice not in node.sleep]
        if self._is_foreign(node) or not awake:
            return REDUNDANT
        usual = current if current is not None and current in awake else awake[0]
        node.chosen = self._wished(awake, usual)
        if node.real < self._wide:
            node.wishes = {choice: Wish() for choice in enabled}
        node.wishes.setdefault(node.chosen, Wish())
        self._stack.append(node)
        return node.chosen

    def _fresh(self, enabled: list[Choice]) -> Node:
        """A node for the choice that stands now."""
        number = len(self.conductor.events)
        if not self._stack:
            return Node(number, enabled, enabled[0], set(), 0)
        last = self._stack[-1]
        sleep = set(last.sleep) if last.chosen.of_program else last.sleep | last.done
        self._wake(sleep, last.event)
        real = last.real + (len(last.enabled) > 1)
        return Node(number, enabled, enabled[0], sleep, real)

    def _wished(self, possible: list[Choice], usual: Choice) -> Choice:
        """The next choice of the wish; where it cannot be, the wish ends."""
        if not self._follows:
            return usual
        choice = self._follows.pop(0)
        if choice in possible:
            return choice
        self._follows = []
        return usual

    def choose(self, n: int) -> int:
        """Try all values; what a wish says comes first, else 0."""
        depth = self._depth
        self._depth = depth + 1
        if depth < len(self._stack):
            return self._stack[depth].chosen.value
        node = self._fresh([Choice.chose(value) for value in range(n)])
        node.chosen = self._wished(node.enabled, node.chosen)
        self._stack.append(node)
        return node.chosen.value

    def end(self, verdict: int) -> None:
        """Wish for what the run's races ask for, then prepare the next path."""
        if verdict == DIVERGED:
            self.exhausted = True
            return
        stack = self._stack
        del stack[self._depth :]
        first = stack[self._fresh_from].event if stack else 0
        races.find(self.conductor, stack, first)
        while len(stack) > self._base:
            node = stack[-1]
            following = node.untried()
            if following:
                node.done.add(node.chosen)
                node.chosen = following[0]
                return
            stack.pop()
        self.exhausted = True

    def restart(self) -> None:
        """Begin the search again."""
        self._stack = []
        self._base = 0
        self.exhausted = False

    def _is_foreign(self, node: Node) -> bool:
        """Does the prefix that ends here belong to another shard?"""
        if self._owns is None or node.real != DEPTH or self._stack[-1].real == DEPTH:
            return False
        prefix = [each.chosen for each in self._stack if len(each.enabled) > 1]
        return not self._owns(prefix)

    def _wake(self, sleep: set[Choice], since: int) -> None:
        """Take out of `sleep` who conflicts with what went from event `since` on."""
        if not sleep:
            return
        tasks = self.conductor.tasks
        for choice, op in self.conductor.events[since:]:
            if choice.of_program:
                continue
            gone = footprint(choice, op)
            for sleeper in list(sleep):
                # Its footprint is that of this run's objects, not of the run that put it to sleep.
                own = footprint(sleeper, tasks[sleeper.thread].op)
                if sleeper.thread == choice.thread or depends(gone, own):
                    sleep.discard(sleeper)
            if not sleep:
                break
