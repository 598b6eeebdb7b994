"""`threading.Event` on a parking lot.

`set` gives order to every `wait` that returns because of it; a wait without a time limit depends
on whoever sets (`lockcheck.core.waits`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck.core.waits import Waits
from lockcheck.seam import Kind
from lockcheck.sync.parking import Parking

if TYPE_CHECKING:
    from lockcheck.core.events import Part
    from lockcheck.core.held import ThreadState
    from lockcheck.sync.host import Host

__all__ = ["Event"]


class Event(Parking):
    """As `threading.Event`."""

    __slots__ = ("_flag",)

    once = True

    def __init__(self, chk: Host, name: str = "event") -> None:
        super().__init__(chk, name)
        self._flag = False

    def is_set(self) -> bool:
        chk = self.chk
        chk.point(Kind.PROBE, self)
        flag = self._flag
        if flag and chk.observed:
            chk.happens.acquire(chk.current(), self)
        return flag

    isSet = is_set  # noqa: N815  (threading still has it)

    def set(self) -> None:
        """Set the flag and wake all waiters."""
        chk = self.chk
        if not chk.observed:
            try:
                ts = chk.near.t
            except AttributeError:
                ts = chk.current()
            part = self._again(ts)
            last = ts.last_wait
            if part is not None and (last is None or last[0] is part) and self._repeats(ts, part):
                part.happened = True
                with self._gate:
                    self._flag = True
                    if self._waiters:
                        self._hand_over()
                return
        self.change(lambda: self._assign(True), why="set")

    def clear(self) -> None:
        """Reset the flag."""
        if not self.chk.observed and self.dep is not None and "" in self.dep:
            self._flag = False
            Waits.cleared(self.dep[""])
            return
        self.change(lambda: self._assign(False), why="clear", part=None)
        self.chk.waiting.cleared(self)

    def wait(self, timeout: float | None = None) -> bool:  # type: ignore[override]  # as threading has it
        """Block until the flag is set; False when `timeout` seconds passed first."""
        if self._flag and not self.chk.observed:
            try:
                ts = self.chk.near.t
            except AttributeError:
                ts = self.chk.current()
            part = self._again(ts)
            if part is not None:
                last = ts.last_wait
                if last is None or last[0] is not part or last[1] != part.generation:
                    ts.last_wait = (part, part.generation)
                if part not in ts.waited:
                    self.chk.waiting.took(ts, self, "")
                return True
        got = super().wait(
            self._is_set, why=f"{self.name} to be set", timeout=timeout, timer=f"{self.name}.wait"
        )
        return got is not None

    def _repeats(self, ts: ThreadState, part: Part) -> bool:
        with self._gate:
            return part.is_repeated_by(ts.serial)

    def _again(self, ts: ThreadState) -> Part | None:
        """What waits and wakes of this event are noted in, where no more than that is to be done.

        That is: it has happened before in an earlier generation, and the thread holds nothing.
        """
        top = ts.top
        if self.dep is None or top.lock is not None or top.prev is not None or ts.tracing:
            return None
        part = self.dep.get("")
        return part if part is not None and part.generation > 1 else None

    def _is_set(self) -> bool:
        return self._flag

    def _assign(self, flag: bool) -> None:
        self._flag = flag

    def _at_fork_reinit(self) -> None:
        Event.__init__(self, self.chk, self.name)
