"""vxlan without a global RTNL: a conversion in the series' manner.  Not upstream.

As bareudp and geneve (`backend`): the backend's list has a mutex, whoever takes a device off it
cuts its adjacency and queues it to the namespace where it lives.  Three may do so: its own
namespace's dellink, its backend's exit, and the event of its lower, which lives with the backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..netdevice import UnregHead
from .backend import BackendDriver, BackendNet
from .vxlan import Vxlan, VxlanPriv

if TYPE_CHECKING:
    from ..net_namespace import Net
    from ..netdevice import NetDevice


class VxlanPernet(BackendDriver, Vxlan):
    """Ours."""

    converted: ClassVar[bool] = True
    upstream: ClassVar[bool] = False
    lock_class: ClassVar[str] = "&vn->lock"

    def vxlan_config_validate(self, priv: VxlanPriv) -> NetDevice | None:
        """Under the list's mutex.  Locks: RTNL of the backend, which keeps the answer true."""
        self.k.ASSERT_RTNL_NET(priv.net)
        data = self.net_generic(priv.net)
        assert isinstance(data, BackendNet)
        with data.lock:
            return super().vxlan_config_validate(priv)

    def set_lower(self, priv: VxlanPriv, lower: NetDevice) -> None:
        """Under the list's mutex, as everything about the lower."""
        data = self.net_generic(priv.net)
        assert isinstance(data, BackendNet)
        with data.lock:
            super().set_lower(priv, lower)

    def ndo_change_mtu(self, dev: NetDevice, mtu: int) -> None:
        """The lower may be taken away meanwhile.  Raises: KernelError."""
        with self.backend(dev).lock:
            super().ndo_change_mtu(dev, mtu)

    def delete(self, data: BackendNet, dev: NetDevice, net: Net, head: UnregHead | None) -> None:
        """List, adjacency, queue last.  Locks: data.lock; `net` is locked by the caller."""
        self.k.chk.assert_held(data.lock)
        self.list_del_init(data, dev)
        self.after_queue(dev)
        self.k.dev.unregister_netdevice_queue_net(net, dev, head)

    def lower_unregisters(self, dev: NetDevice) -> None:
        """Whoever asked for dev's ifindex in this backend.  Locks: RTNL of dev's namespace."""
        net = self.k.dev.dev_net(dev)
        data = self.net_generic(net)
        assert isinstance(data, BackendNet)
        head = UnregHead(f"vxlan_netdevice_event:{dev.label}")
        with data.lock:
            for vxlan in list(data.dev_list):
                if vxlan.netdev_priv(VxlanPriv).remote_ifindex == dev.ifindex:
                    self.delete(data, vxlan, net, head)
        self.k.dev.unregister_netdevice_many(head)
