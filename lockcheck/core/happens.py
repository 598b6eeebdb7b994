"""Which operation comes before which: the order among threads that every schedule keeps.

Start, join, the result of a future, the only `set` of an event; and, where races are looked for,
the order of this run, locks and queues included (`clocks`).

Context: each function changes `ts` and runs in its own thread.  Locks: the leaf, taken inside.
"""

from __future__ import annotations

from lockcheck.core import chains, clocks
from lockcheck.core.carried import Carried
from lockcheck.core.classes import Key
from lockcheck.core.clocks import Carrier
from lockcheck.core.collecting import PAUSED, pause, resume
from lockcheck.core.graph import Graph
from lockcheck.core.held import Hold, ThreadState
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
        self._carried = Carried()
        self.wanted = wanted

    def fork(self, ts: ThreadState) -> Start:
        """What `ts` did so far, for whoever comes after it; what it does next is not ordered."""
        with PAUSED, self._leaf:
            chains.note_touched(ts)  # of the segment that ends here
            if ts.holds:
                self._carried.note(ts)
        known = clocks.fork(ts)
        self.begin_segment(ts, noted=True)
        return known

    def learn(self, ts: ThreadState, known: Start) -> None:
        """Add what somebody else did to what `ts` is ordered after."""
        if clocks.learn(ts, known):
            if ts.holds:
                self._learn_of_releases(ts)
            self.begin_segment(ts)

    def _learn_of_releases(self, ts: ThreadState) -> None:
        """What `ts` holds, others had taken before what it has just learned: they released it."""
        news = True
        while news:
            news = False
            for entry in ts.held():
                given = self._carried.before(ts, entry.key)
                if given is not None:
                    clocks.learn(ts, given)
                    news = True

    def released(self, ts: ThreadState, hold: Hold) -> None:
        """`ts` is about to release a lock that it held across a hand-over."""
        given = self.fork(ts)
        with PAUSED, self._leaf:
            self._carried.released(ts, hold, given)

    def comes_after(self, ts: ThreadState, key: Key) -> bool:
        """Now that `ts` has this lock, is something over of which that was not known?"""
        return self._carried.before(ts, key) is not None

    def took(self, ts: ThreadState, key: Key) -> None:
        """`ts` has a lock: who had taken it before a hand-over to `ts` has released it."""
        while (given := self._carried.before(ts, key)) is not None:
            self.learn(ts, given)

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
            pause()  # a with statement allocates before it pauses
            try:
                clocks.acquire(ts, obj)
            finally:
                resume()

    def release(self, ts: ThreadState, obj: Carrier, *, shared: bool = False) -> None:
        """What `ts` did is ordered before what the next acquirer of `obj` does."""
        if not self.wanted:
            return
        if shared:
            with PAUSED, self._leaf:
                clocks.release(ts, obj, shared=True)
        else:
            pause()
            try:
                clocks.release(ts, obj, shared=False)
            finally:
                resume()
