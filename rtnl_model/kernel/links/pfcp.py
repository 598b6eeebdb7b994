"""pfcp: Packet Forwarding Control Protocol (drivers/net/pfcp.c, f4418e64e61a, 23aff4ed78c2).

As bareudp, with one difference that matters to its backend: the socket is made in newlink, before
the device is registered, and destroyed in ndo_uninit, so a pending device uses its backend until
its own namespace's worker has come that far (G.15).  The port is fixed: a backend has one pfcp.

Left out: packets, parsing.  A 7.3-rc7 has no ndo_start_xmit here: with an
MTU of 0, as it is made, IPv6 leaves a pfcp alone, but `ip link set pfcp0 up mtu 9000` makes
addrconf_dad_work send through it and call address 0 (seen on the real kernel: a panic).
"""

from __future__ import annotations

from errno import EADDRINUSE
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..errors import KernelError
from ..netdevice import IFF_NOARP
from .backend import BackendDriver, BackendNet, BackendPriv

if TYPE_CHECKING:
    from ..netdevice import NetDevice
    from ..rtnetlink_request import NewlinkParams


class PfcpNet(BackendNet):
    """struct pfcp_net, and the namespace's UDP port."""

    bound: guarded[NetDevice | None] = guarded("lock", default=None)
    """Whose socket has the port (in the kernel: the UDP hash)."""


class Pfcp(BackendDriver):
    """pfcp_link_ops, pfcp_netdev_ops and pfcp_net_ops."""

    kind: ClassVar[str] = "pfcp"
    lock_class: ClassVar[str] = "&pn->lock"
    net_class: ClassVar[type[BackendNet]] = PfcpNet
    sets_mac_address: ClassVar[bool] = False

    def setup(self, dev: NetDevice) -> None:
        """pfcp_link_setup: no link layer, default class of instance lock."""
        dev.priv = BackendPriv()
        dev.type = "none"
        dev.flags |= IFF_NOARP
        dev.mtu = dev.min_mtu = dev.max_mtu = 0
        dev.needs_free_netdev = True

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """Socket, device, list.  Locks: RTNL of dev_net(dev) and of the backend."""
        self.k.ASSERT_RTNL_NET(self.k.dev.dev_net(dev))
        self.k.ASSERT_RTNL_NET(params.rtnl_newlink_link_net())
        dev.netdev_priv(BackendPriv).net = params.rtnl_newlink_link_net()
        self.pfcp_add_sock(dev)
        try:
            self.k.dev.register_netdevice(dev)
        except KernelError:
            self.pfcp_del_sock(dev)
            raise
        self.list_add(dev)

    def pfcp_add_sock(self, dev: NetDevice) -> None:
        """Bind the port in the backend.  Raises: KernelError(EADDRINUSE)."""
        data = self.pfcp_net(dev)
        with data.lock:
            if data.bound is not None:
                raise KernelError(EADDRINUSE)
            data.bound = dev

    def pfcp_del_sock(self, dev: NetDevice) -> None:
        """Give the port back; idempotent."""
        self.assert_backend(dev, "socket release")
        data = self.pfcp_net(dev)
        with data.lock:
            if data.bound is dev:
                data.bound = None

    def pfcp_net(self, dev: NetDevice) -> PfcpNet:
        """net_generic of the backend."""
        data = self.backend(dev)
        assert isinstance(data, PfcpNet)
        return data

    def ndo_uninit(self, dev: NetDevice) -> None:
        """pfcp_dev_uninit: the socket goes only here."""
        with self.k.probe.frame("pfcp_dev_uninit"):
            self.pfcp_del_sock(dev)
