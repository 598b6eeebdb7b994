"""`threading.Barrier` on a parking lot, state for state as the standard library's.

Every arrival is ordered before every departure of the same round.  A round fills, then drains; who
comes while one drains waits until the last thread of it has left.  While the action of a round
runs, nobody can break the barrier: threading's holds its lock meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from lockcheck.seam import Kind
from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from lockcheck.sync.host import Host

__all__ = ["Barrier"]


class _Phase(IntEnum):
    """What a barrier does; all but the last have threading's numbers."""

    BROKEN = -2
    RESETTING = -1
    FILLING = 0
    DRAINING = 1
    ACTING = 2


_NOT_YET: Final = -1
"""The change has to wait: a round drains, or its action runs."""
_BROKEN: Final = -2


class Barrier(Parking):
    """As `threading.Barrier`; `action` runs in the last thread to arrive, before the others go."""

    __slots__ = ("_action", "_inside", "_phase", "_timeout", "parties")

    def __init__(
        self,
        chk: Host,
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
        self._inside = 0  # invariant: threads that arrived and have not left
        self._phase = _Phase.FILLING

    @property
    def _state(self) -> int:
        """As `threading.Barrier` has it; while its action runs a round is still filling there."""
        return int(_Phase.FILLING if self._phase is _Phase.ACTING else self._phase)

    @property
    def n_waiting(self) -> int:
        self.chk.point(Kind.PROBE, self)
        return self._inside if self._phase is _Phase.FILLING else 0

    @property
    def broken(self) -> bool:
        self.chk.point(Kind.PROBE, self)
        return self._phase is _Phase.BROKEN

    def wait(self, timeout: float | None = None) -> int:  # type: ignore[override]  # as threading has it
        """Block until all parties arrived; returns this thread's arrival number, 0 the last.

        Raises: threading.BrokenBarrierError.
        """
        limit = self._timeout if timeout is None else timeout
        waiting = self.chk.waiting
        waiting.arrives(self.chk.current(), self)
        index = self._until_changed(self._arrive, "arrive", self._has_room)
        if index == _BROKEN:
            waiting.leaves(self.chk.current(), self, broken=True)
            raise threading.BrokenBarrierError
        if index == self.parties - 1:
            waiting.would_wait(self.chk.current(), self)
            self._act()
            waiting.leaves(self.chk.current(), self, broken=False)
            return 0
        passed = super().wait(
            self._is_decided,
            self._leave,
            why=f"{self.parties - 1 - index} more to arrive at {self.name}",
            timeout=limit,
            timer=f"{self.name}.wait",
        )
        if passed is None:
            passed = self._until_changed(self._give_up, "give up", self._is_not_acting) > 0
        waiting.leaves(self.chk.current(), self, broken=not passed)
        if not passed:
            raise threading.BrokenBarrierError
        return self.parties - 1 - index

    def reset(self) -> None:
        """Return to empty; waiting threads get BrokenBarrierError."""
        self._until_changed(self._empty, "reset", self._is_not_acting)

    def abort(self) -> None:
        """Break the barrier for everybody."""
        self._until_changed(self._break, "abort", self._is_not_acting)

    def _until_changed(self, fn: Callable[[], int], why: str, ready: Callable[[], bool]) -> int:
        """Make a change that may have to wait for a round to leave, or for its action to end."""
        while (got := int(self.change(fn, why=why))) == _NOT_YET:
            super().wait(ready, why=f"the round before to end at {self.name}")
        return got

    def _act(self) -> None:
        """The program's own code, on whatever it needs; then the round may leave."""
        if self._action is None:
            return  # `_arrive` has let it go
        try:
            self._action()
        except BaseException:
            self.change(lambda: self._open(_Phase.BROKEN), why="the action failed")
            raise
        self.change(lambda: self._open(_Phase.DRAINING), why="last arrival")

    # -- plain state, under _gate -----------------------------------------------------------------

    def _has_room(self) -> bool:
        return self._phase in (_Phase.FILLING, _Phase.BROKEN)

    def _is_not_acting(self) -> bool:
        return self._phase is not _Phase.ACTING

    def _is_decided(self) -> bool:
        return self._phase not in (_Phase.FILLING, _Phase.ACTING)

    def _arrive(self) -> int:
        if self._phase is _Phase.BROKEN:
            return _BROKEN
        if self._phase is not _Phase.FILLING:
            return _NOT_YET
        index = self._inside
        self._inside += 1
        if self._inside == self.parties:
            if self._action is not None:
                self._phase = _Phase.ACTING
            else:
                self._open(_Phase.DRAINING)
        return index

    def _open(self, state: _Phase) -> None:
        """The last thread to arrive decides the round, and leaves first."""
        self._phase = state
        self._leave()

    def _leave(self) -> bool:
        passed = self._phase is _Phase.DRAINING
        self._inside -= 1
        if not self._inside and self._phase in (_Phase.RESETTING, _Phase.DRAINING):
            self._phase = _Phase.FILLING
        return passed

    def _give_up(self) -> int:
        if self._phase is _Phase.ACTING:
            return _NOT_YET
        if self._phase is _Phase.FILLING:
            self._phase = _Phase.BROKEN
        return int(self._leave())

    def _break(self) -> int:
        if self._phase is _Phase.ACTING:
            return _NOT_YET
        self._phase = _Phase.BROKEN
        return 0

    def _empty(self) -> int:
        if self._phase is _Phase.ACTING:
            return _NOT_YET
        if not self._inside:
            self._phase = _Phase.FILLING
        elif self._phase in (_Phase.FILLING, _Phase.BROKEN):
            self._phase = _Phase.RESETTING
        return 0
