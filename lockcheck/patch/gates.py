"""The conditions inside threading's and queue's own objects: `Event._cond`, `Queue.not_empty`.

Well-known recipes use them: who holds `q.mutex` may change `q.queue` and notify by hand.  Ours has
one gate in the place of the library's lock, and a condition is a face of it.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable
from typing import Protocol

from lockcheck.sync.parking import Parking

__all__ = ["GateCondition"]


class Gate(Protocol):
    """The lock under which a parking lot's state changes."""

    def acquire(self, blocking: bool = ...) -> bool: ...
    def release(self) -> None: ...
    def locked(self) -> bool: ...


class _Ticket:
    __slots__ = ("notified",)

    def __init__(self) -> None:
        self.notified = False


class GateCondition:
    """As a `threading.Condition` whose lock is the gate of `owner`.

    Args:
        owner: whose gate it is.
        gate: the gate.
        ready: true when its waiters may go though nobody notified them.
        why: what they wait for.
        part: which of the things that happen to `owner` they wait for.
    """

    def __init__(
        self, owner: Parking, gate: Gate, ready: Callable[[], bool], why: str, part: str = ""
    ) -> None:
        self._lock = gate
        self.acquire = gate.acquire
        self.release = gate.release
        self._waiters: deque[_Ticket] = deque()
        self.__owner = owner
        self.__ready = ready
        self.__why = why
        self.__part = part

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_exc: object) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<Condition({self._lock}, {len(self._waiters)})>"

    def _is_owned(self) -> bool:
        return self._lock.locked()

    def wait(self, timeout: float | None = None) -> bool:
        """Give the gate up until notified, take it again.  Raises: RuntimeError, Unwind."""
        if not self._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        ticket = _Ticket()
        self._waiters.append(ticket)
        self.release()
        try:
            got = Parking.wait(
                self.__owner,
                lambda: ticket.notified or self.__ready(),
                why=self.__why,
                timeout=timeout,
                part=self.__part,
            )
        finally:
            self.acquire()
            if ticket in self._waiters:
                self._waiters.remove(ticket)
        return got is not None

    def wait_for(self, predicate: Callable[[], object], timeout: float | None = None) -> object:
        """Wait until `predicate()` is true; the gate is held whenever it is called."""
        clock = self.__owner.chk.now
        end = None if timeout is None else clock() + timeout
        result = predicate()
        while not result:
            left = None if end is None else end - clock()
            if left is not None and left <= 0:
                break
            self.wait(left)
            result = predicate()
        return result

    def notify(self, n: int = 1) -> None:
        """Wake `n` waiters.  Raises: RuntimeError."""
        if not self._is_owned():
            raise RuntimeError("cannot notify on un-acquired lock")
        waiters = self._waiters
        while waiters and n > 0:
            waiters.popleft().notified = True
            n -= 1
        self.__owner._hand_over()

    def notify_all(self) -> None:
        """Wake all waiters.  Raises: RuntimeError."""
        self.notify(len(self._waiters))

    def notifyAll(self) -> None:
        """Deprecated spelling of `notify_all`."""
        warnings.warn(
            "notifyAll() is deprecated, use notify_all() instead", DeprecationWarning, stacklevel=2
        )
        self.notify_all()


GateCondition.__name__ = GateCondition.__qualname__ = "Condition"
GateCondition.__module__ = "threading"
