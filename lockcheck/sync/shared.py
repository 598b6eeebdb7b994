"""`shared()`: a field that is touched without the lock that should guard it.

Declared in a class body and used as a plain attribute.  Every access is a scheduling point (READ or
WRITE) and is checked for happens-before races.  The class's instances have `.chk` and `.name`.

    class Account:
        balance = shared()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck.seam import Kind, Op

if TYPE_CHECKING:
    from lockcheck.checker import Checker

__all__ = ["SharedCell", "shared"]


class SharedCell:
    """One instance's shared field: the value, and the race detector's memory of it."""

    __slots__ = ("__weakref__", "chk", "name", "race", "value")

    def __init__(self, chk: Checker, name: str, value: Any) -> None:
        self.chk = chk
        self.name = name
        self.value = value
        self.race: Any = None
        """Last accesses as FastTrack keeps them (`lockcheck.core.races`)."""

    def ready(self, op: Op) -> bool:
        """May `op` go now?  (`lockcheck.seam.SyncObject`)"""
        return True

    def access(self, kind: Kind) -> None:
        """Stand before a read or a write, then let the race detector judge it."""
        chk = self.chk
        if chk.conductor is not None:
            chk.conductor.point(Op(kind, self))
        if chk.races:
            chk.engine.access(chk.current(), self, write=kind is Kind.WRITE)


class shared:  # noqa: N801  (reads like a declaration)
    """Declare a shared field; `plain=` reads nothing: initial assignment is the first write."""

    __slots__ = ("_label", "_slot")

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = f"_shared_{name}"
        self._label = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        try:
            cell: SharedCell = getattr(instance, self._slot)
        except AttributeError:
            raise AttributeError(self._label) from None
        cell.access(Kind.READ)
        return cell.value

    def __set__(self, instance: Any, value: Any) -> None:
        cell: SharedCell | None = getattr(instance, self._slot, None)
        if cell is None:
            name = f"{getattr(instance, 'name', owner_name(instance))}.{self._label}"
            setattr(instance, self._slot, SharedCell(instance.chk, name, value))
            return
        cell.access(Kind.WRITE)
        cell.value = value


def owner_name(instance: Any) -> str:
    """Name the owner of a field by its class where it has no name of its own."""
    return type(instance).__name__
