"""The IP tunnels without a global RTNL: a conversion in the series' manner.  Not upstream.

The follow-up series for ip_tunnel goes this way: each backend's hash has a mutex; an entry leaves
it in dellink only, and whoever takes it out queues the device to the namespace where it lives.
The backend's exit takes out what is in its hash; devices that live in the dying namespace with
their entry elsewhere go with the rest of it.  ndo_uninit touches no hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .hashed_tunnel import HashedTunnelDriver, TunnelNet, TunnelPriv
from .ip_tunnel import Erspan, Gre, Gretap, Ip6gre, Ip6tnl, Ipip, Sit, Vti, Vti6

if TYPE_CHECKING:
    from lockcheck import Lock

    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead

__all__ = ["PERNET_TUNNELS"]


class TunnelPernetNet(TunnelNet):
    """A hash with a mutex of its own."""

    lock: Lock

    def __init__(self, net: Net, lock: Lock) -> None:
        super().__init__(net)
        self.lock = lock
        """Protects: tunnels.  Order: after the namespaces' RTNL, before the instance lock that
        unregister_netdevice_queue_net takes; never inside itself."""


class HashedTunnelPernet(HashedTunnelDriver):
    """In front of 7.3's driver: who takes an entry out."""

    converted: ClassVar[bool] = True
    upstream: ClassVar[bool] = False

    def init_net(self, net: Net) -> None:
        """An empty hash and its mutex."""
        self.set_net_generic(net, TunnelPernetNet(net, self.k.make_lock("&itn->lock", net.label)))

    def locked(self, net: Net) -> TunnelPernetNet:
        """The hash of a backend namespace."""
        found = self.table(net)
        assert isinstance(found, TunnelPernetNet)
        return found

    def find(self, priv: TunnelPriv) -> NetDevice | None:
        """Under the mutex; the backend's RTNL keeps the answer true until the entry is made."""
        self.k.ASSERT_RTNL_NET(priv.net)
        with self.locked(priv.net).lock:
            return super().find(priv)

    def hash_add(self, dev: NetDevice) -> None:
        """Under the mutex."""
        with self.locked(dev.netdev_priv(TunnelPriv).net).lock:
            super().hash_add(dev)

    def delete(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Unless the backend's exit was faster.  Locks: RTNL of dev_net(dev)."""
        net = self.k.dev.dev_net(dev)
        self.k.ASSERT_RTNL_NET(net)
        data = self.locked(dev.netdev_priv(TunnelPriv).net)
        with data.lock:
            self.claim(data, net, dev, head)

    def claim(
        self, data: TunnelPernetNet, net: Net, dev: NetDevice, head: UnregHead | None
    ) -> None:
        """Take the entry out and queue its device, if it is there.  Locks: data.lock."""
        priv = dev.netdev_priv(TunnelPriv)
        if data.tunnels.get(priv.key) is dev:
            del data.tunnels[priv.key]
            self.k.dev.unregister_netdevice_queue_net(net, dev, head)

    def exit_rtnl(self, net: Net, head: UnregHead) -> None:
        """Every entry of this backend, each to its device's namespace.  Locks: RTNL of net."""
        self.k.ASSERT_RTNL_NET(net)
        data = self.locked(net)
        with data.lock:
            for dev in list(data.tunnels.values()):
                self.claim(data, net, dev, head)

    def hash_del(self, dev: NetDevice) -> None:
        """ndo_uninit: nothing; the entry is gone, or was never made."""


class IpipPernet(HashedTunnelPernet, Ipip):
    """Ours."""


class GrePernet(HashedTunnelPernet, Gre):
    """Ours."""


class GretapPernet(HashedTunnelPernet, Gretap):
    """Ours."""


class ErspanPernet(HashedTunnelPernet, Erspan):
    """Ours."""


class VtiPernet(HashedTunnelPernet, Vti):
    """Ours."""


class Vti6Pernet(HashedTunnelPernet, Vti6):
    """Ours."""


class SitPernet(HashedTunnelPernet, Sit):
    """Ours."""


class Ip6tnlPernet(HashedTunnelPernet, Ip6tnl):
    """Ours."""


class Ip6grePernet(HashedTunnelPernet, Ip6gre):
    """Ours."""


PERNET_TUNNELS = (
    IpipPernet,
    GrePernet,
    GretapPernet,
    ErspanPernet,
    VtiPernet,
    Vti6Pernet,
    SitPernet,
    Ip6tnlPernet,
    Ip6grePernet,
)
"""What runs without a global RTNL."""
