"""A pseudo-lock (`lockdep_map`): records order, never blocks.

A running work holds its map; a flush *syncs* it (an empty write-side section): so "flush under lock
L" and "the work takes L" close a cycle without ever having met.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck.core.held import READ, WRITE, Hold

if TYPE_CHECKING:
    from lockcheck.core.classes import Key, LockClass
    from lockcheck.core.held import ThreadState
    from lockcheck.sync.host import Host

__all__ = ["LockMap"]


class LockMap:
    """As `lock_map_acquire`, `lock_map_release` and `lock_map_sync`."""

    __slots__ = ("__weakref__", "chk", "key")

    def __init__(self, chk: Host, key: Key) -> None:
        self.chk = chk
        self.key = key

    @property
    def name(self) -> str:
        return str(self.key.name)

    @property
    def cls(self) -> LockClass:
        return self.key.cls

    @property
    def class_name(self) -> str:
        return self.key.cls.name

    def holders(self) -> tuple[()]:
        """Nobody: it never blocks."""
        return ()

    def owned_by(self, ts: ThreadState | None) -> None:
        """Sections have no owner."""

    def really_held(self) -> bool:
        """Never: there is nothing to hold."""
        return False

    def own_references(self, ts: ThreadState) -> int:
        """References to it by its own parts."""
        return 0

    def acquire(self, *, shared: bool = False) -> None:
        """Enter the section."""
        hold = Hold(self, READ if shared else WRITE)
        self.chk.engine.acquires.push(self.chk.current(), hold, pseudo=True)

    def release(self) -> None:
        """Leave the section."""
        ts = self.chk.current()
        for hold in ts.held():
            if hold.lock is self:
                self.chk.engine.releases.release(ts, hold)
                return
        self.chk.engine.releases.release(ts, Hold(self, WRITE))

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_exc: object) -> None:
        self.release()

    def sync(self) -> None:
        """Record that this thread now waits for all sections: judged as an acquire."""
        self.chk.engine.acquires.might_lock(self.chk.current(), self, sync=True)
