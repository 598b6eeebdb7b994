"""G.20: a moved pending device queues the work of its new namespace.

7.3 moves the pending node with the device and relies on the mover, which holds the new namespace's
lock, to drain it.  A mover that does not (wireless, ieee802154, a netvsc VF: plain RTNL today)
would leave it there for ever once RTNL is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dev_queue import DevQueue
from ..overlay import Fix

if TYPE_CHECKING:
    from ..net_namespace import Net
    from ..netdevice import NetDevice

__all__ = ["FIX"]


class MoveQueuesWork(DevQueue):
    """A moved pending device queues its new namespace's work."""

    def unregister_netdevice_move_net(self, old: Net, new: Net, dev: NetDevice) -> None:
        """As before; queue the work where the device is pending now."""
        super().unregister_netdevice_move_net(old, new, dev)
        with new.dev_unreg_lock:
            if dev.unreg_list_net is new:
                self.k.rtnl_work.rtnl_net_queue_work(new)


FIX = Fix(
    "G.20",
    "a move of a pending device queues the new namespace's work",
    "Nothing else guarantees that the new namespace is drained.",
    {"dev_queue": MoveQueuesWork},
)
