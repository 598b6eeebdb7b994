"""`threading.Semaphore` and `BoundedSemaphore` on a parking lot.

A semaphore that starts with units is used as a lock that so many may hold at once: holding a unit
is an entry of the held stack.  Where a thread releases that holds no unit, the semaphore serves as
a signal, as one that starts without units does: whoever releases is the waker, and nobody holds
anything.  (A single unit that somebody else gives back stays a lock, as with `threading.Lock`.)
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from lockcheck.core.held import WRITE, Hold, push_entry
from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck.core.held import ThreadState
    from lockcheck.sync.host import Host

__all__ = ["BoundedSemaphore", "Semaphore"]


class Semaphore(Parking):
    """As `threading.Semaphore`."""

    __slots__ = ("_holders", "_signal", "_value", "key", "lacking")

    def __init__(
        self, chk: Host, value: int = 1, name: str = "semaphore", cls: str | None = None
    ) -> None:
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        super().__init__(chk, name)
        self._value = value
        self.key = chk.lock_key(cls or name, name, kind="semaphore", permits=max(1, value))
        self.lacking = () if value else ("",)
        self._signal = value == 0
        """Nobody holds a unit: whoever releases makes it happen."""
        self._holders: list[ThreadState] = []  # one entry a unit held

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Take one unit; False when there is none (not blocking) or not in time."""
        if not blocking:
            if timeout is not None:
                raise ValueError("can't specify timeout for non-blocking acquire")
            tried = bool(self.change(self._try_take, why="try acquire", part=None))
            return self._took(tried, tried=True)
        chk = self.chk
        if not chk.observed:
            try:
                ts = chk.near.t
            except AttributeError:
                ts = chk.current()
            if ts.top.lock is None and ts.top.prev is None:  # as in `Parking.wait`
                with self._gate:
                    got = not self._waiters and self._value > 0
                    if got:
                        self._value -= 1
                if got:
                    self._went_at_once(chk, ts, "", sure=timeout is None)
                    return self._took(True, tried=timeout is not None)
        if not self._signal and self._value == 0 and timeout is None:
            self.chk.engine.acquires.might_lock(self.chk.current(), self)
        got = self.wait(
            lambda: self._value > 0,
            self._try_take,
            why=f"a unit of {self.name}",
            timeout=timeout,
            timer=f"{self.name}.acquire",
        )
        return self._took(got is not None, tried=timeout is not None)

    def release(self, n: int = 1) -> None:
        """Give `n` units back."""
        if n < 1:
            raise ValueError("n must be one or more")
        matched = self._left(n)
        self.change(lambda: self._give(n), why="release", part=None if matched else "")

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def holders(self) -> Sequence[ThreadState]:
        """Who holds a unit."""
        return list(self._holders)

    def owned_by(self, ts: ThreadState | None) -> None:
        """`ts` has taken a unit; None: somebody gave back the one unit of another thread."""
        if ts is None:
            self._holders.clear()
        else:
            self._holders.append(ts)

    def really_held(self) -> bool:
        """Is no unit left?"""
        return self._value == 0

    def own_references(self, ts: ThreadState) -> int:
        """References to it by all but one of the holds of `ts`."""
        return max(0, self._holders.count(ts) - 1)

    def _left(self, n: int) -> bool:
        """Take `n` units off the held stack; False: this thread does not hold them all."""
        ts = self.chk.current()
        for _ in range(n):
            if ts.find(self) is not None:
                if ts in self._holders:
                    self._holders.remove(ts)
                self.chk.engine.releases.release(ts, self)
            elif not self._signal and self.key.permits == 1 and self._value == 0 and n == 1:
                self.chk.engine.releases.release(ts, self)  # of another thread's unit
                return True
            else:
                self._signal = True
                self._holders.clear()
                return False
        return True

    def _took(self, got: bool, *, tried: bool) -> bool:
        if got and not self._signal:
            ts = self.chk.current()
            hold = Hold(self, WRITE)
            chain = None if tried else ts.top._k.next.get(self.key)
            if chain is None:
                self.chk.engine.acquires.push(ts, hold, trylock=tried)
            else:
                push_entry(ts, hold, chain)
        return got

    def _try_take(self) -> bool:
        if self._value == 0:
            return False
        self._value -= 1
        return True

    def _give(self, n: int) -> None:
        self._value += n

    def _at_fork_reinit(self) -> None:
        Semaphore.__init__(self, self.chk, self._value, self.name)


class BoundedSemaphore(Semaphore):
    """As `threading.BoundedSemaphore`: never above its initial value."""

    __slots__ = ("_initial",)

    def __init__(
        self, chk: Host, value: int = 1, name: str = "semaphore", cls: str | None = None
    ) -> None:
        super().__init__(chk, value, name, cls)
        self._initial = value

    def _give(self, n: int) -> None:
        if self._value + n > self._initial:
            raise ValueError("Semaphore released too many times")
        self._value += n
