"""What lockcheck remembers of an object with guarded fields, and which checker it belongs to.

A `Watch` hangs in the object's `__dict__` under a key that no attribute can have, so an object that
nobody checks carries nothing, and it goes with the object.  A `Cell` is one field: the lock of all
accesses so far with the epoch of the last one, and the race detector's memory where that is not
enough.

Invariant: a cell's `slot`, `epoch`, `thread`, `code` are written under `lock`, which every access
so far held, so they need no lock of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lockcheck.seam import Kind, Op
from lockcheck.sync.guards import Named, inner_lock
from lockcheck.sync.shared import default as installed

if TYPE_CHECKING:
    from types import CodeType

    from lockcheck.core.races import FieldState
    from lockcheck.sync.guards import Guard
    from lockcheck.sync.host import Host

__all__ = ["WATCH", "Cell", "Watch", "watched"]

WATCH: Final = "lockcheck watch"


class Cell:
    """One field of one object, as the race detector and a conductor see it."""

    __slots__ = ("_read", "_write", "code", "epoch", "lock", "mixed", "name", "race", "serial",
                 "slot", "thread")  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.lock: object | None = None
        """The lock under which all accesses so far were made; None: no access yet."""
        self.slot = 0
        self.epoch = 0
        """The last access, while all of them were made under `lock`."""
        self.thread = ""
        self.code: CodeType | None = None
        self.mixed = False
        """Some access was not under `lock` alone: the race detector keeps the history."""
        self.race: FieldState | None = None
        """Last accesses as FastTrack keeps them (`lockcheck.core.races`)."""
        self.serial = 0
        """Of the thread that made it; 0: another one has seen it."""
        self._read: Op | None = None
        self._write: Op | None = None

    def ready(self, op: Op) -> bool:
        """May `op` go now?  (`lockcheck.seam.SyncObject`)"""
        return True

    def op(self, write: bool) -> Op:
        """The operation of an access."""
        if write:
            op = self._write = self._write or Op(Kind.WRITE, self)
        else:
            op = self._read = self._read or Op(Kind.READ, self)
        return op


class Watch:
    """What lockcheck keeps of one object with guarded fields."""

    __slots__ = ("cells", "chk", "ident", "name")

    def __init__(self, chk: Host, name: str, owner: object) -> None:
        self.chk = chk
        self.ident = id(owner)
        """A copy of the object finds the original's watch in its `__dict__`, and makes its own."""
        self.name = name
        self.cells: dict[str, Cell] = {}

    def __reduce_ex__(self, _protocol: object) -> tuple[object, ...]:
        return type(None), ()  # what is pickled or copied starts with a history of its own

    def cell(self, label: str) -> Cell:
        """The cell of a field, made when it is needed."""
        found = self.cells.get(label)
        if found is None:
            found = self.cells.setdefault(label, Cell(f"{self.name}.{label}"))
        return found


def watched(owner: object, guard: Guard) -> Watch | None:
    """What is kept of `owner`; None while no checker is responsible for it."""
    values = owner.__dict__
    watch: Watch | None = values.get(WATCH)
    if watch is None or watch.ident != id(owner):
        chk = _checker_of(owner, guard)
        if chk is None:
            return None
        name = values.get("label") or values.get("name") or type(owner).__name__
        if watch is not None:
            del values[WATCH]
        watch = values.setdefault(WATCH, Watch(chk, str(name), owner))
    return watch


def _checker_of(owner: object, guard: Guard) -> Host | None:
    """The object's own checker, else that of its lock, else the installed one."""
    chk: Host | None = getattr(owner, "chk", None)  # the program's class
    if chk is not None:
        return chk
    if isinstance(guard, Named):
        lock = getattr(owner, guard.paths[0][0], None)  # the program's class
        found: Host | None = getattr(inner_lock(lock), "chk", None)  # the program's class
        if found is not None:
            return found
    return installed.checker
