"""What protects a field: the kinds of guard that `guarded()` understands.

A guard answers one question at every access: does the calling thread hold what this access needs?
Its answer is a *witness*: the lock that makes the access exclusive, `SHARED` where the access is
allowed beside others (a reader), or None when something is missing.  The witness is what makes the
order check cheap (`guarded`): accesses under one and the same lock are ordered by that lock.

Left out: locks that lockcheck did not make.  Nobody can say who holds a plain `threading.Lock`, so
a field whose lock is one is an ordinary attribute until `install()` puts a checked one there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from lockcheck.core.held import WRITE, Hold, ThreadState
from lockcheck.sync.lock import Lock, Mutex
from lockcheck.sync.parking import Parking
from lockcheck.sync.rlock import RLock
from lockcheck.sync.rwlock import RWLock

__all__ = [
    "FREE",
    "SHARED",
    "AnyLock",
    "Guard",
    "Named",
    "Resolved",
    "ThreadState",
    "held_as",
    "inner_lock",
]

SHARED: Final = "shared"
"""Witness of an access that others may make at the same moment."""
FREE: Final = "free"
"""Witness of an access that needs nothing now: nobody else knows the object."""

AnyLock = object
"""A lock as the user gives it: any primitive of lockcheck, or something that is none of ours."""


class Guard(Protocol):
    """What protects a field."""

    def held(self, owner: object, ts: ThreadState, write: bool) -> object | None:
        """Return the witness that `ts` may access `owner`'s field now, or None."""
        ...

    def covered(self, owner: object, ts: ThreadState) -> bool:
        """Does `ts` hold a lock that keeps writers out, whether or not it has to?

        A READ_ONCE under the guard is no scheduling point; so this must depend on nothing that
        another thread may change meanwhile, or the points of a schedule would.
        """
        ...

    def words(self, owner: object) -> str:
        """Say what an access needs, for reports: `Account.lock`."""
        ...


def inner_lock(lock: AnyLock) -> object:
    """Return the object that stands for `lock` in a held stack (a condition's lock, and so on)."""
    while True:
        if isinstance(lock, RLock):
            return lock.lock
        found = getattr(lock, "_lock", None) if isinstance(lock, Parking) else None  # Condition
        if found is None:
            return lock
        lock = found


def held_as(lock: AnyLock, ts: ThreadState, write: bool) -> object | None:
    """Return the witness that `ts` holds `lock` as an access needs it, or None.

    A lock that lockcheck did not make is taken for held: nobody can say who has it.
    """
    mine: object = lock
    entry = ts.top
    while entry is not None:  # a plain lock is its own entry
        if entry is lock:
            return mine
        if type(entry) is Hold and entry.lock is lock:
            return mine if entry.mode == WRITE else None if write else SHARED
        entry = entry.prev
    if isinstance(lock, Lock | RWLock):
        return None
    inner = inner_lock(lock)
    if inner is not lock:
        return held_as(inner, ts, write)
    if isinstance(lock, Mutex):
        return None
    if isinstance(lock, Parking):  # its state is touched inside `change` and `peek` only
        return lock if lock._gate.locked() else None
    return FREE


class Named:
    """Locks that the object has under these names; dots lead through other objects.

    With several, writers hold all of them and readers any one (the kernel's "writers hold both
    locks, readers hold either").
    """

    __slots__ = ("_only", "paths")

    def __init__(self, *paths: str) -> None:
        self.paths = tuple(tuple(path.split(".")) for path in paths)
        self._only = paths[0] if len(paths) == 1 and "." not in paths[0] else ""

    def held(self, owner: object, ts: ThreadState, write: bool) -> object | None:
        if self._only:
            lock = getattr(owner, self._only)  # a path in words
            entry = ts.top
            while entry is not None:  # as `held_as` begins: most accesses end here
                if entry is lock:
                    return entry  # type: ignore[no-any-return]  # entries are linked untyped
                entry = entry.prev
            return held_as(lock, ts, write)
        found: object | None = None
        for path in self.paths:
            one = held_as(_follow(owner, path), ts, write)
            if write and one is None:
                return None
            found = found or one
        if not write and found is not None and len(self.paths) > 1:
            return SHARED  # another reader may hold another one of them
        return found

    def covered(self, owner: object, ts: ThreadState) -> bool:
        return self.held(owner, ts, False) not in (None, FREE)

    def words(self, owner: object) -> str:
        names = [f"{_name(owner)}.{'.'.join(path)}" for path in self.paths]
        return names[0] if len(names) == 1 else f"{' and '.join(names)} (to read: one of them)"


class Resolved:
    """A function of the object says which lock it is, or which guard; None: nothing is needed."""

    __slots__ = ("resolve", "said")

    def __init__(self, resolve: Callable[[object], object], said: str = "") -> None:
        self.resolve = resolve
        self.said = said or getattr(resolve, "__name__", "its guard")  # a lambda has a poor one

    def held(self, owner: object, ts: ThreadState, write: bool) -> object | None:
        lock = self.resolve(owner)
        if lock is None:
            return FREE
        if isinstance(lock, Named | Resolved):
            return lock.held(owner, ts, write)
        return held_as(lock, ts, write)

    def covered(self, owner: object, ts: ThreadState) -> bool:
        return self.held(owner, ts, False) not in (None, FREE)

    def words(self, owner: object) -> str:
        lock = self.resolve(owner)
        if isinstance(lock, Named | Resolved):
            return lock.words(owner)
        return str(getattr(lock, "name", "") or self.said)  # of any class


def _follow(owner: object, path: tuple[str, ...]) -> object:
    for name in path:
        owner = getattr(owner, name)  # a path in words
    return owner


def _name(owner: object) -> str:
    """How reports call an object: by its class, for instances are many."""
    return type(owner).__name__
