"""Tunnels on a plain list of their backend namespace: vxlan and gtp, as Linux 7.3 has them.

The same shape as `backend`, without the conversion: the list relies on the global RTNL, dellink
takes the device off it (a second time corrupts it) and queues it where it stands, and the
backend's exit calls dellink for each.

Left out: what each kind keeps beside the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .backend import BackendList, BackendLists, BackendPriv

if TYPE_CHECKING:
    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead

__all__ = ["ListedTunnelDriver"]


class ListedTunnelDriver(BackendLists):
    """Unconverted: RTNL is the list's only lock."""

    def init_net(self, net: Net) -> None:
        """An empty list."""
        self.set_net_generic(
            net, BackendList(self.k.chk, f"backend {self.kind} {net.label}", net.rtnl_guard)
        )

    def list_add(self, dev: NetDevice) -> None:
        """Publish dev on its backend's list.  Locks: RTNL."""
        priv = dev.netdev_priv(BackendPriv)
        self.backend_list(priv.net).dev_list.insert(0, dev)  # list_add: newest first
        priv.listed = True

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Off the list and onto head; not to be called twice.  Locks: RTNL."""
        with self.k.probe.fn(f"{self.kind}_dellink", dev):
            self.k.ASSERT_RTNL()
            self.list_del_init(self.backend_list(dev.netdev_priv(BackendPriv).net), dev)
            self.k.dev.unregister_netdevice_queue(dev, head)
            self.after_queue(dev)

    def after_queue(self, dev: NetDevice) -> None:
        """What a kind's dellink does at its end."""

    def exit_rtnl(self, net: Net, head: UnregHead) -> None:
        """dellink for each device whose backend this is.  Locks: RTNL."""
        self.k.ASSERT_RTNL_NET(net)
        for dev in list(self.backend_list(net).dev_list):
            self.dellink(dev, head)
