"""`threading.Condition`: tickets on a parking lot, and a lock of ours.

`wait` gives up the lock completely, parks on a ticket, and takes the lock again: that second
acquire is an ordinary one, with its dependencies.  A notify without a waiter is lost, as it must
be; a waiter that nobody can notify any more is reported as a lost wake-up, not as a cycle.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from lockcheck.sync.host import Host

__all__ = ["Condition"]

T = TypeVar("T")


class _Ticket:
    __slots__ = ("notified",)

    def __init__(self) -> None:
        self.notified = False

    def is_notified(self) -> bool:
        return self.notified


class Condition(Parking):
    """As `threading.Condition`; without a lock it makes an RLock."""

    __slots__ = ("_lock", "_owned", "_tickets", "acquire", "release")

    def __init__(self, chk: Host, lock: Any = None, name: str = "condition") -> None:  # any class
        super().__init__(chk, name)
        self._lock = chk.RLock(f"{name}.lock") if lock is None else lock
        self._owned = getattr(self._lock, "_is_owned", None)  # a lock may have no more than two
        self.acquire = self._lock.acquire
        self.release = self._lock.release
        self._tickets: list[_Ticket] = []

    def __enter__(self) -> object:
        return self._lock.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.__exit__(kind, value, trace)

    def wait(self, timeout: float | None = None) -> bool:  # type: ignore[override]  # as threading has it
        """Give up the lock, block until notified, take the lock again.

        Locks: this condition's, held.  Returns False when `timeout` seconds passed first.
        Raises: RuntimeError when the lock is not held; Unwind.
        """
        if not self._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        ticket = _Ticket()
        with self._gate:
            self._tickets.append(ticket)
        saved = self._release_save()
        try:
            got = super().wait(
                ticket.is_notified,
                why=f"a notify of {self.name}",
                timeout=timeout,
                timer=f"{self.name}.wait",
            )
        finally:
            with self._gate:
                if ticket in self._tickets:
                    self._tickets.remove(ticket)
            self._acquire_restore(saved)
        return got is not None

    def wait_for(self, predicate: Callable[[], T], timeout: float | None = None) -> T:
        """Wait until `predicate()` is true; the lock is held whenever it is called."""
        end: float | None = None
        left = timeout
        result = predicate()
        while not result:
            if left is not None:
                if end is None:  # it waits once, whatever the time
                    end = self.chk.now() + left
                else:
                    left = end - self.chk.now()
                    if left <= 0:
                        break
            self.wait(left)
            result = predicate()
        return result

    def notify(self, n: int = 1) -> None:
        """Wake `n` waiters.  Locks: this condition's, held.  Raises: RuntimeError."""
        if not self._is_owned():
            raise RuntimeError("cannot notify on un-acquired lock")
        chk = self.chk
        if chk.observed:
            self.change(lambda: self._notify(n), why="notify")
            return
        self._wakes(chk, chk.current(), "")
        if self._tickets:  # of threads that gave up the lock, which is ours now
            with self._gate:
                self._notify(n)
                self._hand_over()

    def notify_all(self) -> None:
        """Wake all waiters."""
        self.notify(len(self._tickets))

    notifyAll = notify_all  # noqa: N815  (threading still has it)

    def _notify(self, n: int) -> None:
        for ticket in self._tickets[:n]:
            ticket.notified = True
        del self._tickets[:n]

    # The lock may be anybody's, with nothing but acquire and release.

    def _is_owned(self) -> bool:
        if self._owned is not None:
            return bool(self._owned())
        if self._lock.acquire(False):
            self._lock.release()
            return False
        return True

    def _release_save(self) -> object:
        save = getattr(self._lock, "_release_save", None)  # an RLock has it
        return self._lock.release() if save is None else save()

    def _acquire_restore(self, saved: object) -> None:
        restore = getattr(self._lock, "_acquire_restore", None)  # an RLock has it
        if restore is None:
            self._lock.acquire()
        else:
            restore(saved)

    def _at_fork_reinit(self) -> None:
        self._lock._at_fork_reinit()
        self._tickets.clear()
