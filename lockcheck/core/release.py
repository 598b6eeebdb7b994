"""What a thread holds no longer: released by it, by another thread, or known to nobody any more.

`sync` calls `release` where the lock is not simply the thread's newest entry.  A plain lock may be
released by any thread: its owner's stack is put right at once where that is safe, else at the
owner's next visit (`settle`).  A held lock that nobody refers to can be released by nobody: `freed`
finds it, `sweep` reports it.

Context: each function changes `ts` and runs in its own thread.  Locks: the leaf, taken inside.
"""

from __future__ import annotations

from collections.abc import Iterable

from lockcheck.core import chains, freed, rules
from lockcheck.core.collecting import PAUSED
from lockcheck.core.graph import Graph
from lockcheck.core.happens import HappensBefore
from lockcheck.core.held import CheckedLock, Hold, ThreadState
from lockcheck.core.leaf import Leaf
from lockcheck.core.ledger import Ledger
from lockcheck.core.stacks import EMPTY, Stack, Stacks
from lockcheck.core.waits import Waits

__all__ = ["Releases"]


class Releases:
    """Releases by all threads of one checker."""

    def __init__(
        self,
        leaf: Leaf,
        graph: Graph,
        happens: HappensBefore,
        ledger: Ledger,
        waits: Waits,
        stacks: Stacks,
    ) -> None:
        self._leaf = leaf
        self._graph = graph
        self._happens = happens
        self._ledger = ledger
        self._waits = waits
        self._capture = stacks.capture

    def release(self, ts: ThreadState, lock: CheckedLock | Hold) -> bool:
        """Release `lock` (or the hold given), however it is held; False: this thread held none."""
        hold = lock if isinstance(lock, Hold) else None
        target: CheckedLock = lock.lock if isinstance(lock, Hold) else lock
        if ts.foreign:
            self.settle(ts)
        entry = ts.top
        above = 0
        while entry is not None and (entry is not hold if hold else entry.lock is not target):
            above += entry.lock is not None
            entry = entry.prev
        if entry is None:
            self.not_held(ts, target)
            return False
        if isinstance(entry, Hold) and entry.pins:
            entry.pins = 0
            stack = self._capture()
            self._ledger.judge(ts, lambda: [rules.released_pinned(ts, entry.lock, stack)])
        if entry is ts.top:
            ts.top = entry.prev
        else:
            with PAUSED, self._leaf:
                entry = chains.take_out(self._graph, ts, above)
        if isinstance(entry, Hold):
            entry.ts = None
            if entry.since:
                self._happens.released(ts, entry)
        return True

    def was_unlocked(self, ts: ThreadState, lock: CheckedLock) -> None:
        """`ts` released what it had taken, and it was free: another thread has released it.

        That one was not seen: it thought that it had the lock, which had been released for it.
        """
        stack = self._capture()
        self._ledger.judge(ts, lambda: [rules.bad_unlock(ts, lock, stack)])
        if lock.key.cls.base.kind in rules.OWNERLESS:
            self._ledger.judge(ts, lambda: self._waits.released_unseen(lock))

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
        stack = self._capture()
        self._ledger.judge(ts, lambda: [rules.bad_unlock(ts, lock, stack)])
        if kind in rules.OWNERLESS:
            self._ledger.judge(ts, lambda: self._waits.released_free(ts, lock))

    def _released_by(self, ts: ThreadState, owner: ThreadState, lock: CheckedLock) -> None:
        """`ts` releases a lock that `owner` took: legal for a plain lock, shown in the graph.

        The owner may be running, so its stack is its own affair: it puts it right at its next visit
        to the engine.  Until then an entry that is nobody's any more (`ts`) is passed over, and the
        lock itself is no entry of another stack.
        """
        entry = owner.find(lock)
        lock.key.cls.base.foreign += 1
        lock.owned_by(None)
        stack = self._capture()
        sure = isinstance(entry, Hold) and 0 < entry.since <= ts.vc.get(owner.serial)
        self._ledger.judge(
            ts, lambda: self._waits.released_by_other(ts, owner, lock, stack, sure=sure)
        )
        if entry is None:
            return
        if isinstance(entry, Hold):
            entry.ts = None
        owner.foreign.append(entry)
        if not owner.alive:
            self.settle(owner)

    def settle(self, ts: ThreadState) -> None:
        """Take out what other threads have released of what `ts` took."""
        with PAUSED, self._leaf:
            chains.settle(self._graph, ts)

    def sweep_own(
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
        where = self._capture() if stack is None else stack
        self._ledger.judge(
            ts, lambda: [freed.freed_held(ts, entry.lock, ref, when, where) for entry, ref in found]
        )
        return True

    def sweep(self, me: ThreadState | None, others: Iterable[ThreadState], when: str) -> None:
        """Look for freed locks: of the calling thread, if it is known, and of blocked others."""
        if me is not None:
            self.sweep_own(me, when)
            if not me.tracing:
                self._ledger.judge(me, lambda: self._waits.left_over(me))
        for other in others:
            if other is not me:
                for entry, taken in freed.unknown_of_blocked(other):
                    report = freed.freed_held(other, entry.lock, taken, when, EMPTY)
                    self._ledger.report(me or other, report)
