"""Where a thread's time goes: every modelled sleep, every lock that was waited for, by name.

A `Checker` whose sleeps and contended locks are timed.  Nothing is added to the way of a lock that
is free.  Records are appended by the thread that waited; the list is read when the threads are
joined.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import lockcheck
from lockcheck import sync
from lockcheck.sync.lock import NamedLock

__all__ = ["BARRIER_LOCK", "Wait", "WatchedChecker"]

BARRIER_LOCK = "rcu_state.barrier_mutex"
"""Waiting for it is waiting for somebody else's rcu_barrier, and counted as that."""


class Wait(NamedTuple):
    """One wait that is over."""

    kind: str
    """sleep, lock or refs."""
    name: str
    """The sleep's name, or the class of the lock."""
    thread: str
    begin: float
    end: float
    asked: float = 0.0
    """Seconds that a sleep was to last."""


class WatchedChecker(lockcheck.Checker):
    """All verdicts on, race detection off, waits recorded."""

    def __init__(self) -> None:
        super().__init__()
        self._records: list[tuple[str, str, str, float, float, float]] = []

    @property
    def waits(self) -> list[Wait]:
        """All waits so far that are over."""
        return [Wait(*record) for record in self._records]

    def record(self, kind: str, name: str, begin: float, asked: float = 0.0) -> None:
        """The calling thread waited since `begin`."""
        end = time.perf_counter()
        self._records.append((kind, name, self.current().name, begin, end, asked))

    def sleep(self, seconds: float, name: str = "sleep") -> None:
        """A plain sleep, recorded: no watchdog has to be able to end it, so it costs half."""
        begin = time.perf_counter()
        time.sleep(seconds)
        self.record("sleep", name, begin, seconds)

    def wait_refs(self, *args: Any, **kwargs: Any) -> sync.Refcount | None:
        """As `Checker.wait_refs`, recorded."""
        begin = time.perf_counter()
        try:
            return super().wait_refs(*args, **kwargs)
        finally:
            self.record("refs", "references", begin)

    def plain_lock(self, key: Any, label: str | None = None) -> sync.Lock:
        """As `Checker.plain_lock`; a wait for it is recorded."""
        return _WatchedLock(self, key, label or str(key.name))


class _WatchedLock(NamedLock):
    __slots__ = ()

    def _contended(self, ts: Any, timeout: float, hold: Any = None) -> bool:
        begin = time.perf_counter()
        try:
            return super()._contended(ts, timeout, hold)
        finally:
            chk = self.chk
            assert isinstance(chk, WatchedChecker)
            chk.record("lock", self.cls.name, begin)
