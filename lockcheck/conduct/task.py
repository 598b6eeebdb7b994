"""One thread of a controlled run, as its conductor sees it.

Invariant: only the holder of control reads or writes a task; there is one such thread at a time, so
no field needs a lock.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lockcheck.seam import Choice, Kind, Op, Ownerless, Startable, SyncObject, by_kind

if TYPE_CHECKING:
    from lockcheck.conduct.pool import Worker

__all__ = [
    "BLOCKING", "OBSERVING", "SILENT", "TRAITS", "Marker", "Standing", "Task", "foreign_class",
    "full_name", "has_silent", "is_silent", "observed_class",
]  # fmt: skip

PLAIN: Final = 0
BLOCKING: Final = 1
"""May have to wait: `op.obj.ready(op)` says."""
SILENT: Final = 2
"""Needs no point unless somebody can see the object without blocking (try, `locked()`)."""
OBSERVING: Final = 3
"""Sees an object's state without blocking: makes its class's silent operations points."""

_TRAIT_OF: Final = {
    Kind.ACQUIRE: BLOCKING,
    Kind.READ_ACQUIRE: BLOCKING,
    Kind.WAIT: BLOCKING,
    Kind.WAIT_REFS: BLOCKING,
    Kind.RELEASE: SILENT,
    Kind.READ_RELEASE: SILENT,
    Kind.TRY_ACQUIRE: OBSERVING,
    Kind.TRY_READ_ACQUIRE: OBSERVING,
    Kind.PROBE: OBSERVING,
}
TRAITS: Final = by_kind(_TRAIT_OF, PLAIN)
"""By a kind's number: what a point has to know before it looks any closer."""


class Marker(Ownerless):
    """A named object that is always ready: what an operation without an object stands before."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def ready(self, op: Op) -> bool:
        """May `op` go now?  (`lockcheck.seam.SyncObject`)"""
        return True


def _never(_op: Op) -> bool:
    return False


class Task:
    """A thread: what it is about to do, and how to wake it."""

    __slots__ = (
        "born", "busy", "children", "daemon", "deadline", "draining", "finished", "fire", "go",
        "granted", "ident", "index", "key", "name", "native_id", "op", "parent", "park", "ready",
        "rests", "settling", "slept", "thread", "timed", "unwound", "wake",
    )  # fmt: skip

    def __init__(
        self, index: int, name: str, worker: Worker, parent: Task | None, thread: Startable | None
    ) -> None:
        self.index = index
        """Number of the thread in this run, in order of spawning."""
        self.go = Choice.go(index)
        self.fire = Choice.fire(index)
        self.name = name
        self.thread = thread
        """The `sync.Thread`, if it is one."""
        self.daemon = thread is not None and thread.daemon
        """Nobody waits for it: it never keeps a run alive."""
        self.parent = parent
        self.children = 0
        self.wake = worker.baton.wake
        self.park = worker.baton.park
        self.ident = 0
        self.native_id = 0
        self.op: Op = _BEGIN
        """The operation it stands before."""
        self.ready: Callable[[Op], bool] | None = None
        """None: always ready."""
        self.busy: Callable[[], bool] | None = None
        """A faster `ready`, the other way round, where the operation has one."""
        self.rests = False
        """An idle service that could not go when it was last asked; it can only after somebody
        touched what it waits for."""
        self.granted = True
        self.timed = False
        """Has the operation a time limit?"""
        self.deadline = 0.0
        self.slept = 0
        """How many of its sleeps ended early."""
        self.born = 0
        """How many events there were when it was spawned."""
        self.finished = False
        self.unwound = False
        self.settling = False
        """Waits for everybody else to be idle or gone."""
        self.draining = False
        """Ends a quiet phase: goes when nobody else can."""
        if parent is None:
            self.key = zlib.crc32(b"main")
        else:
            parent.children += 1
            self.key = zlib.crc32(b"%d.%d" % (parent.key, parent.children))
        """Names the thread alike in all schedules: its place in the tree of spawns."""

    def settle(self) -> None:
        """Stand before the end of everything else."""
        self.op = _SETTLE
        self.ready = _never
        self.busy = None
        self.timed = False
        self.settling = True


@dataclass(frozen=True, slots=True)
class Standing:
    """Who was there when a world had settled, and what time it was."""

    tasks: tuple[tuple[str, int, Startable | None, bool], ...]
    """(name, number of the parent, its thread, still there) of all but the first, in order."""
    now: float


_BEGIN: Final = Op(Kind.BEGIN, Marker("begin"))
_SETTLE: Final = Op(Kind.WAIT, Marker("quiescence"), why="everybody else to be idle or gone")


def observed_class(obj: object) -> str:
    """Return under which name observations of `obj` are counted: its lock class, or its type."""
    key = getattr(obj, "key", None)  # locks have one
    return str(key.cls.name) if key is not None else type(obj).__name__


def foreign_class(obj: object) -> str:
    """Return under which name it is remembered that others than its holder release `obj`."""
    return f"{observed_class(obj)} by others"


def is_silent(op: Op, observed: frozenset[str]) -> bool:
    """Does `op` go without a point, given the classes that somebody looks at without blocking?"""
    return (
        TRAITS[op.kind] == SILENT
        and not op.visible
        and (not observed or observed_class(op.obj) not in observed)
    )


def full_name(obj: SyncObject) -> str:
    """Name an object so that no other has it: instances of two lock classes may share a label."""
    name = str(obj.name)
    key = getattr(obj, "key", None)  # locks have one
    if key is None or name.startswith(key.cls.name):
        return name
    return f"{key.cls.name}({name})"


def has_silent(obj: object) -> bool:
    """Has `obj` operations that are silent while nobody observes it (a lock, a thread's end)?"""
    return hasattr(obj, "key") or hasattr(obj, "life")
