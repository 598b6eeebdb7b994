"""gtp: GPRS tunnels (drivers/net/gtp.c), as Linux 7.3 has it: unconverted.

The list of devices is the backend's; the two UDP sockets are made in the backend in newlink, and
ndo_uninit lets them go.  dellink takes the device off the list without a look whether it is on it,
so it may run once only (CVE-2025-21865).

Left out: sockets given by a user, which may belong to a third namespace (G.10); contexts, packets.
No conversion.
"""

from __future__ import annotations

from errno import EADDRINUSE, EINVAL
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..documents import Fields
from ..errors import KernelError
from ..guards import RtnlGuard
from ..netdevice import IFF_NOARP, RTNL_OF_AREA
from .backend import BackendPriv
from .listed_tunnel import ListedTunnelDriver

if TYPE_CHECKING:
    from ..net_namespace import Net
    from ..netdevice import NetDevice
    from ..rtnetlink_request import LinkRequest, NewlinkParams

ETH_DATA_LEN = 1500
MAX_HEADER_LEN = 64
"""Outer IPv6, UDP and GTP headers."""
ROLES = ("ggsn", "sgsn")


def _backend(priv: GtpPriv) -> Net | None:
    return priv.net if "net" in vars(priv) else None


class GtpPriv(BackendPriv):
    """struct gtp_dev."""

    role = guarded[str](RTNL_OF_AREA, reads="any", default=ROLES[0])
    """From newlink on."""
    bound = guarded[bool](RtnlGuard(_backend, "the backend"), default=False)
    """Its sockets have the backend's ports."""


class Gtp(ListedTunnelDriver):
    """gtp_link_ops, gtp_netdev_ops and gtp_net_ops."""

    kind: ClassVar[str] = "gtp"
    lockdep_class: ClassVar[str | None] = "gtp"
    sets_mac_address: ClassVar[bool] = False

    def setup(self, dev: NetDevice) -> None:
        """gtp_link_setup: no link layer."""
        dev.priv = GtpPriv()
        dev.type = "none"
        dev.addr_len = 0
        dev.flags |= IFF_NOARP
        dev.mtu = ETH_DATA_LEN - MAX_HEADER_LEN
        dev.min_mtu = dev.max_mtu = 0
        dev.needs_free_netdev = True

    def validate(self, req: LinkRequest) -> None:
        """gtp_validate.  Raises: KernelError(EINVAL)."""
        if not req.data:
            raise KernelError(EINVAL)

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """Sockets, device, list.  Locks: RTNL.  Raises: KernelError(EADDRINUSE)."""
        self.k.ASSERT_RTNL()
        priv = dev.netdev_priv(GtpPriv)
        priv.role = str(params.data.get("role", ROLES[0]))
        priv.net = params.rtnl_newlink_link_net()
        self.gtp_create_sockets(priv)
        try:
            self.k.dev.register_netdevice(dev)
        except KernelError:
            priv.bound = False
            raise
        self.list_add(dev)

    def gtp_create_sockets(self, priv: GtpPriv) -> None:
        """Both ports of the backend.  Raises: KernelError(EADDRINUSE) when another gtp has them."""
        for other in self.sockets(priv.net):
            if other.netdev_priv(GtpPriv).bound:
                raise KernelError(EADDRINUSE)
        priv.bound = True

    def sockets(self, net: Net) -> list[NetDevice]:
        """Devices whose sockets may still be open in net."""
        return self.backend_list(net).dev_list

    def ndo_uninit(self, dev: NetDevice) -> None:
        """gtp_dev_uninit: the sockets of the backend go."""
        with self.k.probe.frame("gtp_dev_uninit"):
            if dev.netdev_priv(GtpPriv).bound:
                self.assert_backend(dev, "socket release")
            dev.netdev_priv(GtpPriv).bound = False

    def get_link_net(self, dev: NetDevice) -> Net | None:
        """gtp_get_link_net: there is none in 7.3."""
        return None

    def fill_info(self, dev: NetDevice) -> Fields:
        """The role."""
        return {"role": dev.netdev_priv(GtpPriv).role}
