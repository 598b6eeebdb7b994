"""Which checker the installed primitives are bound to; the only state of `install()` that is read
while a program runs.

A stand-in asks for it when a primitive is made, never afterwards: an object stays with its checker.
"""

from __future__ import annotations

import _thread
import sys
import threading
from _thread import allocate_lock
from typing import TYPE_CHECKING

from lockcheck.core import collecting
from lockcheck.core.sites import allocation
from lockcheck.sync import plain
from lockcheck.sync.thread import ended_by_fork

if TYPE_CHECKING:
    from lockcheck.checker import Checker

__all__ = ["Binding", "binding"]


class Binding:
    """The process-wide checker, and names for what is made without one."""

    def __init__(self) -> None:
        self.checker: Checker | None = None
        self._numbers: dict[str, int] = {}

    @property
    def chk(self) -> Checker:
        """The checker.  A stand-in kept past `uninstall()` goes on with the last one."""
        assert self.checker is not None, "no checker was ever installed"
        return self.checker

    def forked(self) -> None:
        """In the child of a fork: only this thread is left, and nobody gives our locks back."""
        chk = self.checker
        if chk is None:
            return
        chk.engine.leaf._at_fork_reinit()  # type: ignore[attr-defined]  # private
        chk._threads_lock = allocate_lock()
        plain.forked()
        collecting.forked()
        me = chk.current()
        chk.threads = {me.serial: me}
        here = _thread.get_ident()
        for thread in {*threading._enumerate(), *threading._dangling}:  # type: ignore[attr-defined]  # private
            if thread.ident != here:
                ended_by_fork(thread)

    def site(self, depth: int) -> str:
        """Name the place `depth` frames above the caller by what is assigned there."""
        return allocation(sys._getframe(depth + 1))[0]

    def renumber(self) -> None:
        """Count from 0 again: another world is about to be made (`rebind`)."""
        self._numbers.clear()

    def numbered(self, name: str) -> str:
        """`name#n`, n counting from 0 for each name."""
        number = self._numbers.get(name, 0)
        self._numbers[name] = number + 1
        return f"{name}#{number}"


binding = Binding()
