"""Which operation comes before which: the order among threads that every schedule keeps.

Start, join, the result of a future, the only `set` of an event; and, where races are looked for,
the order of this run, locks and queues included (`clocks`).

Context: each function changes `ts` and runs in its own thread.  Locks: the leaf, taken inside.
"""

from __future__ import annotations

from lockcheck.core import chains, clocks
from lockcheck.core.clocks import Carrier
from lockcheck.core.collecting import PAUSED
from lockcheck.core.graph import Graph
from lockcheck.core.held import ThreadState
from lockcheck.core.leaf import Leaf
from lockcheck.core.vector import Start

__all__ = ["HappensBefore"]


class HappensBefore:
    """The order among the threads of one checker.

    Args:
        leaf: the engine's lock, a leaf.
        wanted: is the order of this run wanted too (races are looked for)?
    """

    def __init__(self, leaf: Leaf, graph: Graph, *, wanted: bool) -> None:
        self._leaf = leaf
        self._graph = graph
        self.wanted = wanted

    def fork(self, ts: ThreadState) -> Start:
        """What `ts` did so far, for whoever comes after it; what it does next is not ordered."""
        with PAUSED, self._leaf:
            chains.note_touched(ts)  # of the segment that ends here
        known = clocks.fork(ts)
        self.begin_segment(ts, noted=True)
        return known

    def learn(self, ts: ThreadState, known: Start) -> None:
        """Add what somebody else did to what `ts` is ordered after."""
        if clocks.learn(ts, known):
            self.begin_segment(ts)

    def begin_segment(self, ts: ThreadState, *, noted: bool = False) -> None:
        """The order of `ts` to others has changed; `noted`: what it touched was noted just now."""
        ts.tracing += 1  # the collector may run here; its context must not lead the chain elsewhere
        try:
            with PAUSED, self._leaf:
                chains.begin_segment(self._graph, ts, noted=noted)
        finally:
            ts.tracing -= 1

    def acquire(self, ts: ThreadState, obj: Carrier) -> None:
        """What was released into `obj` is ordered before what `ts` does next."""
        if self.wanted:
            clocks.acquire(ts, obj)

    def release(self, ts: ThreadState, obj: Carrier, *, shared: bool = False) -> None:
        """What `ts` did is ordered before what the next acquirer of `obj` does."""
        if not self.wanted:
            return
        if shared:
            with PAUSED, self._leaf:
                clocks.release(ts, obj, shared=True)
        else:
            clocks.release(ts, obj, shared=False)
