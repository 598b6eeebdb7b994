"""Source-DPOR with sleep sets: one schedule an order, where it works out (Abdulla et al., POPL
2014).

A node is a choice of the run (`node.Node`).  Its *backtrack* set holds the threads that must be
tried there; it starts with one and grows when a finished run shows a race whose other order begins
there (`races.find`).  Its *sleep* set holds choices whose every continuation is known from
elsewhere; a run in which everybody enabled sleeps is redundant and given up.

Threads here may have two choices (the operation goes, or its timer fires): whoever adds a thread
adds all its enabled choices, for neither choice races with the other.

Left out: wakeup trees (the rest of redundancy is small beside their code), a preemption bound
(plain cut-offs make any DPOR unsound; the bound belongs to `dfs`).
"""

from __future__ import annotations

from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.verdict import DIVERGED, REDUNDANT
from lockcheck.explore import races
from lockcheck.explore.conflict import depends, footprint
from lockcheck.explore.frontier import Part
from lockcheck.explore.node import Node
from lockcheck.explore.shard import DEPTH, Owns
from lockcheck.explore.strategy import Strategy
from lockcheck.seam import Choice, Kind

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
        self._known: list[set[int]] = []
        """What these had in their backtrack sets when the part was taken up."""
        self._depth = 0

    @property
    def cut(self) -> bool:
        """It has no bound of its own."""
        return False

    def resume(self, part: Part) -> None:
        """Go on with a part of the search."""
        self._stack = [node for node in part.nodes if isinstance(node, Node)]
        self._base = part.base
        self._known = [set(node.backtrack) for node in self._stack[: part.base]]
        self.exhausted = False

    def stop(self, part: Part) -> None:
        """Hand the part back, with what is demanded of its shared nodes."""
        for index, known in enumerate(self._known[: self._base]):
            new = self._stack[index].backtrack - known
            part.demands += [(index, thread) for thread in sorted(new)]
        part.nodes = self._stack

    def begin(self, conductor: ControlledConductor, run: int) -> bool:
        """Start from the root with the path that `end` has prepared."""
        super().begin(conductor, run)
        self._depth = 0
        self._fresh_from = max(0, len(self._stack) - 1)
        return not self.exhausted

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        """Follow the path; beyond it take the running thread, or the first that is awake."""
        depth = self._depth
        self._depth = depth + 1
        if depth < len(self._stack):
            node = self._stack[depth]
            return node.chosen if node.chosen in enabled else DIVERGED
        sleep = self._sleep_here()
        awake = [choice for choice in enabled if choice not in sleep]
        chosen = current if current is not None and current in awake else (awake or enabled)[0]
        node = Node(len(self.conductor.events), enabled, chosen, sleep, self._real())
        if self._is_foreign(node) or not awake:
            return REDUNDANT
        for task in self.conductor.live:
            if task.op.kind is Kind.WAIT_REFS:
                for ref in task.op.aux[0]:
                    node.counts[ref.name] = ref.value
        if node.real < self._wide:
            node.backtrack.update(choice.thread for choice in enabled)
        else:
            node.backtrack.add(node.chosen.thread)
        self._stack.append(node)
        return node.chosen

    def choose(self, n: int) -> int:
        """Try all values, the first one first."""
        depth = self._depth
        self._depth = depth + 1
        if depth < len(self._stack):
            return self._stack[depth].chosen.value
        sleep = self._sleep_here()
        values = [Choice.chose(value) for value in range(n)]
        node = Node(len(self.conductor.events), values, values[0], sleep, self._real())
        node.backtrack.add(values[0].thread)
        self._stack.append(node)
        return 0

    def end(self, verdict: int) -> None:
        """Add what the run's races ask for, then prepare the next path."""
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

    def _real(self) -> int:
        if not self._stack:
            return 0
        last = self._stack[-1]
        return last.real + (len(last.enabled) > 1)

    def _is_foreign(self, node: Node) -> bool:
        """Does the prefix that ends here belong to another shard?"""
        if self._owns is None or node.real != DEPTH or self._stack[-1].real == DEPTH:
            return False
        prefix = [each.chosen for each in self._stack if len(each.enabled) > 1]
        return not self._owns(prefix)

    def _sleep_here(self) -> set[Choice]:
        """Carry the last node's sleepers over what went since: who conflicts with it wakes."""
        if not self._stack:
            return set()
        last = self._stack[-1]
        sleep = set(last.sleep) if last.chosen.of_program else last.sleep | last.done
        if not sleep:
            return sleep
        tasks = self.conductor.tasks
        for choice, op in self.conductor.events[last.event :]:
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
        return sleep
