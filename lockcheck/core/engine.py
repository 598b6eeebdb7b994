"""The engine: operations in, verdicts out.

Here stands the slow path: a transition that a thread's chain does not know yet.  The warm path
(known transition: no lock, no stack, no call) stands in `sync/lock.py`.

What happens at an acquire, in this order: same-class rules (recursion, cmp, nest; user callbacks run
here, before any lock of ours), wait types, then under the leaf the record, its edges, the witness
and the search, usage in contexts, and last, with the leaf dropped, the delivery of reports.

Rooms: `rules` (one function per rule), `graph` `search` `order` (dependencies), `contexts`
(signal, gc), `waits` (events, joins, counts), `races`, `clocks` (order), `judge` (from a circle to
a report), `describe` (graph.json).

Invariant: a thread inside the engine has `tracing` set; operations of a finaliser that the
collector runs meanwhile are let through unjudged.
"""

from __future__ import annotations

from typing import Any

from lockcheck.core import clocks, describe, leases, rules
from lockcheck.core.classes import WRITE, Classes, Key
from lockcheck.core.contexts import Contexts
from lockcheck.core.graph import Graph, Record, Witness
from lockcheck.core.held import Chain, Hold, ThreadState
from lockcheck.core.judge import Judge
from lockcheck.core.leaf import Leaf
from lockcheck.core.races import Races
from lockcheck.core.report import LockRef, Report
from lockcheck.core.stacks import EMPTY, Stack, capture
from lockcheck.core.stuck import Stuck
from lockcheck.core.waits import Waits

__all__ = ["Engine"]

class Engine:
    """All that one checker knows.

    `host` may have `deliver(report, ts)`: called for each new or strengthened report, without any
    lock of ours, in the thread that closed the circle.  It may raise.
    """

    def __init__(self, host: Any = None) -> None:
        self.host = host
        self.leaf = Leaf()
        self.classes = Classes(self.leaf)
        self.graph = describe.GraphView(self)
        self.deps = Graph()
        self.judge = Judge(self)
        self.contexts = Contexts(self)
        self.waits = Waits(self)
        self.races = Races(self)
        self.stuck = Stuck(self)
        self.slots = clocks.Slots()
        self.wants_order = bool(getattr(host, "observed", True))
        """Keep happens-before of waits too (races are looked for)."""
        self.reports: list[Report] = []
        self._by_print: dict[str, Report] = {}
        self.capture = capture
        self._serial = 0

    # -- threads -------------------------------------------------------------------------------

    def new_thread(self, name: str, parent: ThreadState | None = None) -> ThreadState:
        """Make a thread's state (tests and drivers; the checker makes its own)."""
        self._serial += 1
        ts = ThreadState(self._serial, name)
        self.thread_begin(ts, None)
        if parent is not None:
            self.started(parent, ts)
        return ts

    def started(self, parent: ThreadState, ts: ThreadState) -> None:
        """`parent` starts a thread whose state is there already (tests and drivers)."""
        self.materialise(parent)
        clocks.start(self, parent, ts)
        ts.leases = leases.granted(parent)

    def thread_begin(self, ts: ThreadState, thread: Any) -> None:
        """First operation of a thread; `thread` if it was announced by `spawn`."""
        clocks.begin(self, ts, getattr(thread, "parent_clock", None))
        ts.overlay = {}
        self.rechain(ts)

    def spawn(self, ts: ThreadState, thread: Any) -> None:
        """`ts` starts `thread`: what it did so far is ordered before all of the thread."""
        self.materialise(ts)
        thread.parent_clock = (*clocks.fork(self, ts), leases.granted(ts))

    def joined(self, ts: ThreadState, thread: Any) -> None:
        """`ts` saw `thread` end: all of the thread is ordered before what follows."""
        if thread.state is not None:
            for lease in thread.state.leases:
                if lease.serial == ts.serial:
                    lease.joined()
            self.waits.joined(ts, thread.state)
            clocks.join(self, ts, thread.state)

    def thread_end(self, ts: ThreadState) -> None:
        """Last operation of a thread: it must hold nothing."""
        ts.alive = False
        rules.held_at_exit(self, ts)
        self.waits.thread_end(ts)
        clocks.end(self, ts)
        ts.top = None
        self.new_segment(ts)

    # -- acquire -------------------------------------------------------------------------------

    def extend(
        self,
        ts: ThreadState,
        lock: Any,
        *,
        subclass: int = 0,
        trylock: bool = False,
        nest: Any = None,
    ) -> Chain | None:
        """Judge a plain acquire that the thread's chain does not know.

        Returns the chain it leads to; None when the transition must not be cached by the lock: then
        the lock was pushed as a `Hold`.
        """
        if subclass or trylock or nest is not None or rules.volatile(ts, lock.key):
            self.push(ts, Hold(lock, WRITE), subclass=subclass, trylock=trylock, nest=nest)
            return None
        chain = self._step(ts, lock, lock.key, None)
        if chain is None:
            hold = Hold(lock, WRITE)
            self._push_unjudged(ts, hold)
        return chain

    def push(
        self,
        ts: ThreadState,
        hold: Hold,
        *,
        subclass: int = 0,
        trylock: bool = False,
        nest: Any = None,
        pseudo: bool = False,
    ) -> None:
        """Judge and push an acquire that is an entry of its own.

        `pseudo`: a map that never blocks; entering it makes no dependency.
        """
        key = hold.lock.key
        if hold.mode or trylock or subclass or pseudo:
            key = self.variant(key, hold.mode, trylock or pseudo, subclass)
        hold.key = key
        hold.trylock = trylock
        hold.nest = nest
        chain = None
        if nest is None and not rules.volatile(ts, key):
            chain = ts.chain.next.get(key)
        if chain is None:
            chain = self._step(ts, hold.lock, key, nest)
        if chain is None:
            self._push_unjudged(ts, hold)
            return
        hold._pk = ts.chain
        hold._k = chain
        hold.prev = ts.top
        hold.ts = ts
        ts.top = hold
        ts.chain = chain
        if hold.mode == WRITE and hasattr(hold.lock, "ts"):
            hold.lock.ts = ts

    def variant(self, key: Key, mode: int, trylock: bool, subclass: int) -> Key:
        """The key of the same lock taken in another way."""
        found = key.base.variants.get((mode, trylock, subclass))
        if found is None:
            entered = self.leaf.enter()
            try:
                found = self.classes.variant(key, mode, trylock, subclass)
            finally:
                if entered:
                    self.leaf.leave()
        return found

    def _push_unjudged(self, ts: ThreadState, hold: Hold) -> None:
        """Push without judging: the engine was entered again by a finaliser."""
        hold._pk = ts.chain
        hold._k = Chain(ts.chain.rec, ts.chain, EMPTY)
        hold.prev = ts.top
        hold.ts = ts
        ts.top = hold
        ts.chain = hold._k

    def _step(self, ts: ThreadState, lock: Any, key: Key, nest: Any) -> Chain | None:
        """The chain after acquiring `key` on top of the thread's chain; judged when new."""
        if ts.tracing:
            return None
        known = ts.chain.rec.children.get(key)
        if known is not None and known.saturated and nest is None and not ts.foreign:
            if not rules.volatile(ts, key):
                chain = ts.chain.next[key] = Chain(known, ts.chain, self.capture())
                return chain
        ts.tracing += 1
        reports: list[Report] = []
        try:
            if ts.foreign:
                self._settle_foreign(ts)
            stack = self.capture()
            verdict = rules.same_class(self, ts, lock, key, nest, stack, reports)
            rules.wait_type(self, ts, key, stack, reports)
            self.leaf.enter()
            try:
                chain = self._enroll(ts, lock, key, nest, verdict, stack, reports)
            finally:
                self.leaf.leave()
        finally:
            ts.tracing -= 1
        self.deliver(ts, reports)
        return chain

    def _enroll(
        self,
        ts: ThreadState,
        lock: Any,
        key: Key,
        nest: Any,
        verdict: str,
        stack: Stack,
        reports: list[Report],
    ) -> Chain:
        """Under the leaf: record, witness, verdicts, view."""
        view = ts.chain
        serialised = verdict == rules.NESTED
        token: Any = (key, nest.key if nest is not None else None) if serialised else key
        known = view.rec.children.get(token)
        if known is None:
            self.deps.stats["chain_misses"] += 1
            self.contexts.use(ts, key, lock, stack, reports)
        rec = self.deps.child(
            view.rec, token, key, edges=not key.trylock and not serialised
        )
        if not rec.saturated or not rec.witnesses:
            self._witness(ts, lock, rec, stack, reports, cyclic=verdict != rules.ORDERED)
        chain = Chain(rec, view, stack)
        view.next[token] = chain
        return chain

    def _witness(
        self,
        ts: ThreadState,
        lock: Any,
        rec: Record,
        stack: Stack,
        reports: list[Report],
        *,
        cyclic: bool,
    ) -> None:
        """Note that this thread was here, unless that is known; judge what it adds."""
        for old in rec.witnesses:
            if old.serial == ts.serial and old.epoch == ts.epoch and old.vc is ts.vc:
                return
        witness = Witness(ts, rec, stack)
        witness.held = refs(ts)
        assert rec.key is not None
        witness.wanted = LockRef(lock.name, rec.key.cls.name, rec.key.mode_name, stack)
        if rec.key.mode == WRITE and rec.key.cls.base.kind == "rwlock" and not rec.key.trylock:
            writers = rec.key.base.writers
            writers.append(witness)
            del writers[:-8]
        found = self.deps.note(rec, witness)
        self.judge.circles(ts, rec, witness, found, reports, cyclic=cyclic)

    # -- segments ------------------------------------------------------------------------------

    def new_segment(self, ts: ThreadState) -> None:
        """The thread's order to others has changed: what it does now is worth seeing again."""
        ts.tracing += 1  # the collector may run here; its context must not lead the chain anew
        try:
            for root in ts.overlay.values():
                ts.touched |= touched(root)
            ts.overlay = {}
            self.rechain(ts)
        finally:
            ts.tracing -= 1

    def rechain(self, ts: ThreadState) -> None:
        """Lead the thread's chain anew from the root of its present context state."""
        context = (ts.contexts, ts.disabled)
        root = ts.overlay.get(context)
        if root is None:
            entered = self.leaf.enter()
            try:
                root = ts.overlay[context] = Chain(self.deps.root(context), None, EMPTY)
            finally:
                if entered:
                    self.leaf.leave()
        ts.root = chain = root
        for entry in ts.stack():
            old: Chain = entry._k
            if old is None or old.rec.context[0] != ts.contexts:
                continue  # held by the code that this context interrupted
            rec = old.rec
            if rec.context != context:
                rec = self._carried(chain.rec, entry.key)
            view = chain.next.get(rec.token)
            if view is None or view.rec is not rec:
                view = chain.next[rec.token] = Chain(rec, chain, old.stack)
                view.earlier = old if old.rec is rec else None
            entry._pk = chain
            entry._k = chain = view
        ts.chain = chain

    def _carried(self, parent: Record, key: Key) -> Record:
        """The record of a lock that was taken in another context state and is still held."""
        entered = self.leaf.enter()
        try:
            rec = self.deps.child(parent, ("carried", key), key, edges=False)
        finally:
            if entered:
                self.leaf.leave()
        return rec

    # -- release -------------------------------------------------------------------------------

    def release(self, ts: ThreadState, lock: Any) -> None:
        """Release `lock` (or the hold given): from the top, out of order, or by another thread."""
        hold = lock if isinstance(lock, Hold) else None
        target = hold.lock if hold is not None else lock
        entry = ts.top
        above = []
        while entry is not None and entry is not hold and (hold is not None or entry.lock is not target):
            above.append(entry)
            entry = entry.prev
        if entry is None and hold is not None and hold.ts is None:
            entry = ts.find(target)  # a release that matches no acquire of that mode
            entry = None
        if entry is None:
            rules.not_held(self, ts, target)
            return
        pins = getattr(entry.lock, "pins", 0)
        if pins:
            rules.released_pinned(self, ts, entry)
        if not above:
            ts.top = entry.prev
            ts.chain = entry._pk
        else:
            self._unlink(ts, entry, above)
        entry.ts = None
        if hold is None and entry is not target and hasattr(target, "ts"):
            target.ts = None

    def foreign_release(self, ts: ThreadState, owner: ThreadState, lock: Any) -> None:
        """`ts` releases a lock that `owner` took: legal for a plain lock, told in the graph."""
        entry = owner.find(lock)
        lock.key.cls.base.foreign += 1
        lock.ts = None
        self.waits.released_by_other(ts, lock)
        if entry is None:
            return
        owner.foreign.append(entry)
        if owner.top is entry:
            owner.top = entry.prev
            owner.chain = entry._pk

    def released_pinned(self, ts: ThreadState, lock: Any) -> None:
        """A pinned lock was released from the top."""
        rules.released_pinned(self, ts, lock)

    def _unlink(self, ts: ThreadState, entry: Any, above: list[Any]) -> None:
        """Take an entry out of the middle and lead the chain of those above anew."""
        above = self.materialise(ts)[: len(above)]
        self.leaf.enter()
        try:
            below: Chain = entry._pk
            depth = len(below.rec.held)
            for upper in reversed(above):
                rec = upper._k.rec
                if depth >= len(rec.held) or rec.held[depth] is not entry.key:
                    upper._pk = below  # pushed unjudged; it is on no record
                    continue
                token = ("drop", depth)
                new = self.deps.dropped(rec, depth, token)
                chain = upper._k.next.get(token)
                if chain is None:
                    chain = upper._k.next[token] = Chain(new, upper._k, upper._k.stack)
                chain.came = upper._k
                upper._pk = below
                upper._k = below = chain
            above[-1].prev = entry.prev
            ts.chain = ts.top._k
        finally:
            self.leaf.leave()

    def materialise(self, ts: ThreadState) -> list[Hold]:
        """Give every held plain lock an entry of its own; returns all, newest first.

        For when a lock's own `_pk`/`_k` would not do: they are its warm cache as well.
        """
        found: list[Hold] = []
        above: Hold | None = None
        entry = ts.top
        while entry is not None:
            hold = entry
            if not isinstance(entry, Hold):
                hold = Hold(entry, WRITE)
                hold.prev, hold.ts, hold._pk, hold._k = entry.prev, ts, entry._pk, entry._k
                entry._pk = None
                if above is None:
                    ts.top = hold
                else:
                    above.prev = hold
            found.append(hold)
            above = hold
            entry = entry.prev
        return found

    def _settle_foreign(self, ts: ThreadState) -> None:
        """Forget entries whose lock another thread has released meanwhile."""
        gone = ts.foreign
        ts.foreign = []
        for entry in gone:
            above = []
            at = ts.top
            while at is not None and at is not entry:
                above.append(at)
                at = at.prev
            if at is None:
                continue
            if above:
                above[-1].prev = entry.prev
            else:
                ts.top = entry.prev
                ts.chain = entry._pk

    # -- annotations ---------------------------------------------------------------------------

    def might_lock(
        self, ts: ThreadState, lock: Any, *, sync: bool = False, mode: int = WRITE
    ) -> None:
        """Judge as if `lock` were taken here; pushes nothing."""
        key = lock.key if mode == WRITE else self.variant(lock.key, mode, False, 0)
        top, chain = ts.top, ts.chain
        hold = Hold(lock, mode)
        if chain.next.get(key) is None:
            self._step(ts, lock, key, None)
        del hold
        assert ts.top is top
        if sync:
            self.waits.synced(ts, lock)

    def pin(self, ts: ThreadState, lock: Any) -> Any:
        """Forbid releasing `lock`; returns the cookie for `unpin`."""
        return rules.pin(self, ts, lock)

    def unpin(self, ts: ThreadState, lock: Any, cookie: Any) -> None:
        """Allow it again."""
        rules.unpin(self, ts, lock, cookie)

    def assertion(self, ts: ThreadState, lock: Any, *, held: bool) -> None:
        """An assert_held (or assert_not_held) failed."""
        rules.assertion(self, ts, lock, held=held)

    def context_enter(self, ts: ThreadState, name: str) -> None:
        self.contexts.enter(ts, name)

    def context_leave(self, ts: ThreadState, name: str) -> None:
        self.contexts.leave(ts, name)

    def context_disable(self, ts: ThreadState, name: str) -> None:
        self.contexts.disable(ts, name)

    def context_enable(self, ts: ThreadState, name: str) -> None:
        self.contexts.enable(ts, name)

    # -- waiting -------------------------------------------------------------------------------

    def before_block(self, ts: ThreadState, lock: Any, op: Any) -> None:
        """`ts` is about to block on a lock (or a hold of one)."""
        self.stuck.before(ts, lock, op)

    def after_block(self, ts: ThreadState, lock: Any, op: Any, got: bool) -> None:
        """It blocks no longer."""
        self.stuck.after(ts)

    def before_wait(self, ts: ThreadState, op: Any, part: str = "") -> None:
        """`ts` is about to wait for `op.obj` (event, queue, end of a thread, reference count)."""
        self.waits.before(ts, op, part, once=op.obj.once)

    def after_wait(self, ts: ThreadState, op: Any, got: bool, part: str = "") -> None:
        """The wait ended; `got`: with what it waited for."""
        self.waits.after(ts, op, got, part, once=op.obj.once)

    def wake(self, ts: ThreadState, obj: Any, part: str = "") -> None:
        """`ts` makes `part` of `obj` happen, so that its waiters may go."""
        self.waits.wake(ts, obj, part, once=obj.once)

    def cleared(self, obj: Any) -> None:
        """The event can happen anew."""
        self.waits.cleared(obj)

    def hb_acquire(self, ts: ThreadState, obj: Any) -> None:
        """What was released into `obj` is ordered before what `ts` does next."""
        clocks.acquire(ts, obj)

    def hb_release(self, ts: ThreadState, obj: Any, *, shared: bool = False) -> None:
        """What `ts` did is ordered before what the next acquirer of `obj` does."""
        clocks.release(self, ts, obj, shared=shared)

    def access(self, ts: ThreadState, cell: Any, *, write: bool) -> None:
        """An access to a shared field."""
        self.races.access(ts, cell, write=write)

    # -- reports -------------------------------------------------------------------------------

    def report(self, ts: ThreadState, kind: str, title: str, **fields: Any) -> Report | None:
        """File a finding of the user; None when its fingerprint was filed before."""
        return self.judge.user_report(ts, kind, title, fields)

    def file(self, report: Report) -> Report | None:
        """Enter a report in the list unless its fingerprint is there.  Locks: the leaf or none."""
        entered = self.leaf.enter()
        try:
            if report.fingerprint in self._by_print:
                return None
            self._by_print[report.fingerprint] = report
            self.reports.append(report)
        finally:
            if entered:
                self.leaf.leave()
        return report

    def deliver(self, ts: ThreadState, reports: list[Report]) -> None:
        """Hand reports to the host, without any lock."""
        deliver = getattr(self.host, "deliver", None)
        if deliver is not None:
            for report in reports:
                deliver(report, ts)

    def graph_dict(self) -> dict[str, Any]:
        """The graph as `graph.json` has it (see `describe`)."""
        return describe.graph_dict(self)


def refs(ts: ThreadState) -> tuple[LockRef, ...]:
    """What a thread holds, oldest first, as reports tell it."""
    return tuple(ref_of(entry) for entry in reversed(list(ts.held())))


def ref_of(entry: Any) -> LockRef:
    """One held entry as reports tell it."""
    key: Key = entry.key
    chain = entry._k
    stack = EMPTY
    if chain is not None:
        ts = entry.ts
        stack = chain.stack or chain.rec.stack_of(ts.serial if ts is not None else 0)
    return LockRef(entry.lock.name, key.cls.name, key.mode_name, stack)


def touched(root: Chain) -> set[Key]:
    """Every lock that was waited for on the way through these views."""
    found: set[Key] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        if node.key is not None and not node.key.trylock:
            found.add(node.key.base)
        todo.extend(node.next.values())
    return found
