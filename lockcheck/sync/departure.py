"""Noticing the end of a thread that nobody announces.

A thread started by `_thread.start_new_thread`, or by `threading` where nothing is installed, shows
no one when it ends.  Its thread-local storage dies with it, in the thread itself and before it can
be joined; so an object in there knows.  Its ident may then be used again at once.

Left out: the main thread, and whoever is left when the interpreter goes down.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockcheck.core.held import ThreadState
    from lockcheck.sync.host import Host

__all__ = ["Departure"]


class Departure:
    """Kept in a thread's own storage: shows the checker that the thread has ended."""

    __slots__ = ("_chk", "_ts")

    def __init__(self, chk: Host, ts: ThreadState) -> None:
        self._chk = weakref.ref(chk)
        self._ts = ts

    def __del__(self, _finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if _finalizing():
            return
        chk = self._chk()
        if chk is not None:
            chk.departed(self._ts)
