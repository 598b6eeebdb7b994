"""What strikes in the middle of what a thread does: signal handlers, collections, finalisers.

Their locks are held on a floor of their own; a context that is masked cannot strike.  What may go
wrong there is judged in `contexts`.

Context: each function changes `ts` and runs in its own thread.  Locks: the leaf, taken inside.
"""

from __future__ import annotations

from collections.abc import Iterable

from lockcheck.core import chains
from lockcheck.core.collecting import PAUSED
from lockcheck.core.contexts import BLOCKED, RUNS, Contexts
from lockcheck.core.graph import Graph
from lockcheck.core.held import Floor, ThreadState
from lockcheck.core.leaf import Leaf
from lockcheck.core.ledger import Ledger

__all__ = ["Interruptions"]


class Interruptions:
    """Entering, leaving and masking contexts, for all threads of one checker."""

    def __init__(self, leaf: Leaf, graph: Graph, contexts: Contexts, ledger: Ledger) -> None:
        self._leaf = leaf
        self._graph = graph
        self._contexts = contexts
        self._ledger = ledger

    def enter(self, ts: ThreadState, name: str) -> None:
        """An interrupting context begins in the middle of what `ts` does."""
        self._contexts.learn_name(name)
        with PAUSED, self._leaf:
            chains.enter_context(self._graph, ts, name)

    def leave(self, ts: ThreadState, name: str) -> None:
        """Back to what was interrupted."""
        assert ts.contexts, name
        ts.contexts = ts.contexts[:-1]
        self.finaliser_leave(ts, ts.floor)

    def finaliser_enter(self, ts: ThreadState) -> Floor | None:
        """A reference count runs a finaliser; None where that makes no difference."""
        return chains.counted(ts)

    def finaliser_leave(self, ts: ThreadState, floor: Floor) -> None:
        """It has run."""
        if ts.top is floor and ts.overlay is floor.overlay:
            ts.top = floor.prev
        else:
            with PAUSED, self._leaf:
                chains.drop_floor(self._graph, ts, floor)

    def disable(self, ts: ThreadState, name: str) -> None:
        """The context cannot strike from here on (counts nested calls)."""
        self._contexts.learn_name(name)
        self._mask(ts, name, ts.masks.get(name, 0) + 1)

    def enable(self, ts: ThreadState, name: str) -> None:
        """It can strike again, once for each `context_disable`."""
        self._mask(ts, name, max(0, ts.masks.get(name, 0) - 1))
        if name not in ts.disabled:
            self._ledger.judge(ts, lambda: self._contexts.enabled(ts, name))

    def block_signals(self, ts: ThreadState, blocked: Iterable[int]) -> None:
        """These signals are blocked from here on, and no others: their handlers do not strike."""
        others = {name: n for name, n in ts.masks.items() if not name.startswith(BLOCKED)}
        before = ts.disabled
        self._set_masks(ts, others | {f"{BLOCKED}{number}": 1 for number in blocked})
        if not before <= ts.disabled:
            self._ledger.judge(ts, lambda: self._contexts.enabled(ts, "signal"))

    def handler_runs(self, ts: ThreadState, number: int, *, now: bool) -> None:
        """The handler of a signal begins or ends: what it takes is its own signal's."""
        name = f"{RUNS}{number}"
        self._mask(ts, name, ts.masks.get(name, 0) + (1 if now else -1))

    def _mask(self, ts: ThreadState, name: str, times: int) -> None:
        self._set_masks(ts, {**ts.masks, name: times})

    def _set_masks(self, ts: ThreadState, masks: dict[str, int]) -> None:
        ts.masks = masks
        ts.disabled = frozenset(name for name, n in ts.masks.items() if n)
        with PAUSED, self._leaf:
            chains.rechain(self._graph, ts)
