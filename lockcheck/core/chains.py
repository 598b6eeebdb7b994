"""Where a thread stands in the trie of chains: rebuilding its chain where it changed.

A chain grows by one step when a lock is taken, and goes back when the newest one is released; that
is the warm path.  Everything else stands here: a segment that ends (start, join, the one `set` of
an event), an interrupting context that begins or ends, a lock released out of order or by another
thread.

A segment ends where the thread's order to others changes, and after so many views.  What it does
afterwards is worth seeing again, so its views are thrown away, and what it holds is led from the
root of the new views.

Context: every function here runs in the thread it is about, under the engine's leaf and with
`tracing` set where a graph is passed.
"""

from __future__ import annotations

from collections.abc import Hashable

from lockcheck.core.classes import NOTHING, WRITE, Key
from lockcheck.core.events import Touch
from lockcheck.core.graph import Graph
from lockcheck.core.held import Entry, Floor, Hold, ThreadState, own
from lockcheck.core.record import NO_CONTEXT, Record
from lockcheck.core.stacks import EMPTY, Stack
from lockcheck.core.views import Chain, Moved, Places

__all__ = [
    "FINALISER", "Counted", "add_touch", "begin_segment", "counted", "drop_floor", "enter_context",
    "materialise", "note_touched", "rechain", "settle", "take_out",
]  # fmt: skip

TOUCHES = 4
"""Times that a thread wanted a lock, remembered of each lock: the latest."""
FINALISER = ("finaliser",)
"""Token of a chain's transition into a finaliser."""


class Counted(Chain):
    """A thread's view inside a finaliser that a reference count runs: same records, marked."""

    __slots__ = ("_interrupted", "came")

    def __init__(self, rec: Record, parent: Chain | None, stack: Stack) -> None:
        super().__init__(rec, parent, stack)
        self.came: Chain | None = None
        self._interrupted: Chain | None = None

    @classmethod
    def marked(cls, view: Chain) -> Counted:
        """Return the view from which a finaliser goes on that runs on top of `view`."""
        found = cls(view.rec, view.parent, view.stack)
        found.came = view.came
        found._interrupted = view
        return found

    def done(self) -> tuple[Hashable, ...]:
        before = () if self._interrupted is None else self._interrupted.next
        return (*before, *self.next)


def begin_segment(graph: Graph, ts: ThreadState, *, noted: bool = False) -> None:
    """The thread's order to others has changed; `noted`: what it touched was noted just now."""
    if not noted:
        note_touched(ts)
    ts.fresh = set()
    ts.made = []
    old, ts.overlay = ts.overlay, {}
    ts.views = 0
    rechain(graph, ts)
    if not ts.contexts:  # what was interrupted goes on with its own
        _take_apart(ts, list(old.values()))


def _take_apart(ts: ThreadState, views: list[Chain]) -> None:
    """Take the views of a segment that is over from each other.

    A lock remembers where it was last taken, a report who took it: each would keep them all.
    """
    needed: set[Chain] = set()  # what a finaliser interrupted will be led again from these
    entry = ts.top
    while entry is not None:
        needed.add(entry._k)
        entry = entry.prev
    while views:
        view = views.pop()
        views += view.next.values()
        if view not in needed:
            view.next = NOTHING


def note_touched(ts: ThreadState) -> None:
    """Note what the thread wanted in this segment and that is not noted yet."""
    made, ts.made = ts.made, []  # a collection in here may add to it
    alike: dict[tuple[Stack, bool], tuple[Touch]] = {}
    for view in made:
        at = (view.stack, view.carried)
        for key in view.wanted():
            if key.trylock or key in ts.fresh:
                continue
            ts.fresh.add(key)
            touch = alike.get(at)
            if touch is None:
                touch = alike[at] = (Touch(ts.moment, ts.serial, ts.epoch, ts.name, *at),)
            add_touch(ts, key, touch)


def add_touch(ts: ThreadState, key: Key, touch: tuple[Touch]) -> None:
    """Note that `ts` wanted a lock, or a thread that it joined did."""
    known = ts.touched.get(key)
    if known is None:
        ts.touched[key] = touch
        return
    if touch[0].carried and known[-1].carried:
        known = known[:-1]  # the same hold, longer: when it was taken must not be forgotten
    ts.touched[key] = (*known[1 - TOUCHES :], *touch)


def rechain(graph: Graph, ts: ThreadState) -> None:
    """Lead the chain of what is held in the present context from its root."""
    context = (ts.contexts, ts.disabled)
    root = ts.overlay.get(context)
    if root is None:
        root = ts.overlay[context] = Chain(graph.root(context), None, EMPTY)
        if context == NO_CONTEXT:
            ts.places = Places(root)
    here: list[Entry] = []
    entry = ts.top
    while entry.lock is not None:
        here.append(entry)
        entry = entry.prev
    entry._k = chain = root
    for entry in reversed(here):
        old = own(entry)
        rec = old.rec
        if rec.context != context:
            rec = _carried(graph, chain.rec, entry.key)
        view = chain.next.get(rec.token)
        if view is None or view.rec is not rec:
            moved = Moved(rec, chain, old.stack)
            if old.rec is rec:
                moved.carry(old)
            view = chain.grow(rec.token, moved)
            ts.made.append(view)
        entry._pk = chain
        entry._k = chain = view
        if type(entry) is Hold:
            entry.bare = False


def _carried(graph: Graph, parent: Record, key: Key) -> Record:
    """The record of a lock that was taken in another context state and is still held."""
    return graph.child(parent, ("carried", key), key, edges=False)


# -- contexts ------------------------------------------------------------------------------------


def enter_context(graph: Graph, ts: ThreadState, name: str) -> None:
    """The thread is interrupted: a chain of its own begins."""
    ts.contexts = (*ts.contexts, name)
    ts.top = Floor(None, ts.top, ts.overlay)
    rechain(graph, ts)


def counted(ts: ThreadState) -> Floor | None:
    """A reference count runs a finaliser; None where that makes no difference."""
    chain = ts.chain
    if ts.tracing or "gc" in ts.contexts or type(chain) is Counted:
        return None
    view = chain.next.get(FINALISER)
    if view is None:
        view = chain.grow(FINALISER, Counted.marked(chain))
    ts.top = floor = Floor(view, ts.top, ts.overlay)
    return floor


def drop_floor(graph: Graph, ts: ThreadState, floor: Floor) -> None:
    """Take a floor out; what is held on belongs to what was interrupted."""
    if ts.top is floor:
        ts.top = floor.prev
    else:
        entry = ts.top
        while entry.prev is not floor:
            entry = entry.prev
        entry.prev = floor.prev
    rechain(graph, ts)


# -- releases out of order, and by others ----------------------------------------------------------


def take_out(graph: Graph, ts: ThreadState, number: int) -> Hold:
    """Take the entry under `number` others out and lead the chain of those above again."""
    held = materialise(ts)
    entry = held[number]
    above = held[:number]
    below = entry.before
    depth = len(below.rec.held)
    for upper in reversed(above):
        old = upper.chain
        if depth >= len(old.rec.held) or old.rec.held[depth] is not entry.key:
            continue  # pushed unjudged, or in another context: it is on no record with this
        token = ("drop", depth)
        chain = old.next.get(token)
        if chain is None:
            rec = graph.dropped(old.rec, depth, token)
            moved = Moved(rec, old, old.stack)
            moved.came = old
            chain = old.grow(token, moved)
        upper._pk = below
        upper._k = below = chain
        upper.bare = False
    after: Entry = ts.top
    while after.prev is not held[number]:
        after = after.prev
    after.prev = entry.prev
    return entry


def materialise(ts: ThreadState) -> list[Hold]:
    """Give every held plain lock an entry of its own; returns all, newest first.

    For when a lock's own `_pk` and `_k` would not do: they are its warm cache as well.
    """
    found: list[Hold] = []
    above: Entry | None = None
    entry = ts.top
    while entry is not None:
        new = entry
        if entry.lock is not None and not isinstance(entry, Hold):
            new = Hold(entry, WRITE)
            new.prev, new.ts, new._pk, new._k = entry.prev, entry.ts, entry._pk, own(entry)
            entry._pk = None
            if above is None:
                ts.top = new
            else:
                above.prev = new
        if new.lock is not None:
            found.append(new)
        above = new
        entry = new.prev
    return found


def settle(graph: Graph, ts: ThreadState) -> None:
    """Take out the entries whose lock another thread has released meanwhile."""
    while ts.foreign:
        gone = ts.foreign.pop()
        if gone.ts is ts:
            continue  # it has taken the lock again
        number = 0
        entry = ts.top
        while entry is not None:
            if entry is gone or (type(entry) is Hold and entry.lock is gone):
                if number == 0:
                    ts.top = entry.prev
                else:
                    take_out(graph, ts, number)
                break
            number += entry.lock is not None
            entry = entry.prev
