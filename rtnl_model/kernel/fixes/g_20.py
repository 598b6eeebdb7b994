"""G.20: a moved pending device queues the work of its new namespace.

7.3 moves the pending node with the device and relies on the mover, which holds the new namespace's
lock, to drain it.  A mover that does not (wireless, ieee802154, a netvsc VF: plain RTNL today)
would leave it there for ever once RTNL is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..overlay import Fix

if TYPE_CHECKING:
    from ..dev import Dev
    from ..net_namespace import Net
    from ..netdevice import NetDevice

__all__ = ["FIX"]


def _dev(base: type[Dev]) -> type[Dev]:
    class MoveQueuesWork(base):  # type: ignore[valid-type,misc]
        def pending_moved(self, net: Net, dev: NetDevice) -> None:
            """Queue the work where the device is pending now.  Locks: net.dev_unreg_lock."""
            super().pending_moved(net, dev)
            self.k.rtnl_work.rtnl_net_queue_work(net)

    return MoveQueuesWork


FIX = Fix(
    "G.20",
    "a move of a pending device queues the new namespace's work",
    "Nothing else guarantees that the new namespace is drained.",
    {"dev": _dev},
)
