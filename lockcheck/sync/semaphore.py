"""`threading.Semaphore` and `BoundedSemaphore` on a parking lot.

A semaphore has no owner: whoever releases is the waker.  As a wait/event object it orders releases
before the acquires they allow.  One that starts with a single unit is used as a mutex: holding the
unit is an entry of the held stack, which anybody may take out again.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from lockcheck.core.held import WRITE, Hold
from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck.checker import Checker
    from lockcheck.core.held import ThreadState

__all__ = ["BoundedSemaphore", "Semaphore"]


class Semaphore(Parking):
    """As `threading.Semaphore`."""

    __slots__ = ("_value", "key", "ts")

    def __init__(
        self, chk: Checker, value: int = 1, name: str = "semaphore", cls: str | None = None
    ) -> None:
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        super().__init__(chk, name)
        self._value = value
        if value == 1:
            self.key = chk.lock_key(cls or name, name, kind="semaphore")
            self.ts: ThreadState | None = None
        else:
            self.key = None

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Take one unit; False when there is none (not blocking) or not in time."""
        if not blocking:
            if timeout is not None:
                raise ValueError("can't specify timeout for non-blocking acquire")
            return self._took(bool(self.change(self._try_take, why="try acquire")), tried=True)
        if self.key is not None and self._value == 0 and timeout is None:
            self.chk.engine.might_lock(self.chk.current(), self)
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
        if self.key is not None:
            self._left(n)
        self.change(lambda: self._give(n), why="release")

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
        """Who holds the one unit of a semaphore that is used as a mutex."""
        owner = self.ts if self.key is not None else None
        return (owner,) if owner is not None and owner.find(self) is not None else ()

    def owned_by(self, ts: ThreadState | None) -> None:
        """`ts` has taken the one unit."""
        self.ts = ts

    def really_held(self) -> bool:
        """Is no unit left?"""
        return self._value == 0

    def own_references(self, ts: ThreadState) -> int:
        """References to it by its own parts."""
        return 0

    def _left(self, n: int) -> None:
        ts = self.chk.current()
        if self._value + n > 1:
            self.key = None  # it counts: no mutex after all
            if ts.find(self) is None:
                return
        self.chk.engine.release(ts, self)

    def _took(self, got: bool, *, tried: bool) -> bool:
        if got and self.key is not None:
            self.chk.engine.push(self.chk.current(), Hold(self, WRITE), trylock=tried)
        return got

    def _try_take(self) -> bool:
        if self._value == 0:
            return False
        self._value -= 1
        return True

    def _give(self, n: int) -> None:
        self._value += n

    def _at_fork_reinit(self) -> None:
        self.__init__(self.chk, self._value, self.name)  # type: ignore[misc]


class BoundedSemaphore(Semaphore):
    """As `threading.BoundedSemaphore`: never above its initial value."""

    __slots__ = ("_initial",)

    def __init__(
        self, chk: Checker, value: int = 1, name: str = "semaphore", cls: str | None = None
    ) -> None:
        super().__init__(chk, value, name, cls)
        self._initial = value

    def _give(self, n: int) -> None:
        if self._value + n > self._initial:
            raise ValueError("Semaphore released too many times")
        self._value += n
