"""Two orders among threads, both as vector clocks.

`vc`/`epoch` is the order that every schedule keeps: start, join, the result of a future, the first
`set` of an event, a round of a barrier, and what these say of locks held across them (`carried`).
It splits a thread's life into segments and prunes cycles whose parts cannot overlap.  `hb` is the
order of *this* run, locks and queues included: what the race detector needs.

Context: the functions change `ts` and run in its own thread; a change of `vc` or `epoch` begins a
new segment, which is the engine's to begin (`Engine.fork`, `Engine.learn`).
"""

from __future__ import annotations

from typing import Protocol

from lockcheck.core.held import ThreadState
from lockcheck.core.vector import Start, Times, merged

__all__ = ["Carrier", "acquire", "fork", "knows", "learn", "of_end", "release"]


class Carrier(Protocol):
    """What carries happens-before from whoever releases into it to whoever acquires."""

    clock: Times | None


def fork(ts: ThreadState) -> Start:
    """What `ts` did so far is ordered before somebody else; what it does next is not."""
    vc = ts.vc.after(ts.serial, ts.epoch)
    hb = dict(ts.hb)
    ts.now = ts.hb[ts.slot] = ts.hb.get(ts.slot, 0) + 1
    ts.epoch += 1
    return vc, hb


def of_end(ended: ThreadState) -> Start:
    """All that a thread did which has ended."""
    return ended.vc.after_end(ended.serial), ended.hb


def knows(ts: ThreadState, known: Start) -> bool:
    """Is all of that ordered before what `ts` does next?"""
    return ts.vc.covers(known[0], but=ts.serial)


def learn(ts: ThreadState, known: Start) -> bool:
    """Add what somebody else did to what `ts` is ordered after; does a new segment begin?"""
    vc, hb = known
    new = not knows(ts, known)
    if new:
        ts.vc = ts.vc.merged(vc).without(ts.serial)
    ts.hb = merged(ts.hb, hb)
    return new


def acquire(ts: ThreadState, obj: Carrier) -> None:
    """Learn what was released into `obj`."""
    clock = obj.clock
    if clock:
        mine = ts.hb
        for slot, epoch in clock.items():
            if epoch > mine.get(slot, 0):
                mine[slot] = epoch


def release(ts: ThreadState, obj: Carrier, *, shared: bool) -> None:
    """Release what `ts` did into `obj`; `shared`: beside what others released (under the leaf)."""
    obj.clock = merged(obj.clock or {}, ts.hb) if shared else dict(ts.hb)
    ts.now = ts.hb[ts.slot] = ts.hb.get(ts.slot, 0) + 1
