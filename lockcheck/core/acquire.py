"""What a thread takes: how an acquire goes in, is judged, and stands in the thread's held stack.

Here stands the slow path: a transition that a thread's chain does not know yet.  The warm path
(known transition: no lock, no stack, no call) stands in `sync/lock.py`, which calls `extend` for
the others.  `_step` is the ritual: nothing to judge where others have been often enough; else, with
re-entrance shut out and the stack captured, the rules for two locks of one class (they call the
user), then `_enroll` under the leaf (record, witness, verdicts, view), and what was found is filed
and delivered.

Context: each function changes `ts` and runs in its own thread.  Locks: the leaf, taken inside.
"""

from __future__ import annotations

import weakref
from typing import NamedTuple, Protocol

from lockcheck.core import rules
from lockcheck.core.chains import Counted
from lockcheck.core.classes import MODE_NAMES, WRITE, Classes, Key
from lockcheck.core.collecting import PAUSED
from lockcheck.core.contexts import Contexts
from lockcheck.core.graph import Graph
from lockcheck.core.happens import HappensBefore
from lockcheck.core.held import (
    CheckedLock,
    Hold,
    ThreadState,
    push_entry,
    push_unjudged,
    refs,
)
from lockcheck.core.leaf import Leaf
from lockcheck.core.ledger import Ledger
from lockcheck.core.lock_order import LockOrder
from lockcheck.core.record import SIGHTINGS, Instance, Record, Witness
from lockcheck.core.release import Releases
from lockcheck.core.replay import marks
from lockcheck.core.report import LockRef, Report
from lockcheck.core.stacks import Stack, Stacks
from lockcheck.core.views import Chain
from lockcheck.core.waiting import Waiting

__all__ = ["Acquires"]

NEAR = 10
"""Frames kept of a lock taken as others have taken it before."""
VIEWS = 4_000
"""Transitions that a thread remembers in one segment, and one more for each lock that is kept
apart; then a new one begins, though nothing has changed in its order to others."""
AGAIN = 16
"""Witnesses of a dependency, the first, after which waits are judged again: it may be the thread
that holds what a waker, or a joined thread, wants."""
LATER = "when the thread took another lock"


class WaitOp(Protocol):
    """What is read of an operation that waits (`seam.Op`)."""

    @property
    def timeout(self) -> float | None: ...


class Enrolled(NamedTuple):
    """The chain that an acquire leads to, and what was found on the way."""

    chain: Chain
    reports: list[Report]


class Acquires:
    """Acquires by all threads of one checker, judged against what is known."""

    def __init__(
        self,
        leaf: Leaf,
        classes: Classes,
        graph: Graph,
        contexts: Contexts,
        happens: HappensBefore,
        ledger: Ledger,
        waiting: Waiting,
        releases: Releases,
        stacks: Stacks,
    ) -> None:
        self._leaf = leaf
        self._classes = classes
        self._graph = graph
        self._contexts = contexts
        self._happens = happens
        self._ledger = ledger
        self._order = LockOrder(graph)
        self._waiting = waiting
        self._waits = waiting.waits
        self._releases = releases
        self._capture = stacks.capture
        self._sharing = not happens.wanted
        """May locks share a view?  Not where accesses are told apart by it."""

    def extend(
        self,
        ts: ThreadState,
        lock: CheckedLock,
        *,
        known: int = 0,
        own: bool = True,
        lone: bool = False,
    ) -> Chain | None:
        """Judge a plain acquire that the thread's chain does not know.

        `known`: how many references to the newest held entry the caller has itself (`freed`).
        `own`: the lock may be its own entry; not one that other threads release.
        `lone`: nobody else seems to use it, so its view may be one that it shares (`views.Place`).
        Returns the chain it leads to; None when the lock must not cache that: it was pushed as a
        `Hold` then.
        """
        given_up = bool(ts.foreign)
        swept = self._releases.sweep_own(ts, LATER, known=known)
        if given_up:
            self._releases.settle(ts)
        if (
            not own
            or swept
            or given_up
            or rules.volatile(ts, lock.key)
            or self._happens.comes_after(ts, lock.key)
        ):
            self._push(ts, Hold(lock, WRITE))  # the caller knows the stack as it was before
            return None
        chain = self._step(ts, lock, lock.key, None, sharing=lone and self._sharing)
        if chain is None:
            push_unjudged(ts, Hold(lock, WRITE))
        return chain

    def push(
        self,
        ts: ThreadState,
        hold: Hold,
        *,
        subclass: int = 0,
        trylock: bool = False,
        nest: CheckedLock | None = None,
        pseudo: bool = False,
    ) -> None:
        """Judge and push an acquire that is an entry of its own.

        `pseudo`: a map that never blocks; entering it makes no dependency.
        """
        self.prepare(hold, subclass=subclass, trylock=trylock or pseudo, nest=nest)
        self._push(ts, hold)

    def prepare(
        self,
        hold: Hold,
        *,
        subclass: int = 0,
        trylock: bool = False,
        nest: CheckedLock | None = None,
    ) -> None:
        """Say how a lock is about to be taken, for `before_block` and `push`."""
        key: Key = hold.lock.key
        if hold.mode or trylock or subclass:
            key = self.variant(key, hold.mode, trylock, subclass)
        hold.key = key
        hold.trylock = trylock
        hold.nest = nest

    def variant(self, key: Key, mode: int, trylock: bool, subclass: int) -> Key:
        """The key of the same lock taken in another way."""
        found = key.cls.base.variants.get((key.serial, mode, trylock, subclass))
        if found is None:
            with PAUSED, self._leaf:
                found = self._classes.variant(key, mode, trylock, subclass)
        return found

    def _push(self, ts: ThreadState, hold: Hold) -> None:
        key = hold.key
        chain = None
        if ts.foreign:
            self._releases.settle(ts)
        if hold.nest is None and not rules.volatile(ts, key) and not self._looks_new(ts, key):
            chain = ts.chain.next.get(key)
        if chain is None:
            self._releases.sweep_own(ts, LATER)
            chain = self._step(ts, hold.lock, key, hold.nest)
        if chain is None:
            push_unjudged(ts, hold)
            return
        push_entry(ts, hold, chain)
        self._happens.took(ts, key)

    def _looks_new(self, ts: ThreadState, key: Key) -> bool:
        """Does it take again what another thread released for it?  Then it may have to wait."""
        return bool(key.cls.base.foreign) and self._waits.has_lost(ts, key)

    def _step(
        self,
        ts: ThreadState,
        lock: CheckedLock,
        key: Key,
        nest: CheckedLock | None,
        *,
        sharing: bool = False,
    ) -> Chain | None:
        """The chain after acquiring `key` on top of the thread's chain; judged when new.

        `sharing`: it may be one that other locks have, too (`views.Place`).
        None: the thread is inside the engine already (a finaliser), so nothing is judged.
        """
        if ts.tracing:
            return None
        if ts.views > VIEWS + self._classes.keys:
            self._happens.begin_segment(ts)
        if nest is None and not ts.foreign and self._adds_nothing(ts, key):
            view = self._view(ts, key, self._capture(NEAR), sharing=sharing)
            if view is not None:
                return view
        ts.tracing += 1
        try:
            if ts.foreign:
                self._releases.settle(ts)
            stack = self._capture()
            nesting = rules.same_class(ts, lock, key, nest, stack)
            with PAUSED, self._leaf:
                chain, found = self._enroll(
                    ts, lock, key, nest, nesting.verdict, stack, sharing=sharing
                )
                news = self._ledger.enter([*nesting.reports, *found])
        finally:
            ts.tracing -= 1
        self._ledger.deliver(ts, news)
        return chain

    def might_lock(
        self, ts: ThreadState, lock: CheckedLock, *, sync: bool = False, mode: int = WRITE
    ) -> None:
        """Judge as if `lock` were taken here; pushes nothing."""
        key = lock.key if mode == WRITE else self.variant(lock.key, mode, False, 0)
        if ts.chain.next.get(key) is None:
            self._step(ts, lock, key, None)
        if sync:
            self._waits.synced(ts, lock.name)

    def before_block(self, ts: ThreadState, lock: CheckedLock | Hold, op: WaitOp) -> None:
        """`ts` is about to block on a lock (or a prepared hold of one)."""
        hold = lock if isinstance(lock, Hold) else None
        target: CheckedLock = lock.lock if isinstance(lock, Hold) else lock
        target.key.cls.contentions += 1
        if op.timeout is not None or ts.tracing:
            return
        if ts.foreign:
            self._releases.settle(ts)
        key = lock.key
        judged = hold is None or (hold.nest is None and not hold.trylock)
        if judged and ts.chain.next.get(key) is None:
            self._step(ts, target, key, None)
        self._waiting.block_on(ts, target, key.cls.name, MODE_NAMES[key.mode])

    def after_block(
        self, ts: ThreadState, lock: CheckedLock, got: bool, waited: float = 0.0
    ) -> None:
        """It blocks no longer, after so many seconds."""
        ts.blocked = ts.blocked_on = ts.blocked_at = None
        cls = lock.key.cls
        cls.wait_total += waited
        cls.max_wait = max(cls.max_wait, waited)
        if got and cls.base.kind != "rwlock":  # that one's hold, not yet pushed, says how
            self._happens.took(ts, lock.key)  # before it is pushed: what is judged next is later
        if got and cls.base.foreign:
            rules.got_after_all(ts, lock, self._ledger.reports)

    # -- what an acquire adds ------------------------------------------------------------------

    def _adds_nothing(self, ts: ThreadState, key: Key) -> bool:
        """Is taking `key` now so well known that nothing this thread does can add to it?"""
        view = ts.chain
        if view.alone:
            return False
        known = view.rec.children.get(key)
        if known is None:
            return self._graph.is_alone(view.rec, key)
        return known.saturated and not rules.volatile(ts, key)

    def _view(self, ts: ThreadState, key: Key, stack: Stack, *, sharing: bool) -> Chain | None:
        """This thread's view of what adds nothing; None when contexts want to see it."""
        view = ts.chain
        if type(view) is Counted or stack.finaliser or self._contexts.unseen(ts, key):
            return None
        places = ts.places
        if sharing and view is places.root and self._graph.may_be_alone(view.rec, key, key):
            return places.view(key, stack, ts.made)
        chain = view.grow(key, Chain(view.rec.children.get(key), view, stack, key))
        ts.views += 1
        ts.made.append(chain)
        return chain

    def _enroll(
        self,
        ts: ThreadState,
        lock: CheckedLock,
        key: Key,
        nest: CheckedLock | None,
        verdict: str,
        stack: Stack,
        *,
        sharing: bool,
    ) -> Enrolled:
        """Record, witness, verdicts, view."""
        graph, contexts = self._graph, self._contexts
        found: list[Report] = []
        view = ts.chain
        serialised = verdict == rules.NESTED and nest is not None
        token = (key, nest.key) if nest is not None and serialised else key
        counted = type(view) is Counted
        finaliser = (counted or stack.finaliser) and "gc" not in ts.contexts
        new = view.rec.children.get(token) is None and not graph.is_alone(view.rec, key)
        if new:
            graph.stats["chain_misses"] += 1
        if new or (not finaliser and contexts.unseen(ts, key)):
            found += contexts.use(ts, key, lock, stack, finaliser=finaliser)
        if finaliser:
            found += contexts.counted_finaliser(ts, key, lock, stack)
        rec = None
        if not counted and not finaliser and graph.may_be_alone(view.rec, token, key):
            rec = view.rec.children.get(token)
            if rec is None:
                graph.leave_alone(key)
                if sharing and view is ts.places.root:
                    return Enrolled(ts.places.view(key, stack, ts.made), found)
        else:
            rec = graph.child(view.rec, token, key, edges=not key.trylock and not serialised)
        if rec is not None and not rec.saturated:
            cyclic = verdict != rules.ORDERED or key.cls.base.disordered
            found += self._witness(ts, lock, rec, stack, cyclic=cyclic)
        chain: Chain
        if counted:
            assert rec is not None, key
            chain = Counted(rec, view, stack)
        else:
            chain = Chain(rec, view, stack, key)
        if not rules.volatile(ts, key) and (counted or not finaliser):
            view.grow(token, chain)
            ts.views += 1
            ts.made.append(chain)
        return Enrolled(chain, found)

    def _witness(
        self, ts: ThreadState, lock: CheckedLock, rec: Record, stack: Stack, *, cyclic: bool
    ) -> list[Report]:
        """Note that this thread was here, unless that is known; judge what it adds."""
        key = rec.key
        assert key is not None
        instances = _instances(ts, lock, rec)
        for old in rec.witnesses:
            if (
                old.serial == ts.serial
                and old.epoch == ts.epoch
                and old.vc is ts.vc
                and old.instances == instances
            ):
                return list(self._waits.wants(old)) if self._looks_new(ts, key) else []
        one = self._graph.one
        wanted = one(LockRef(lock.name, key.cls.name, key.mode_name, stack))
        at = (ts.serial, ts.epoch, ts.vc)
        held = one(tuple(map(one, refs(ts))))
        done = one(marks(ts.chain))
        witness = Witness(
            ts.name, at, rec, stack, held, wanted, done, ts.leases, instances, ts.moment
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
        if grown or any(edge.count <= AGAIN for edge, _, _ in edges):
            found += self._waits.again()
        if key.cls.base.foreign and not key.trylock and not key.many:
            found += self._waits.wants(witness)
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
