"""Locks that a starter holds around a whole thread: start under L, join under L.

The thread's critical sections then lie inside the starter's section of L ("multi-thread critical
sections", arXiv 2512.23552), so L keeps it apart from everybody else who takes L, though it
never takes L itself.  A lease is believed while the starter is seen still holding, and for good
when the join came before the release.

Once the thread takes L itself, the starter has released it (`carried`).

It means nothing between the thread and the holder itself, nor among threads under the same hold.
"""

from __future__ import annotations

from lockcheck.core.classes import Key
from lockcheck.core.held import Hold, ThreadState
from lockcheck.core.record import Leased


class Lease:
    """One lock under which a thread was started."""

    __slots__ = ("_hold", "_holder", "broken", "key", "serial", "verified")

    def __init__(self, holder: ThreadState, hold: Hold) -> None:
        self.serial = holder.serial
        self.key: Key = hold.key
        self._holder = holder
        self._hold = hold  # one acquire, one Hold: it is never used again
        hold.bare = False
        self.verified = False
        self.broken = False

    def valid(self) -> bool:
        """Did the holder keep it, as far as can be seen?"""
        if not self.verified and not self.broken and self._hold.ts is not self._holder:
            self.broken = True
        return not self.broken

    def joined(self) -> None:
        """The holder has seen the thread end."""
        if self.valid():
            self.verified = True


def granted(ts: ThreadState) -> tuple[Leased, ...]:
    """Leases for a thread that `ts` starts now; what it holds are Holds (`Engine.spawn`)."""
    return (*ts.leases, *(Lease(ts, entry) for entry in ts.stack()))


def keys_against(leases: tuple[Leased, ...], serial: int, others: tuple[Leased, ...]) -> list[Key]:
    """Leased keys that count against the thread `serial`, which has leases of its own."""
    return [
        lease.key
        for lease in leases
        if lease.serial != serial and lease not in others and lease.valid()
    ]
