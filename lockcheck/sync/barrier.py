"""`threading.Barrier` on a parking lot.

Every arrival is ordered before every departure of the same generation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from lockcheck.checker import Checker

__all__ = ["Barrier"]


class Barrier(Parking):
    """As `threading.Barrier`; `action` runs in the last thread to arrive, before the others go."""

    __slots__ = ("_action", "_arrived", "_broken", "_generation", "_passed", "_timeout", "parties")

    def __init__(
        self,
        chk: Checker,
        parties: int,
        action: Callable[[], object] | None = None,
        timeout: float | None = None,
        name: str = "barrier",
    ) -> None:
        if parties < 1:
            raise ValueError("parties must be > 0")
        super().__init__(chk, name)
        self.parties = parties
        self._action = action
        self._timeout = timeout
        self._generation = 0
        self._passed = -1  # invariant: the newest generation that may leave
        self._arrived = 0
        self._broken = False

    @property
    def n_waiting(self) -> int:
        return self._arrived

    @property
    def broken(self) -> bool:
        return self._broken

    def wait(self, timeout: float | None = None) -> int:  # type: ignore[override]
        """Block until all parties arrived; returns this thread's arrival number, 0 the last.

        Raises: threading.BrokenBarrierError.
        """
        limit = self._timeout if timeout is None else timeout
        index, generation = self.change(self._arrive, why="arrive")
        if index < 0:
            raise threading.BrokenBarrierError
        if index == self.parties - 1:
            try:
                self._act()
            except BaseException:
                self.abort()
                raise
            self.change(lambda: self._open(generation), why="last arrival")
            return 0
        got = super().wait(
            lambda: self._broken or self._passed >= generation,
            lambda: self._passed >= generation,
            why=f"{self.parties - 1 - index} more to arrive at {self.name}",
            timeout=limit,
            timer=f"{self.name}.wait",
        )
        if got is None:
            self.abort()
        if not got:
            raise threading.BrokenBarrierError
        return self.parties - 1 - int(index)

    def reset(self) -> None:
        """Return to empty; waiting threads get BrokenBarrierError."""
        self.change(self._break_then_reset, why="reset")

    def abort(self) -> None:
        """Break the barrier for everybody."""
        self.change(self._break, why="abort")

    def _arrive(self) -> tuple[int, int]:
        if self._broken:
            return -1, self._generation
        index = self._arrived
        generation = self._generation
        self._arrived += 1
        if self._arrived == self.parties:
            self._arrived = 0
            self._generation += 1
        return index, generation

    def _open(self, generation: int) -> None:
        self._passed = generation

    def _break(self) -> None:
        self._broken = True

    def _break_then_reset(self) -> None:
        self._broken = True
        self._hand_over()
        self._broken = False
        self._arrived = 0
        self._generation += 1

    def _act(self) -> None:
        """The program's own code, on whatever it needs."""
        if self._action is not None:
            self._action()
