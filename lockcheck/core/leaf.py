"""The engine's one internal lock: a leaf.

No callback of the user's and no log call runs under it.  The collector or a signal may run the
user's code under it all the same, in the same thread, and that may come back into the engine; so
a thread that is anywhere inside, even just before it got the lock, passes freely.  What changes the
graph runs with `ThreadState.tracing` set, which turns such a visit away; what else stands under the
leaf can bear one.
"""

from __future__ import annotations

import _thread


class Leaf:
    """A plain lock that its owner may pass again."""

    __slots__ = ("_inside", "_raw")

    def __init__(self) -> None:
        self._raw = _thread.allocate_lock()
        self._inside: dict[int, int] = {}  # thread ident -> how often it passed again

    def __enter__(self) -> None:
        me = _thread.get_ident()
        inside = self._inside
        again = inside.get(me)
        if again is not None:
            inside[me] = again + 1
            return
        inside[me] = 0  # before the lock is taken: a signal may come between the two
        self._raw.acquire()

    def __exit__(self, *_exc: object) -> None:
        me = _thread.get_ident()
        again = self._inside[me]
        if again:
            self._inside[me] = again - 1
            return
        self._raw.release()
        del self._inside[me]

    def reinit(self) -> None:
        """Start anew in the child of a fork."""
        self._raw = _thread.allocate_lock()
        self._inside = {}
