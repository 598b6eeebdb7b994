"""The engine: operations on locks in, findings out.

Here stands the slow path: a transition that a thread's chain does not know yet.  The warm path
(known transition: no lock, no stack, no call) stands in `sync/lock.py`.  The engine's other rooms:
`waiting` (waits that are not for a lock), `interruptions` (signal handlers, collections), `happens`
(what comes before what) and `ledger` (the findings).  They share one internal lock, a leaf.

A detector (`lock_order`, `contexts`, `waits`, `races`, `rules`, `freed`, `stuck`) takes typed state
and returns reports; it knows neither the engine nor another detector.  `Ledger.judge` is the one
ritual around all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from lockcheck.core import chains, clocks, freed, leases, rules
from lockcheck.core.acquire import Acquires, push_entry, push_unjudged
from lockcheck.core.classes import MODE_NAMES, WRITE, Classes, Compare, Key
from lockcheck.core.collecting import PAUSED
from lockcheck.core.contexts import Contexts
from lockcheck.core.graph import Graph
from lockcheck.core.happens import HappensBefore
from lockcheck.core.held import (
    Chain,
    CheckedLock,
    Floor,
    Hold,
    ThreadState,
    refs,
)
from lockcheck.core.interruptions import Interruptions
from lockcheck.core.leaf import Leaf
from lockcheck.core.ledger import Host, Ledger
from lockcheck.core.lock_order import LockOrder
from lockcheck.core.races import Access, Field, Races
from lockcheck.core.record import Leased
from lockcheck.core.report import Report, fingerprint
from lockcheck.core.stacks import EMPTY, Stack, Stacks
from lockcheck.core.vector import Slots, Start
from lockcheck.core.waiting import Waiting

__all__ = ["Engine", "Started"]

NEAR = 10
"""Frames kept of a lock taken as others have taken it before."""
VIEWS = 4_000
"""Transitions that a thread remembers in one segment; then a new one begins, though nothing has
changed in its order to others."""
LATER = "when the thread took another lock"


class Started(Protocol):
    """A thread as `spawn`, `thread_begin` and `joined` know it."""

    parent_clock: tuple[Start, tuple[Leased, ...]] | None
    """What its starter handed over."""
    state: ThreadState | None
    """From its first operation on."""
    origin: Stack
    """Where it was started; kept when the order of accesses is."""


class WaitOp(Protocol):
    """What the engine reads of an operation that waits (`seam.Op`)."""

    @property
    def timeout(self) -> float | None: ...


class Engine:
    """All that one checker knows."""

    def __init__(self, host: Host | None = None) -> None:
        self.leaf = Leaf()
        self.classes = Classes(host)
        self.graph = Graph()
        self.contexts = Contexts(self.graph)
        self.order = LockOrder(self.graph)
        self.races = Races()
        self.slots = Slots()
        stacks = Stacks()
        self.capture = stacks.capture
        self.ledger = Ledger(self.leaf, host, self.classes)
        self.happens = HappensBefore(self.leaf, self.graph, wanted=host is None or host.observed)
        self.waiting = Waiting(self.leaf, self.graph, self.happens, self.ledger, stacks)
        self.interruptions = Interruptions(self.leaf, self.graph, self.contexts, self.ledger)
        self._acquires = Acquires(self.graph, self.contexts, self.order, self.waiting.waits)
        self._cookie = 0

    @property
    def reports(self) -> list[Report]:
        """Findings in the order in which they were filed."""
        return self.ledger.reports

    # -- findings ------------------------------------------------------------------------------

    def user_report(
        self,
        ts: ThreadState,
        kind: str,
        title: str,
        fields: dict[str, Any],  # a report's own, or data
    ) -> Report | None:
        """File a finding of the user's; unknown fields go to `data`."""
        known = Report.__dataclass_fields__.keys() & fields.keys()
        report = Report(
            kind,
            fields.get("severity", "certain"),
            title,
            **{name: fields[name] for name in fields if name in known and name != "severity"},
        )
        report.data.update((name, fields[name]) for name in fields if name not in known)
        stack = self.capture()
        report.held = report.held or refs(ts)
        report.threads = report.threads or (ts.name,)
        report.stacks = report.stacks or (("here", ts.name, stack),)
        report.fingerprint = report.fingerprint or fingerprint(kind, (title, stack.function))
        return self.ledger.report(ts, report)

    # -- locks and threads -----------------------------------------------------------------------

    def lock_key(
        self,
        name: str | None,
        instance: str | None = None,
        *,
        cmp: Compare | None = None,
        kind: str = "lock",
        permits: int = 1,
        depth: int = 1,
    ) -> Key:
        """Key for a new lock of class `name`; the class is the allocation site when None.

        `permits`: how many may hold it at once.  `depth` is how many frames above this one the lock
        is made.
        """
        name, site = self.classes.named(name, depth + 1)
        with PAUSED, self.leaf:
            key = self.classes.instance(name, site, instance=instance, cmp=cmp, kind=kind)
            if permits > 1 and not key.many:
                key.permits = permits
            return key

    def thread_begin(self, ts: ThreadState, started: Started | None = None) -> None:
        """First operation of a thread; `started` if it was announced by `spawn`."""
        given = None if started is None else started.parent_clock
        (vc, hb), ts.leases = given if given is not None else (({}, {}), ())
        ts.origin = EMPTY if started is None or given is None else started.origin
        with PAUSED, self.leaf:
            ts.slot, ts.epoch, time = self.slots.take(vc)
            ts.vc = vc
            ts.hb = dict(hb)
            ts.now = ts.hb[ts.slot] = time
            ts.overlay = {}
            chains.rechain(self.graph, ts)

    def spawn(self, ts: ThreadState, thread: Started) -> None:
        """`ts` starts `thread`: what it did so far is ordered before all of the thread."""
        chains.materialise(ts)
        thread.parent_clock = (self.happens.fork(ts), leases.granted(ts))
        if self.happens.wanted:
            thread.origin = self.capture()

    def joined(self, ts: ThreadState, thread: Started) -> None:
        """`ts` saw `thread` end: all of the thread is ordered before what follows."""
        ended = thread.state
        if ended is None:
            return
        for lease in ended.leases:
            if lease.serial == ts.serial and isinstance(lease, leases.Lease):
                lease.joined()
        if not ts.tracing:
            stack = self.capture() if ts.holds else EMPTY
            self.ledger.judge(ts, lambda: self.waiting.waits.joined(ts, ended, stack))
        self.happens.learn(ts, clocks.of_end(ended))

    def thread_end(self, ts: ThreadState) -> None:
        """Last operation of a thread: it must hold nothing."""
        ts.alive = False
        self._settle(ts)
        self._sweep(ts, "when the thread ended", EMPTY)
        self.ledger.judge(ts, lambda: rules.held_at_exit(ts))
        self.ledger.judge(ts, lambda: self.waiting.waits.thread_end(ts))
        self.ledger.judge(ts, lambda: self.waiting.waits.left_over(ts))
        with PAUSED, self.leaf:
            self.slots.give(ts.slot, ts.epoch, ts.hb.get(ts.slot, 0))
        left = chains.materialise(ts)
        ts.top = ts.floor if not ts.contexts else Floor(None, None, None)
        ts.contexts = ()
        self.happens.begin_segment(ts)
        for hold in reversed(left):  # still locked, by a thread that is no more: not free
            hold.prev = ts.top
            ts.top = hold

    def access(self, ts: ThreadState, cell: Field, *, write: bool) -> None:
        """An access to a shared field."""
        if ts.tracing or self.races.seen(cell, ts, write=write):
            return
        now = Access(ts, self.capture(), refs(ts))

        def detect() -> list[Report]:
            found = self.races.access(ts, cell, now, write=write)
            return [] if found is None else [found]

        self.ledger.judge(ts, detect)

    # -- taking ------------------------------------------------------------------------------------

    def extend(self, ts: ThreadState, lock: CheckedLock, *, known: int = 0) -> Chain | None:
        """Judge a plain acquire that the thread's chain does not know.

        `known`: how many references to the newest held entry the caller has itself (`freed`).
        Returns the chain it leads to; None when the lock must not cache that: it was pushed as a
        `Hold` then.
        """
        given_up = bool(ts.foreign)
        swept = self._sweep(ts, LATER, known=known)
        if given_up:
            self._settle(ts)
        if swept or given_up or rules.volatile(ts, lock.key) or leases.handed_over(ts, lock.key):
            self._push(ts, Hold(lock, WRITE))  # the caller knows the stack as it was before
            return None
        chain = self._step(ts, lock, lock.key, None)
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
        found = key.base.variants.get((mode, trylock, subclass))
        if found is None:
            with PAUSED, self.leaf:
                found = self.classes.variant(key, mode, trylock, subclass)
        return found

    def _push(self, ts: ThreadState, hold: Hold) -> None:
        key = hold.key
        chain = None
        if ts.foreign:
            self._settle(ts)
        if hold.nest is None and not rules.volatile(ts, key):
            chain = ts.chain.next.get(key)
        if chain is None:
            self._sweep(ts, LATER)
            chain = self._step(ts, hold.lock, key, hold.nest)
        if chain is None:
            push_unjudged(ts, hold)
            return
        push_entry(ts, hold, chain)
        self._take_over(ts, key)

    def _take_over(self, ts: ThreadState, key: Key) -> None:
        """A thread took a lock under which it was started: its starter has released that."""
        given = leases.handed_over(ts, key) if ts.leases else None
        if given is not None:
            self.happens.learn(ts, given)

    def _step(
        self, ts: ThreadState, lock: CheckedLock, key: Key, nest: CheckedLock | None
    ) -> Chain | None:
        """The chain after acquiring `key` on top of the thread's chain; judged when new.

        None: the thread is inside the engine already (a finaliser), so nothing is judged.
        """
        if ts.tracing:
            return None
        ts.views += 1
        if ts.views > VIEWS:
            self.happens.begin_segment(ts)
        if nest is None and not ts.foreign:
            known = self._acquires.saturated(ts, key)
            if known is not None:
                view = self._acquires.view(ts, key, known, self.capture(NEAR))
                if view is not None:
                    return view
        ts.tracing += 1
        try:
            if ts.foreign:
                self._settle(ts)
            stack = self.capture()
            nesting = rules.same_class(ts, lock, key, nest, stack)
            with PAUSED, self.leaf:
                chain, found = self._acquires.enroll(ts, lock, key, nest, nesting.verdict, stack)
                news = self.ledger.enter([*nesting.reports, *found])
        finally:
            ts.tracing -= 1
        self.ledger.deliver(ts, news)
        return chain

    # -- releasing ---------------------------------------------------------------------------------

    def release(self, ts: ThreadState, lock: CheckedLock | Hold) -> None:
        """Release `lock` (or the hold given), however it is held."""
        hold = lock if isinstance(lock, Hold) else None
        target: CheckedLock = lock.lock if isinstance(lock, Hold) else lock
        if ts.foreign:
            self._settle(ts)
        entry = ts.top
        above = 0
        while entry is not None and (entry is not hold if hold else entry.lock is not target):
            above += entry.lock is not None
            entry = entry.prev
        if entry is None:
            self.not_held(ts, target)
            return
        if isinstance(entry, Hold) and entry.pins:
            entry.pins = 0
            stack = self.capture()
            self.ledger.judge(ts, lambda: [rules.released_pinned(ts, entry.lock, stack)])
        if entry is ts.top:
            ts.top = entry.prev
        else:
            with PAUSED, self.leaf:
                entry = chains.take_out(self.graph, ts, above)
        if isinstance(entry, Hold):
            entry.ts = None
            if entry.leased:
                entry.given = self.happens.fork(ts)

    def not_held(self, ts: ThreadState, lock: CheckedLock) -> None:
        """A release without an acquire by this thread."""
        kind = lock.key.cls.base.kind
        if kind in rules.OWNERLESS:
            for owner in lock.holders():
                if owner is not ts:
                    self._released_by(ts, owner, lock)
                    return
        if kind == "semaphore":
            return  # one unit more is legal
        stack = self.capture()
        self.ledger.judge(ts, lambda: [rules.bad_unlock(ts, lock, stack)])
        if kind in rules.OWNERLESS:
            self.ledger.judge(ts, lambda: self.waiting.waits.released_free(ts, lock))

    def _released_by(self, ts: ThreadState, owner: ThreadState, lock: CheckedLock) -> None:
        """`ts` releases a lock that `owner` took: legal for a plain lock, shown in the graph.

        The owner may be running: its stack is put right at once where that is safe (the lock is its
        newest entry, as of a thread that waits), and for the rest at its next visit to the engine.
        """
        entry = owner.find(lock)
        lock.key.cls.base.foreign += 1
        lock.owned_by(None)
        stack = self.capture()
        self.ledger.judge(ts, lambda: self.waiting.waits.released_by_other(ts, owner, lock, stack))
        if entry is None:
            return
        if isinstance(entry, Hold):
            entry.ts = None
        if owner.top is entry:
            owner.top = entry.prev
        else:
            chains.give_up(owner, entry)
            if not owner.alive:
                self._settle(owner)

    def _settle(self, ts: ThreadState) -> None:
        """Take out what other threads have released of what `ts` took."""
        with PAUSED, self.leaf:
            chains.settle(self.graph, ts)

    # -- annotations ---------------------------------------------------------------------------

    def might_lock(
        self, ts: ThreadState, lock: CheckedLock, *, sync: bool = False, mode: int = WRITE
    ) -> None:
        """Judge as if `lock` were taken here; pushes nothing."""
        key = lock.key if mode == WRITE else self.variant(lock.key, mode, False, 0)
        if ts.chain.next.get(key) is None:
            self._step(ts, lock, key, None)
        if sync:
            self.waiting.waits.synced(ts, lock.name)

    def pin(self, ts: ThreadState, lock: CheckedLock) -> int:
        """Forbid releasing `lock`; returns the cookie for `unpin`."""
        if ts.find(lock) is None:
            stack = self.capture()
            self.ledger.judge(ts, lambda: [rules.pinned_free(ts, lock, stack)])
            return 0
        chains.materialise(ts)  # so that its release takes the slow path, which looks at pins
        with self.leaf:
            self._cookie += 1
            cookie = self._cookie
        hold = ts.find(lock)
        hold.pins += cookie
        hold.bare = False
        return cookie

    def unpin(self, ts: ThreadState, lock: CheckedLock, cookie: int) -> None:
        """Take one pin away; the cookie must be that of its `pin`."""
        hold = ts.find(lock)
        if isinstance(hold, Hold) and hold.pins >= cookie > 0:
            hold.pins -= cookie
            return
        stack = self.capture()
        self.ledger.judge(ts, lambda: [rules.wrong_cookie(ts, lock, stack)])

    def assertion(self, ts: ThreadState, lock: CheckedLock, *, held: bool) -> None:
        """An assert_held (or assert_not_held) failed."""
        stack = self.capture()
        self.ledger.judge(ts, lambda: [rules.assertion(ts, lock, stack, held=held)])

    def held_at_fork(
        self, ts: ThreadState, others: Sequence[ThreadState], guarded: Sequence[object] = ()
    ) -> None:
        """The process forks: report what `others` hold, but for `guarded` locks."""
        stack = self.capture()
        self.ledger.judge(ts, lambda: rules.held_at_fork(ts, others, guarded, stack))

    # -- blocking on locks -----------------------------------------------------------------------

    def before_block(self, ts: ThreadState, lock: CheckedLock | Hold, op: WaitOp) -> None:
        """`ts` is about to block on a lock (or a prepared hold of one)."""
        hold = lock if isinstance(lock, Hold) else None
        target: CheckedLock = lock.lock if isinstance(lock, Hold) else lock
        target.key.cls.contentions += 1
        if op.timeout is not None or ts.tracing:
            return
        if ts.foreign:
            self._settle(ts)
        key = lock.key
        judged = hold is None or (hold.nest is None and not hold.trylock)
        if judged and ts.chain.next.get(key) is None:
            self._step(ts, target, key, None)
        self.waiting.block_on(ts, target, key.cls.name, MODE_NAMES[key.mode])

    def after_block(
        self, ts: ThreadState, lock: CheckedLock, got: bool, waited: float = 0.0
    ) -> None:
        """It blocks no longer, after so many seconds."""
        ts.blocked = ts.blocked_on = ts.blocked_at = None
        cls = lock.key.cls
        cls.wait_total += waited
        cls.max_wait = max(cls.max_wait, waited)
        if got:
            self._take_over(ts, lock.key)  # before it is pushed: what is judged next is later
        if got and cls.base.foreign:
            rules.got_after_all(ts, lock, self.reports)

    # -- freed locks -------------------------------------------------------------------------------

    def _sweep(
        self, ts: ThreadState, when: str, stack: Stack | None = None, *, known: int = 0
    ) -> bool:
        """Report what the calling thread holds and nobody else knows; it is held no longer.

        `stack`: of the noticing place; None: it is captured when there is something to report.
        `known`: references that the caller has to the newest entry.
        Returns whether there was anything.
        """
        if ts.top.lock is None:
            return False
        found = freed.unknown(ts, known)
        if not found:
            return False
        for entry, _ in found:
            if isinstance(entry, Hold):
                entry.pins = 0
            self.release(ts, entry)
        where = self.capture() if stack is None else stack
        self.ledger.judge(
            ts, lambda: [freed.freed_held(ts, entry.lock, ref, when, where) for entry, ref in found]
        )
        return True

    def sweep(self, me: ThreadState | None, others: Iterable[ThreadState], when: str) -> None:
        """Look for freed locks: of the calling thread, if it is known, and of blocked others."""
        if me is not None:
            self._sweep(me, when)
            if not me.tracing:
                self.ledger.judge(me, lambda: self.waiting.waits.left_over(me))
        for other in others:
            if other is not me:
                for entry, taken in freed.unknown_of_blocked(other):
                    report = freed.freed_held(other, entry.lock, taken, when, EMPTY)
                    self.ledger.report(me or other, report)
