"""Identities that do not depend on addresses, while a function is explored.

A set is walked in the order of hashes, and an object without a hash of its own has its address for
one; `sorted(locks, key=id)` asks for addresses too.  They differ from schedule to schedule, and so
would what a program does.  So what a schedule's threads ask for is a number, in the order in which
they first ask: the hash of threads, futures and objects of the program's own classes, and `id` in
the program's own modules and in `concurrent.futures`.

Everybody else gets addresses, as ever.  An object keeps the number that it was given.

Left out: sets of locks and of other objects that lockcheck makes; classes that are defined inside a
function; objects that cannot be referred to weakly; strings, whose hashes are those of the process.
"""

from __future__ import annotations

import builtins
import threading
import weakref
from _thread import get_ident
from collections.abc import Callable
from concurrent.futures import Future, _base
from types import ModuleType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lockcheck.conduct.controlled import ControlledConductor

__all__ = ["Identities"]

_HASHED: Final[tuple[type, ...]] = (threading.Thread, Future)
"""Classes of the library whose objects a program keeps in sets."""


def _address(obj: object) -> int:
    return object.__hash__(obj)


class Identities:
    """The numbers of one exploration, begun afresh for each schedule."""

    def __init__(self) -> None:
        self._conductor: ControlledConductor | None = None
        self._numbers: dict[int, tuple[weakref.ref[object], int]] = {}
        """By address: the object, for it may be gone and another one be there, and its number."""
        self._last = 0
        self._before: dict[type, object] = {}
        """What these classes had for a `__hash__` of their own."""

    def start(self) -> None:
        """Give numbers from now on."""

        def number(obj: object) -> int:
            return self.number(obj, _address)

        self._hash: object = number
        for cls in _HASHED:
            self._before[cls] = vars(cls).get("__hash__")
            type.__setattr__(cls, "__hash__", number)
        vars(_base)["id"] = self.id

    def stop(self) -> None:
        """Give none any more; who has one keeps it as long as its class is one of the program's."""
        for cls, before in self._before.items():
            if before is None:
                type.__delattr__(cls, "__hash__")
            else:
                type.__setattr__(cls, "__hash__", before)
        self._before.clear()
        vars(_base).pop("id", None)
        self._conductor = None

    def renew(self, conductor: ControlledConductor) -> None:
        """A schedule is about to run under `conductor`."""
        self._conductor = conductor
        self._numbers = {
            address: known for address, known in self._numbers.items() if known[0]() is not None
        }
        self._last = 0

    def prepare(self, module: ModuleType) -> None:
        """One of the program's own modules is about to be executed."""
        vars(module).setdefault("id", self.id)

    def adopt(self, module: ModuleType) -> None:
        """It was: give its classes their hash."""
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                self._adopt(value)

    def _adopt(self, cls: type) -> None:
        plain: object = cls.__hash__
        if plain is object.__hash__ and cls.__weakrefoffset__:
            type.__setattr__(cls, "__hash__", self._hash)
        for value in list(vars(cls).values()):
            if isinstance(value, type) and value.__qualname__.startswith(f"{cls.__qualname__}."):
                self._adopt(value)

    def id(self, obj: object) -> int:
        """Stand for `id`."""
        return self.number(obj, builtins.id)

    def number(self, obj: object, address: Callable[[object], int]) -> int:
        """The number of `obj`; where it has none and gets none, its address."""
        known = self._numbers.get(builtins.id(obj))
        if known is not None and known[0]() is obj:
            return known[1]
        conductor = self._conductor
        running = conductor.current if conductor is not None else None
        if running is None or running.ident != get_ident():
            return address(obj)
        try:
            ref = weakref.ref(obj)
        except TypeError:
            return address(obj)
        self._last += 1
        self._numbers[builtins.id(obj)] = ref, self._last
        return self._last
