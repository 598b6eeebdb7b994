"""Segments of a thread's life, and leading its chain anew.

A segment ends where the thread's order to others changes (start, join, the one `set` of an
event) or its context state does.  What it does afterwards is worth seeing again, so its views are
thrown away; what it holds is led from the root of the new views.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck.core.classes import Key
from lockcheck.core.graph import Record
from lockcheck.core.held import Chain, ThreadState, touched
from lockcheck.core.stacks import EMPTY

if TYPE_CHECKING:
    from lockcheck.core.engine import Engine


def begin(engine: Engine, ts: ThreadState) -> None:
    """The thread's order to others has changed."""
    ts.tracing += 1  # the collector may run here; its context must not lead the chain anew
    try:
        for root in ts.overlay.values():
            ts.touched |= touched(root)
        ts.overlay = {}
        rechain(engine, ts)
    finally:
        ts.tracing -= 1


def rechain(engine: Engine, ts: ThreadState) -> None:
    """Lead the chain of what is held in the present context from its root."""
    context = (ts.contexts, ts.disabled)
    root = ts.overlay.get(context)
    if root is None:
        with engine.leaf:
            root = ts.overlay[context] = Chain(engine.deps.root(context), None, EMPTY)
    here = []
    entry = ts.top
    while entry.lock is not None:
        here.append(entry)
        entry = entry.prev
    entry._k = chain = root
    for entry in reversed(here):
        old: Chain = entry._k
        rec = old.rec
        if rec.context != context:
            rec = _carried(engine, chain.rec, entry.key)
        view = chain.next.get(rec.token)
        if view is None or view.rec is not rec:
            view = chain.grow(rec.token, Chain(rec, chain, old.stack))
            view.earlier = old if old.rec is rec else None
        entry._pk = chain
        entry._k = chain = view


def _carried(engine: Engine, parent: Record, key: Key) -> Record:
    """The record of a lock that was taken in another context state and is still held."""
    with engine.leaf:
        return engine.deps.child(parent, ("carried", key), key, edges=False)
