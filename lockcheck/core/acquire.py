"""What a transition adds that a thread's chain does not know: record, witness, verdicts, view.

The engine calls `known_view` first (others have been here often enough: nothing to judge), then
`enroll` under its leaf; the rules for two locks of one class ran before, for they call the user.
"""

from __future__ import annotations

import weakref
from typing import NamedTuple

from lockcheck.core import rules
from lockcheck.core.chains import Counted
from lockcheck.core.classes import WRITE, Key
from lockcheck.core.contexts import Contexts
from lockcheck.core.graph import Graph
from lockcheck.core.held import Chain, CheckedLock, Hold, ThreadState, refs
from lockcheck.core.lock_order import LockOrder
from lockcheck.core.record import SIGHTINGS, Instance, Record, Witness
from lockcheck.core.replay import marks
from lockcheck.core.report import LockRef, Report
from lockcheck.core.stacks import EMPTY, Stack
from lockcheck.core.waits import Waits

__all__ = ["Acquires", "Enrolled", "push_entry", "push_unjudged"]


class Enrolled(NamedTuple):
    """The chain that an acquire leads to, and what was found on the way."""

    chain: Chain
    reports: list[Report]


class Acquires:
    """Judges acquires against the graph.  Locks: the leaf."""

    def __init__(self, graph: Graph, contexts: Contexts, order: LockOrder, waits: Waits) -> None:
        self._graph = graph
        self._waits = waits
        self._contexts = contexts
        self._order = order

    def saturated(self, ts: ThreadState, key: Key) -> Record | None:
        """The record of taking `key` now, if nothing that this thread does can add to it."""
        known = ts.chain.rec.children.get(key)
        if known is None or not known.saturated or rules.volatile(ts, key):
            return None
        return known

    def view(self, ts: ThreadState, key: Key, known: Record, stack: Stack) -> Chain | None:
        """This thread's view of a saturated record; None when contexts want to see it."""
        view = ts.chain
        if type(view) is Counted or stack.finaliser or self._contexts.unseen(ts, key):
            return None
        return view.grow(key, Chain(known, view, stack))

    def enroll(
        self,
        ts: ThreadState,
        lock: CheckedLock,
        key: Key,
        nest: CheckedLock | None,
        verdict: str,
        stack: Stack,
    ) -> Enrolled:
        """Record, witness, verdicts, view."""
        graph, contexts = self._graph, self._contexts
        found: list[Report] = []
        view = ts.chain
        serialised = verdict == rules.NESTED and nest is not None
        token = (key, nest.key) if nest is not None and serialised else key
        counted = type(view) is Counted
        finaliser = (counted or stack.finaliser) and "gc" not in ts.contexts
        new = view.rec.children.get(token) is None
        if new:
            graph.stats["chain_misses"] += 1
        if new or (not finaliser and contexts.unseen(ts, key)):
            found += contexts.use(ts, key, lock, stack, finaliser=finaliser)
        if finaliser:
            found += contexts.counted_finaliser(ts, key, lock, stack)
        rec = graph.child(view.rec, token, key, edges=not key.trylock and not serialised)
        if not rec.saturated:
            cyclic = verdict != rules.ORDERED or key.cls.base.disordered
            found += self._witness(ts, lock, rec, stack, cyclic=cyclic)
        chain = type(view)(rec, view, stack)
        if not rules.volatile(ts, key) and (counted or not finaliser):
            view.grow(token, chain)
        return Enrolled(chain, found)

    def _witness(
        self, ts: ThreadState, lock: CheckedLock, rec: Record, stack: Stack, *, cyclic: bool
    ) -> list[Report]:
        """Note that this thread was here, unless that is known; judge what it adds."""
        instances = _instances(ts, lock, rec)
        for old in rec.witnesses:
            if (
                old.serial == ts.serial
                and old.epoch == ts.epoch
                and old.vc is ts.vc
                and old.instances == instances
            ):
                return []
        key = rec.key
        assert key is not None
        one = self._graph.one
        wanted = one(LockRef(lock.name, key.cls.name, key.mode_name, stack))
        at = (ts.slot, ts.epoch, ts.vc)
        held = one(tuple(map(one, refs(ts))))
        done = one(marks(ts.chain))
        witness = Witness(
            ts.serial, ts.name, at, rec, stack, held, wanted, done, ts.leases, instances
        )
        found: list[Report] = []
        edges = self._graph.note(rec, witness)
        if key.mode == WRITE and key.cls.base.kind == "rwlock" and not key.trylock:
            self._graph.note_writer(key, witness)
            found += self._order.new_writer(key)
        grown = any(new for _, _, new in edges)
        if grown:
            found += self._contexts.check()
        found += self._order.judge(rec, witness, edges, cyclic=cyclic)
        if grown:
            found += self._waits.again()
        return found


def _instances(ts: ThreadState, lock: CheckedLock, rec: Record) -> tuple[Instance, ...]:
    """Which locks are held and, last, wanted, where the record's keys do not all say so."""
    if not rec.shared:
        return ()
    rec.sightings += 1
    if rec.sightings > SIGHTINGS:
        rec.blurred = True
        return ()
    locks = [*(entry.lock for entry in ts.stack()), lock]
    if len(locks) != len(rec.held):
        return ()  # something is held that was never judged
    return tuple(
        weakref.ref(each) if key.many else key.base
        for key, each in zip(rec.held, locks, strict=True)
    )


def push_entry(ts: ThreadState, hold: Hold, chain: Chain) -> None:
    """Make a hold the newest entry of its thread."""
    hold._pk = ts.chain
    hold._k = chain
    hold.prev = ts.top
    hold.ts = ts
    ts.top = hold
    if hold.mode == WRITE:
        hold.lock.owned_by(ts)  # whoever waits for it must find its owner


def push_unjudged(ts: ThreadState, hold: Hold) -> None:
    """Push without judging: a finaliser came into the engine while it was at work."""
    push_entry(ts, hold, Chain(ts.chain.rec, ts.chain, EMPTY))
