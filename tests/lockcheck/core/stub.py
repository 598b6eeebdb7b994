"""What the engine asks of locks, events and threads, and nothing else: for tests without any."""

from __future__ import annotations

from lockcheck.core.classes import Key
from lockcheck.core.engine import Engine
from lockcheck.core.events import Part
from lockcheck.core.held import ThreadState
from lockcheck.core.record import Leased
from lockcheck.core.vector import Start, Times

__all__ = ["StubEvent", "StubLock", "Threads"]


class StubLock:
    """A lock that excludes nobody (`held.CheckedLock`)."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.name = key.name
        self._owners: list[ThreadState] = []
        """Oldest first: a recorded acquire that blocks counts as taken while the first holds it."""
        self.clock: Times | None = None

    @property
    def class_name(self) -> str:
        return self.key.cls.name

    def holders(self) -> tuple[ThreadState, ...]:
        self._owners = [ts for ts in self._owners if ts.find(self) is not None]
        return tuple(self._owners)

    def owned_by(self, ts: ThreadState | None) -> None:
        if ts is None:
            del self._owners[:1]
        else:
            self._owners.append(ts)

    def really_held(self) -> bool:
        return True

    def own_references(self, ts: ThreadState) -> int:
        return 0


class StubEvent:
    """An event, a condition's queue, a queue (`waits.Event`)."""

    class_name = "event"
    parties = 0
    lacking = ()
    raises = False

    def __init__(self, name: str, *, once: bool = True) -> None:
        self.name = name
        self.once = once
        self.dep: dict[str, Part] | None = None
        self.clock: Times | None = None

    def supply(self, part: str) -> int:
        return 0

    def holders(self) -> tuple[ThreadState, ...]:
        return ()


class _Announced:
    """A thread that `spawn` has seen and that has not begun (`engine.Started`)."""

    parent_clock: tuple[Start, tuple[Leased, ...]] | None = None
    state: ThreadState | None = None
    runs = ""


class Threads:
    """Makes the states of threads that are not there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._serial = 0

    def new(self, name: str, parent: ThreadState | None = None) -> ThreadState:
        """A thread's state; started by `parent`, if there is one."""
        self._serial += 1
        ts = ThreadState(self._serial, name)
        announced = None
        if parent is not None:
            announced = _Announced()
            self._engine.spawn(parent, announced)
        self._engine.thread_begin(ts, announced)
        return ts

    def started(self, parent: ThreadState, ts: ThreadState) -> None:
        """`parent` starts a thread whose state is there already."""
        announced = _Announced()
        self._engine.spawn(parent, announced)
        assert announced.parent_clock is not None
        known, ts.leases = announced.parent_clock
        self._engine.happens.learn(ts, known)
