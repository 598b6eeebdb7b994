"""AF_XDP's notifier: sockets bound to a device that goes (net/xdp/xsk.c, xsk_notifier).

Not a link driver, only a subscriber of the netdevice chain, built in and ahead of the drivers.  A
socket bound to a leased queue pins the netkit on which it was bound; on that device's
NETDEV_UNREGISTER it is unbound, so that the netkit can go.  reg_state is not looked at: a netns
move unbinds as well.

Left out: sockets themselves; binding is `k.netdev_rx_queue.open_user(…, "xsk", …)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..events import NOTIFY_DONE
from . import LinkDriver

if TYPE_CHECKING:
    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo


class AfXdp(LinkDriver):
    """xsk_netdev_notifier."""

    module: ClassVar[str] = "af_xdp"
    converted: ClassVar[bool] = True
    has_notifier: ClassVar[bool] = True

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """Unbind on NETDEV_UNREGISTER.  Locks: RTNL; takes I(dev), then the queue's device's."""
        if event == "UNREGISTER" and dev.rx_queues:
            self.k.netdev_rx_queue.xsk_notifier(dev)
        return NOTIFY_DONE
