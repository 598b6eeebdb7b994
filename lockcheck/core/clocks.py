"""Two orders among threads, both as vector clocks over slots.

`vc`/`epoch` is the order that every schedule keeps: start, join, the result of a future, the only
`set` of an event.  It splits a thread's life into segments and prunes circles whose parts cannot
overlap.  `hb` is the order of *this* run, locks and queues included: what the race detector needs.

A slot is reused by a new thread only when its starter already knows the end of the slot's last
thread; so clocks stay as small as the number of threads alive, and no order is invented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck.core import segments

if TYPE_CHECKING:
    from lockcheck.core.engine import Engine
    from lockcheck.core.held import ThreadState

Clock = dict[int, int]
Start = tuple[Clock, Clock]
"""What one thread hands to another: order and happens-before."""

RECENT = 16
"""Free slots looked at before a new one is made."""


class Slots:
    """Numbers for vector clocks.  Locks: the engine's leaf."""

    def __init__(self) -> None:
        self._next = 0
        self._free: list[tuple[int, int, int]] = []

    def take(self, known: Clock) -> tuple[int, int, int]:
        """Return (slot, first epoch, first time) for a thread whose starter knows `known`."""
        for at in range(len(self._free) - 1, max(-1, len(self._free) - 1 - RECENT), -1):
            slot, last, time = self._free[at]
            if known.get(slot, 0) >= last:
                del self._free[at]
                return slot, last + 1, time + 1
        self._next += 1
        return self._next, 1, 1

    def give(self, slot: int, last: int, time: int) -> None:
        """The thread of a slot has ended in epoch `last`, at `time` of its happens-before."""
        self._free.append((slot, last, time))


def begin(engine: Engine, ts: ThreadState, start: tuple[Any, ...] | None) -> None:
    """Give a new thread its slot and what its starter handed over (with leases, `Engine.spawn`)."""
    vc, hb, ts.leases = start if start is not None else ({}, {}, ())
    with engine.leaf:
        ts.slot, ts.epoch, time = engine.slots.take(vc)
    ts.vc = vc
    ts.hb = dict(hb)
    ts.hb[ts.slot] = time


def end(engine: Engine, ts: ThreadState) -> None:
    """Free a thread's slot."""
    with engine.leaf:
        engine.slots.give(ts.slot, ts.epoch, ts.hb.get(ts.slot, 0))


def fork(engine: Engine, ts: ThreadState) -> Start:
    """What `ts` did so far is ordered before somebody else; what it does next is not."""
    vc = {**ts.vc, ts.slot: ts.epoch}
    hb = dict(ts.hb)
    ts.hb[ts.slot] = ts.hb.get(ts.slot, 0) + 1
    ts.epoch += 1
    segments.begin(engine, ts)
    return vc, hb


def start(engine: Engine, parent: ThreadState, child: ThreadState) -> None:
    """Order a thread that has its state already after what its parent did."""
    known = fork(engine, parent)
    learn(engine, child, known)


def join(engine: Engine, ts: ThreadState, other: ThreadState) -> None:
    """All of `other`, which has ended, is ordered before what `ts` does next."""
    learn(engine, ts, ({**other.vc, other.slot: other.epoch}, other.hb))


def knows(ts: ThreadState, known: Start) -> bool:
    """Is all of that ordered before what `ts` does next?"""
    return all(epoch <= ts.vc.get(slot, 0) for slot, epoch in known[0].items() if slot != ts.slot)


def learn(engine: Engine, ts: ThreadState, known: Start) -> None:
    """Add what somebody else did to what `ts` is ordered after."""
    vc, hb = known
    if not knows(ts, known):
        ts.vc = merged(ts.vc, vc)
        ts.vc.pop(ts.slot, None)
        segments.begin(engine, ts)
    ts.hb = merged(ts.hb, hb)


def merged(one: Clock, other: Clock) -> Clock:
    """Return the later of both in every slot."""
    found = dict(one)
    for slot, epoch in other.items():
        if epoch > found.get(slot, 0):
            found[slot] = epoch
    return found


def acquire(ts: ThreadState, obj: Any) -> None:
    """Learn what was released into `obj`."""
    clock = obj.clock
    if clock:
        mine = ts.hb
        for slot, epoch in clock.items():
            if epoch > mine.get(slot, 0):
                mine[slot] = epoch


def release(engine: Engine, ts: ThreadState, obj: Any, *, shared: bool) -> None:
    """Release what `ts` did into `obj`; `shared`: beside what others released."""
    if shared:
        with engine.leaf:
            obj.clock = merged(obj.clock or {}, ts.hb)
    else:
        obj.clock = dict(ts.hb)
    ts.hb[ts.slot] = ts.hb.get(ts.slot, 0) + 1
