"""`threading.Event` on a parking lot.

`set` gives order to every `wait` that returns because of it; a wait without a time limit depends
on whoever sets (`lockcheck.core.waits`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck.seam import Kind
from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from lockcheck.checker import Checker

__all__ = ["Event"]


class Event(Parking):
    """As `threading.Event`."""

    __slots__ = ("_flag",)

    once = True

    def __init__(self, chk: Checker, name: str = "event") -> None:
        super().__init__(chk, name)
        self._flag = False

    def is_set(self) -> bool:
        chk = self.chk
        chk.point(Kind.PROBE, self)
        flag = self._flag
        if flag and chk.observed:
            chk.engine.hb_acquire(chk.current(), self)
        return flag

    isSet = is_set  # noqa: N815  (threading still has it)

    def set(self) -> None:
        """Set the flag and wake all waiters."""
        self.change(lambda: self._assign(True), why="set")

    def clear(self) -> None:
        """Reset the flag."""
        self.change(lambda: self._assign(False), why="clear", part=None)
        self.chk.engine.cleared(self)

    def wait(self, timeout: float | None = None) -> bool:  # type: ignore[override]
        """Block until the flag is set; False when `timeout` seconds passed first."""
        got = super().wait(
            self._is_set, why=f"{self.name} to be set", timeout=timeout, timer=f"{self.name}.wait"
        )
        return got is not None

    def _is_set(self) -> bool:
        return self._flag

    def _assign(self, flag: bool) -> None:
        self._flag = flag

    def _at_fork_reinit(self) -> None:
        self.__init__(self.chk, self.name)  # type: ignore[misc]
