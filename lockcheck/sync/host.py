"""What a primitive asks of the checker that it belongs to: `Host`, which `lockcheck.Checker` is.

Primitives know their checker by this protocol only, so that they can be read without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import threading
    from _thread import LockType

    from lockcheck.core.classes import Key
    from lockcheck.core.engine import Engine
    from lockcheck.core.happens import HappensBefore
    from lockcheck.core.held import Blocking, Hold, ThreadState
    from lockcheck.core.report import Report
    from lockcheck.core.waiting import Waiting
    from lockcheck.seam import Conductor, Kind, Op
    from lockcheck.sync.breach import FieldGuards

__all__ = ["Host", "Own", "Recording"]


class Own(Protocol):
    """A thread's own storage."""

    t: ThreadState
    """The calling thread's state, made on first use."""


class Recording(Protocol):
    """Hears how long locks are held and waited for; times are seconds of `Host.now`."""

    def held(self, ts: ThreadState, name: str, cls: str, since: float, until: float) -> None: ...
    def took(self, ts: ThreadState, hold: Hold, now: float) -> None: ...
    def gave(self, ts: ThreadState, hold: Hold, now: float) -> None: ...
    def waited(self, ts: ThreadState, op: Op, since: float, until: float) -> None: ...
    def woke(self, by: ThreadState, ts: ThreadState, op: Op, at: float, until: float) -> None: ...


class Host(Protocol):
    """The checker, as its primitives see it; see `Checker` for what each of these is."""

    broken_off: Blocking | None
    clock: Callable[[], float]

    @property
    def engine(self) -> Engine: ...
    @property
    def waiting(self) -> Waiting: ...
    @property
    def happens(self) -> HappensBefore: ...
    @property
    def conductor(self) -> Conductor | None: ...
    @property
    def recorder(self) -> Recording | None: ...
    @property
    def guards(self) -> FieldGuards: ...
    @property
    def races(self) -> bool: ...
    @property
    def observed(self) -> bool: ...
    @property
    def aborted(self) -> bool: ...
    @property
    def failures(self) -> list[tuple[str, BaseException]]: ...
    @property
    def threads(self) -> dict[int, ThreadState]: ...
    @property
    def _threads_lock(self) -> LockType: ...
    @property
    def near(self) -> threading.local: ...
    @property
    def tls(self) -> Own: ...

    def current(self) -> ThreadState: ...
    def begin_thread(self, thread: object) -> ThreadState: ...
    def resume_thread(self, ts: ThreadState) -> None: ...
    def end_thread(self, thread: object, wake: Callable[[], None] | None = None) -> None: ...
    def departed(self, ts: ThreadState) -> None: ...
    def now(self) -> float: ...
    def point(self, kind: Kind, obj: object) -> None: ...
    def lock_key(
        self,
        name: str | None,
        instance: str | None = None,
        cmp: Callable[[object, object], int] | None = None,
        depth: int = 2,
        kind: str = "lock",
        permits: int = 1,
    ) -> Key: ...
    def RLock(self, name: str | None = None) -> Any: ...  # as a condition's lock: of any class
    def report(self, kind: str, title: str, **fields: object) -> Report | None: ...
