"""A checked lock built up step by step from the bare wrapper, to see what each step costs.

The last step does what the warm path of lockcheck's `Lock` does and nothing else; what lockcheck
costs beyond it is the difference that a profile can still find.  These classes check nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from benchmarks.lock_timing import BareLock

__all__ = ["STEPS"]


class _State:
    """What a thread knows: the newest lock it holds, and the chain of what it holds."""

    __slots__ = ("chain", "root", "top")

    def __init__(self) -> None:
        self.top: Any = None
        self.root = object()
        self.chain: object = self.root


class _Local(threading.local):
    def __init__(self) -> None:
        self.t = _State()


class WithTry(BareLock):
    """The fast path is a try: a judgement must come before blocking."""

    __slots__ = ()

    def __enter__(self) -> bool:
        if self._lock.acquire(False):
            return True
        return self._lock.acquire()


class WithThread(BareLock):
    """+ whose lock it is: one look into `threading.local` on each side."""

    __slots__ = ("_tls",)

    def __init__(self) -> None:
        super().__init__()
        self._tls = _Local()

    def __enter__(self) -> bool:
        ts = self._tls.t
        if self._lock.acquire(False):
            return ts is not None
        return self._lock.acquire()

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        ts = self._tls.t
        if ts is not None:
            self._lock.release()


class WithHeld(WithThread):
    """+ the held stack: each lock is its own entry, linked to the one below."""

    __slots__ = ("prev", "ts")

    def __init__(self) -> None:
        super().__init__()
        self.prev: Any = None
        self.ts: Any = None

    def __enter__(self) -> bool:
        ts = self._tls.t
        if not self._lock.acquire(False):
            return self._lock.acquire()
        self.prev = ts.top
        self.ts = ts
        ts.top = self
        return True

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        ts = self._tls.t
        if ts.top is self:
            ts.top = self.prev
            self.ts = None
            self._lock.release()


class WithOrder(WithHeld):
    """+ the order: is this lock, taken on top of this chain, known?"""

    __slots__ = ("_chain", "_parent")

    def __init__(self) -> None:
        super().__init__()
        self._parent: object = None
        self._chain: object = None

    def __enter__(self) -> bool:
        ts = self._tls.t
        if not self._lock.acquire(False):
            return self._lock.acquire()
        if self._parent is not ts.chain:
            self._parent = ts.chain
            self._chain = object()
        self.prev = ts.top
        self.ts = ts
        ts.top = self
        ts.chain = self._chain
        return True

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        ts = self._tls.t
        if ts.top is self:
            prev = self.prev
            ts.top = prev
            ts.chain = self._parent
            self.ts = None
            self._lock.release()


STEPS: dict[str, Callable[[], Any]] = {
    "threading.Lock": threading.Lock,
    "bare wrapper": BareLock,
    "+ a try first": WithTry,
    "+ the thread's state": WithThread,
    "+ the held stack": WithHeld,
    "+ the order": WithOrder,
}
"""In the order of their building up."""
