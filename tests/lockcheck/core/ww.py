"""Wound/wait mutexes: the rules of acquire contexts, as the kernel's ww_mutex has them.

Several locks of one ww class may be taken in any order under one context: who loses backs off
(EDEADLK), drops everything and begins with the lock it lost.  Here stand the rules of that
protocol and their place in the dependency graph: inside a context the class does not nest
against itself; towards other classes it is an ordinary lock.

No primitive of `lockcheck` offers it: it serves the kernel's self-test cases.  Left out: the choice
of a victim.
"""

from __future__ import annotations

from typing import Any

from lockcheck.core.classes import WRITE, Key
from lockcheck.core.engine import Engine
from lockcheck.core.held import Hold, ThreadState
from lockcheck.core.report import LockRef
from lockcheck.core.rules import one_place
from tests.lockcheck.core.stub import StubLock


class WwContext(StubLock):
    """One acquire context: a transaction over locks of a class."""

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.acquired = 0
        self.done = False
        self.finished = False
        self.backoff: Any = None
        """The lock this context lost: it must be taken first, and nothing before."""
        self.map: Hold | None = None


class WwMutex(StubLock):
    """One lock: who holds it, under which context."""

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.locked = False
        self.context: WwContext | None = None
        self.stale = False
        """Carries a context that is not that of its owner."""


class Ww:
    """Judges the operations of one engine's ww mutexes."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def init(self, ts: ThreadState, context: WwContext) -> None:
        """Begin a context: it is a pseudo-lock that serialises its class."""
        context.map = Hold(context, WRITE)
        self.engine.acquires.push(ts, context.map, pseudo=True)

    def done(self, ts: ThreadState, context: WwContext) -> None:
        """No more locks will be taken under it."""
        if context.done:
            self._report(ts, context, "ww context declared done twice")
        context.done = True

    def fini(self, ts: ThreadState, context: WwContext) -> None:
        """End it: nothing may be held any more."""
        if context.finished or context.map is None:
            self._report(ts, context, "ww context ended twice")
            return
        if context.acquired:
            self._report(ts, context, f"ww context ended with {context.acquired} locks acquired")
        context.finished = True
        self.engine.releases.release(ts, context.map)

    def lock(
        self, ts: ThreadState, lock: WwMutex, context: WwContext | None, *, slow: bool = False
    ) -> None:
        """Take a lock, under a context or without; `slow`: after backing off."""
        if context is not None:
            self._rules(ts, lock, context, slow=slow)
        hold = Hold(lock, WRITE)
        self.engine.acquires.push(ts, hold, nest=context)
        lock.locked = True
        lock.ts = ts
        if context is not None:
            context.acquired += 1
            context.backoff = None
            lock.context = context

    def lost(self, ts: ThreadState, lock: WwMutex, context: WwContext) -> None:
        """An attempt that ended in EDEADLK: everything must be dropped before the next one."""
        if context.backoff is not None and context.acquired:
            self._report(ts, lock, "ww lock wanted while backing off is due")
        context.backoff = lock

    def trylock(self, ts: ThreadState, lock: WwMutex, context: WwContext | None = None) -> None:
        """A successful try."""
        self.engine.acquires.push(ts, Hold(lock, WRITE), trylock=True)
        lock.locked = True
        lock.ts = ts
        if context is not None:
            context.acquired += 1
            lock.context = context

    def unlock(self, ts: ThreadState, lock: WwMutex) -> None:
        """Drop a lock."""
        context = lock.context
        if context is not None:
            if context.acquired <= 0:
                self._report(ts, lock, "ww context's count of locks is wrong")
            context.acquired = max(0, context.acquired - 1)
            lock.context = None
        self.engine.releases.release(ts, lock)
        lock.locked = False

    def _rules(self, ts: ThreadState, lock: WwMutex, context: WwContext, *, slow: bool) -> None:
        if context.done:
            self._report(ts, lock, "ww lock taken after its context was declared done")
        if lock.stale:
            self._report(ts, lock, "ww lock carries a stale context")
        if (
            context.key.cls is not lock.key.cls
            and context.key.cls.kind != f"ww:{lock.key.cls.name}"
        ):
            self._report(ts, lock, "ww lock and context are of different classes")
        if slow and context.backoff is None:
            self._report(ts, lock, "ww slow path without having lost a lock")
        elif slow and context.acquired:
            self._report(ts, lock, "ww slow path with locks still held")
        elif context.backoff is not None and context.acquired:
            self._report(ts, lock, "ww lock wanted while backing off is due")
        elif context.backoff is not None and context.backoff is not lock:
            self._report(ts, lock, "ww lock taken is not the one that was lost")

    def _report(self, ts: ThreadState, obj: Any, what: str) -> None:
        report = one_place(
            ts,
            "recursive",
            f"{what}: {obj.name}",
            held=(),
            locks=(LockRef(obj.name, obj.key.cls.name),),
            stack=self.engine.capture(),
            parts=(what,),
            advice="After EDEADLK drop every lock of the context and begin with the one lost.",
        )
        self.engine.ledger.report(ts, report)
