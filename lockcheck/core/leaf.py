"""The engine's one internal lock: a leaf.

No callback of the user's and no log call runs under it.  The collector may run a finaliser
under it, in the same thread, and that may come back into the engine: `enter` then says False and
the caller does without (it judges nothing, or reads what is there).
"""

from __future__ import annotations

import _thread


class Leaf:
    """A plain lock that tells its owner from others."""

    __slots__ = ("_owner", "_raw")

    def __init__(self) -> None:
        self._raw = _thread.allocate_lock()
        self._owner = 0  # invariant: written only by the holder of _raw

    def enter(self) -> bool:
        """Take it; False when this thread has it already."""
        me = _thread.get_ident()
        if self._owner == me:
            return False
        self._raw.acquire()
        self._owner = me
        return True

    def leave(self) -> None:
        """Drop it."""
        self._owner = 0
        self._raw.release()

    def reinit(self) -> None:
        """Start anew in the child of a fork."""
        self._raw = _thread.allocate_lock()
        self._owner = 0
