"""`shared()`: a field that is touched without the lock that should guard it.

Declared in a class body and used as a plain attribute.  Every access is a scheduling point (READ or
WRITE) and is checked for happens-before races.  The class's instances have `.chk` and `.name`.

    class Account:
        balance = shared()

Without a `.chk` the field belongs to the checker that is installed when the field is first set;
`Shared(value)` is one such field, `.value`, without a class around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockcheck.seam import Kind, Op, Ownerless

if TYPE_CHECKING:
    from lockcheck.core.races import FieldState
    from lockcheck.sync.host import Host

__all__ = ["Shared", "SharedCell", "default", "shared"]


class _Default:
    """Whose the fields of owners without a checker are; set by `install()`."""

    checker: Host | None = None


default = _Default()


class SharedCell(Ownerless):
    """One instance's shared field: the value, and the race detector's memory of it."""

    __slots__ = ("__weakref__", "_read_op", "_write_op", "chk", "marked", "name", "race", "value")

    def __init__(
        self,
        chk: Host | None,
        name: str,
        value: Any,
        *,
        marked: bool = False,  # the program's
    ) -> None:  # the program's value
        self.chk = chk
        self.marked = marked
        """Lockless on purpose: scheduled, but not judged as a race."""
        self._read_op: Op | None = None
        self._write_op: Op | None = None
        self.name = name
        self.value = value
        self.race: FieldState | None = None
        """Last accesses as FastTrack keeps them (`lockcheck.core.races`)."""

    def ready(self, op: Op) -> bool:
        """May `op` go now?  (`lockcheck.seam.SyncObject`)"""
        return True

    def access(self, kind: Kind) -> None:
        """Stand before a read or a write, then let the race detector judge it."""
        chk = self.chk
        if chk is None:
            return  # nobody checks: a plain attribute
        if chk.conductor is not None:
            conductor = chk.conductor
            conductor.point(self._op(kind))
            if conductor.in_round and kind is Kind.WRITE:
                conductor.wrote(self, self._content)
        if chk.races and not self.marked:
            chk.engine.access(chk.current(), self, write=kind is Kind.WRITE)

    def _content(self) -> object:
        return self.value

    def _op(self, kind: Kind) -> Op:
        """The operation, made when it happens for the first time: most cells see few."""
        if kind is Kind.WRITE:
            op = self._write_op = self._write_op or Op(kind, self)
        else:
            op = self._read_op = self._read_op or Op(kind, self)
        return op


class shared:  # noqa: N801  (reads like a declaration)
    """Declare a shared field; its initial assignment is no operation yet.

    `marked=True` says that it is read and written without a lock on purpose (READ_ONCE, an atomic
    flag): its accesses are scheduling points all the same, but no data races.
    """

    __slots__ = ("_label", "_marked", "_slot")

    def __init__(self, *, marked: bool = False) -> None:
        self._marked = marked

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = f"_shared_{name}"
        self._label = name

    def __get__(self, instance: object, owner: type | None = None) -> Any:  # the program's value
        if instance is None:
            return self
        try:
            cell: SharedCell = getattr(instance, self._slot)  # the program's class
        except AttributeError:
            raise AttributeError(self._label) from None
        chk = cell.chk
        if chk is not None and (chk.conductor is not None or chk.races):
            cell.access(Kind.READ)
        return cell.value

    def __set__(self, instance: object, value: object) -> None:
        cell: SharedCell | None = getattr(instance, self._slot, None)  # the program's class
        if cell is None:
            owner = getattr(instance, "name", None)  # the program's class
            name = f"{owner_name(instance) if owner is None else owner}.{self._label}"
            chk = getattr(instance, "chk", None) or default.checker  # the program's class
            setattr(instance, self._slot, SharedCell(chk, name, value, marked=self._marked))
            return
        chk = cell.chk
        if chk is not None and (chk.conductor is not None or chk.races):
            cell.access(Kind.WRITE)
        cell.value = value


def owner_name(instance: object) -> str:
    """Name the owner of a field by its class where it has no name of its own."""
    return type(instance).__name__


class Shared:
    """One shared value: `x = Shared(0)`, then `x.value` is a field as `shared()` makes them."""

    value = shared()

    def __init__(self, value: Any = None, name: str = "shared") -> None:  # the program's value
        self.name = name
        self.value = value
