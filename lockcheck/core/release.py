"""Letting go: from the top, out of order, by another thread, or what was never held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck.core.held import WRITE, Chain, Hold, ThreadState

if TYPE_CHECKING:
    from lockcheck.core.engine import Engine


def release(engine: Engine, ts: ThreadState, lock: Any) -> None:
    """Release `lock`, or the very hold given."""
    hold = lock if isinstance(lock, Hold) else None
    target = hold.lock if hold is not None else lock
    entry = ts.top
    above = 0
    while entry is not None and (entry is not hold if hold else entry.lock is not target):
        above += entry.lock is not None
        entry = entry.prev
    if entry is None:
        engine.not_held(ts, target)
        return
    if isinstance(entry, Hold) and entry.pins:
        engine.released_pinned(ts, entry)
    if entry is ts.top:
        ts.top = entry.prev
    else:
        entry = _unlink(engine, ts, above)
    if isinstance(entry, Hold):
        entry.ts = None


def _unlink(engine: Engine, ts: ThreadState, number: int) -> Hold:
    """Take the entry under `number` others out and lead the chain of those above anew."""
    held = materialise(ts)
    entry = held[number]
    above = held[:number]
    with engine.leaf:
        below: Chain = entry._pk  # type: ignore[assignment]
        depth = len(below.rec.held)
        for upper in reversed(above):
            old: Chain = upper._k  # type: ignore[assignment]
            if depth >= len(old.rec.held) or old.rec.held[depth] is not entry.key:
                continue  # pushed unjudged, or in another context: it is on no record with this
            token = ("drop", depth)
            chain = old.next.get(token)
            if chain is None:
                rec = engine.deps.dropped(old.rec, depth, token)
                chain = old.grow(token, Chain(rec, old, old.stack))
            chain.came = old
            upper._pk = below
            upper._k = below = chain
        after: Any = ts.top
        while after.prev is not held[number]:
            after = after.prev
        after.prev = entry.prev
    return entry


def materialise(ts: ThreadState) -> list[Hold]:
    """Give every held plain lock an entry of its own; returns all, newest first.

    For when a lock's own `_pk` and `_k` would not do: they are its warm cache as well.
    """
    found: list[Hold] = []
    above: Any = None
    entry = ts.top
    while entry is not None:
        new = entry
        if entry.lock is not None and not isinstance(entry, Hold):
            new = Hold(entry, WRITE)
            new.prev, new.ts, new._pk, new._k = entry.prev, ts, entry._pk, entry._k
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


def by_other(engine: Engine, ts: ThreadState, owner: ThreadState, lock: Any) -> None:
    """`ts` releases a lock that `owner` took: legal for a plain lock, told in the graph.

    The owner may be running: its stack is put right at once where that is safe (the lock is its
    newest entry, as of a thread that waits), and for the rest at its next visit to the engine.
    """
    entry = owner.find(lock)
    lock.key.cls.base.foreign += 1
    lock.ts = None
    engine.waits.released_by_other(ts, lock)
    if entry is None:
        return
    if isinstance(entry, Hold):
        entry.ts = None
    if owner.top is entry:
        owner.top = entry.prev
    else:
        owner.foreign.append((entry, entry.prev))
        if not owner.alive:
            settle(owner)


def settle(ts: ThreadState) -> None:
    """Forget entries whose lock another thread has released meanwhile."""
    gone = ts.foreign
    ts.foreign = []
    for entry, below in gone:
        above = None
        at = ts.top
        while at is not None and at is not entry:
            above = at
            at = at.prev
        if at is None:
            continue
        if above is None:
            ts.top = below
        else:
            above.prev = below
