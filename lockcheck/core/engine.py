"""The engine: operations in, verdicts out.

Here stands the slow path: a transition that a thread's chain does not know yet.  The warm path
(known transition: no lock, no stack, no call) stands in `sync/lock.py`.

Rooms: `acquire` and `release`, `segments`, `rules` (one function per rule), `graph` `search`
`order` `replay` `leases` (dependencies), `contexts` (signal, gc), `waits` `wait_cycles` `stuck`
(events, joins, counts), `races`, `clocks` (order), `judge` (from a circle to a report), `describe`
(graph.json), `ww`.

Invariant: a thread inside the engine has `tracing` set; operations of a finaliser that the
collector runs meanwhile are let through unjudged.
"""

from __future__ import annotations

from typing import Any

from lockcheck.core import acquire, clocks, describe, freed, leases, release, rules, segments
from lockcheck.core.classes import Classes, Key
from lockcheck.core.contexts import Contexts
from lockcheck.core.graph import Graph
from lockcheck.core.held import WRITE, Chain, Floor, Hold, ThreadState
from lockcheck.core.judge import Judge
from lockcheck.core.leaf import Leaf
from lockcheck.core.races import Races
from lockcheck.core.report import Report
from lockcheck.core.stacks import EMPTY, Stacks
from lockcheck.core.stuck import Stuck
from lockcheck.core.waits import Waits

__all__ = ["Engine"]


class _Announced:
    """A thread that `spawn` has seen and that has not begun."""

    parent_clock: Any = None


class Engine:
    """All that one checker knows.

    `host` may have `deliver(report, ts)`: called for each new or strengthened report, without any
    lock of ours, in the thread that closed the circle.  It may raise.
    """

    def __init__(self, host: Any = None) -> None:
        self.host = host
        self.leaf = Leaf()
        self.classes = Classes(self.leaf, host)
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
        self.capture = Stacks().capture
        self._serial = 0

    # -- threads -------------------------------------------------------------------------------

    def new_thread(self, name: str, parent: ThreadState | None = None) -> ThreadState:
        """Make a thread's state (tests and drivers; the checker makes its own)."""
        self._serial += 1
        ts = ThreadState(self._serial, name)
        announced = None
        if parent is not None:
            announced = _Announced()
            self.spawn(parent, announced)
        self.thread_begin(ts, announced)
        return ts

    def started(self, parent: ThreadState, ts: ThreadState) -> None:
        """`parent` starts a thread whose state is there already (tests and drivers)."""
        release.materialise(parent)
        clocks.start(self, parent, ts)
        ts.leases = leases.granted(parent)

    def thread_begin(self, ts: ThreadState, thread: Any) -> None:
        """First operation of a thread; `thread` if it was announced by `spawn`."""
        clocks.begin(self, ts, getattr(thread, "parent_clock", None))
        ts.overlay = {}
        segments.rechain(self, ts)

    def spawn(self, ts: ThreadState, thread: Any) -> None:
        """`ts` starts `thread`: what it did so far is ordered before all of the thread."""
        release.materialise(ts)
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
        release.settle(ts)
        freed.sweep(self, ts, "when the thread ended", EMPTY)
        rules.held_at_exit(self, ts)
        self.waits.thread_end(ts)
        clocks.end(self, ts)
        left = release.materialise(ts)
        ts.top = ts.floor if not ts.contexts else Floor(None, None, None)
        ts.contexts = ()
        segments.begin(self, ts)
        for hold in reversed(left):  # still locked, by a thread that is no more: not free
            hold.prev = ts.top
            ts.top = hold

    # -- taking and letting go -------------------------------------------------------------------

    def extend(self, ts: ThreadState, lock: Any, *, known: int = 0) -> Chain | None:
        """Judge a plain acquire that the thread's chain does not know.

        `known`: how many references to the newest held entry the caller has itself (`freed`).
        Returns the chain it leads to; None when the lock must not cache that: it was pushed as a
        `Hold` then.
        """
        return acquire.plain(self, ts, lock, known)

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
        self.prepare(hold, subclass=subclass, trylock=trylock or pseudo, nest=nest)
        acquire.push(self, ts, hold)

    def prepare(
        self, hold: Hold, *, subclass: int = 0, trylock: bool = False, nest: Any = None
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
            with self.leaf:
                found = self.classes.variant(key, mode, trylock, subclass)
        return found

    def release(self, ts: ThreadState, lock: Any) -> None:
        """Release `lock` (or the hold given), however it is held."""
        release.release(self, ts, lock)

    def not_held(self, ts: ThreadState, lock: Any) -> None:
        """A release without an acquire by this thread."""
        rules.not_held(self, ts, lock)

    def released_pinned(self, ts: ThreadState, entry: Any) -> None:
        """A release of a pinned lock."""
        rules.released_pinned(self, ts, entry)

    # -- annotations ---------------------------------------------------------------------------

    def might_lock(
        self, ts: ThreadState, lock: Any, *, sync: bool = False, mode: int = WRITE
    ) -> None:
        """Judge as if `lock` were taken here; pushes nothing."""
        key = lock.key if mode == WRITE else self.variant(lock.key, mode, False, 0)
        if ts.chain.next.get(key) is None:
            acquire.step(self, ts, lock, key, None)
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
        """`ts` is about to block on a lock (or a prepared hold of one)."""
        self.stuck.before(ts, lock, op)

    def after_block(
        self, ts: ThreadState, lock: Any, op: Any, got: bool, waited: float = 0.0
    ) -> None:
        """It blocks no longer, after so many seconds."""
        self.stuck.after(ts)
        cls = lock.key.cls
        cls.wait_total += waited
        cls.max_wait = max(cls.max_wait, waited)
        if got and lock.key.cls.base.foreign:
            self.judge.taken_after_all(ts, lock)

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
        if self.wants_order:
            clocks.acquire(ts, obj)

    def hb_release(self, ts: ThreadState, obj: Any, *, shared: bool = False) -> None:
        """What `ts` did is ordered before what the next acquirer of `obj` does."""
        if self.wants_order:
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
        with self.leaf:
            if report.fingerprint in self._by_print:
                return None
            for name in report.classes:
                cls = self.classes.find(name) or self.classes.find(name.rpartition("/")[0])
                if cls is not None and cls.site:
                    report.made[name] = cls.site
            self._by_print[report.fingerprint] = report
            self.reports.append(report)
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
