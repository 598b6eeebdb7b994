"""G.3: adjacency is cut first, the device queued last.

7.3 queues the upper to its namespace and then unlinks it.  Without RTNL that namespace's worker
may unregister the upper before the unlink: it finds a lower still linked, and both sides edit the
lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..links.ipvlan import Ipvlan
from ..overlay import Fix

if TYPE_CHECKING:
    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead

__all__ = ["FIX"]


class UnlinkBeforeQueue(Ipvlan):
    """Cut the adjacency, then queue."""

    def queue_and_unlink(self, net: Net, dev: NetDevice, head: UnregHead | None) -> None:
        """Locks: pnodes_lock."""
        self.unlink_upper(dev)
        self.k.dev.unregister_netdevice_queue_net(net, dev, head)


FIX = Fix(
    "G.3",
    "adjacency is cut before the device is queued",
    "Once queued, the upper may be unregistered by its own namespace at any moment.",
    {"links.ipvlan": UnlinkBeforeQueue},
)
