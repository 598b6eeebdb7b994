"""G.26: the end of a lease keeps the card until its lock is released.

Ending a lease drops the reference that it has on the physical device, with that device's instance
lock held.  In 7.3 it is never the last one: the card's own unregistration ends its leases, nested
in itself under the global RTNL.  Without RTNL the netkit's own namespace ends them while the card's
remover waits for exactly this reference with no lock held; it may free the card before the unlock.
A reference of our own around the critical section is dropped after it, as ipvlan_uninit has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..netdev_rx_queue import NetdevRxQueues
from ..overlay import Fix

if TYPE_CHECKING:
    from ..netdev_rx_queue import NetdevRxQueue

__all__ = ["FIX"]


class CardOutlivesItsLock(NetdevRxQueues):
    """A hold that spans the release of the lock."""

    def unlease_locked(self, phys: NetdevRxQueue, virt: NetdevRxQueue) -> None:
        """As before, with a reference around it."""
        card = phys.dev
        tracker = self.k.dev.netdev_hold(card, "netdev_rx_queue_unlease")
        super().unlease_locked(phys, virt)
        self.k.dev.netdev_put(card, tracker)


FIX = Fix(
    "G.26",
    "the end of a lease keeps the card until its lock is released",
    "The lease's reference may be the card's last one, and it is dropped under the card's lock.",
    {"netdev_rx_queue": CardOutlivesItsLock},
)
