"""bareudp: L3 packets in UDP without a header of its own (drivers/net/bareudp.c), patches 9 and 10.

The list of devices per backend namespace and its mutex are in `backend`.  The uniqueness check of
the port and the insertion are two critical sections of that mutex (G.6); what makes the pair atomic
is the backend's RTNL, which rtnl_newlink holds.  The socket exists only while the device is up.

Left out: packets, source port ranges.
"""

from __future__ import annotations

from errno import EBUSY, EINVAL
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..documents import Fields
from ..errors import KernelError
from ..netdevice import IFF_NOARP, RTNL_OF_AREA
from .backend import BackendDriver, BackendPriv

if TYPE_CHECKING:
    from ..netdevice import NetDevice
    from ..rtnetlink_request import LinkRequest, NewlinkParams

IP_MAX_MTU = 65535
BAREUDP_BASE_HLEN = 8
ETHERTYPES = {"ipv4": "ip", "ipv6": "ipv6", "ip": "ip", "mpls_uc": "mpls_uc", "mpls_mc": "mpls_mc"}
"""What a user may write, and how a listing spells it."""


class BareudpPriv(BackendPriv):
    """struct bareudp_dev."""

    port = guarded[int](RTNL_OF_AREA, reads="any", default=0)
    ethertype = guarded[str](RTNL_OF_AREA, reads="any", default="")
    multi_proto_mode = guarded[bool](RTNL_OF_AREA, reads="any", default=False)
    """All three fixed at creation."""
    sk: guarded[str | None] = guarded(RTNL_OF_AREA, default=None)
    """The UDP socket in the backend, while the device is up."""


class Bareudp(BackendDriver):
    """bareudp_link_ops, bareudp_netdev_ops and bareudp_net_ops."""

    kind: ClassVar[str] = "bareudp"
    lock_class: ClassVar[str] = "&bn->lock"
    sets_mac_address: ClassVar[bool] = False

    def setup(self, dev: NetDevice) -> None:
        """bareudp_setup: no link layer, default class of instance lock."""
        dev.priv = BareudpPriv()
        dev.type = "none"
        dev.max_mtu = IP_MAX_MTU - BAREUDP_BASE_HLEN
        dev.flags |= IFF_NOARP
        dev.needs_free_netdev = True

    def validate(self, req: LinkRequest) -> None:
        """bareudp_validate: refuse a request without attributes."""
        if not req.data:
            raise KernelError(EINVAL, "Not enough attributes provided to perform the operation")

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """Configure, then take the mtu; a refusal there unwinds through dellink.

        Locks: RTNL of dev_net(dev) and of the backend.
        """
        self.k.ASSERT_RTNL_NET(self.k.dev.dev_net(dev))
        self.k.ASSERT_RTNL_NET(params.rtnl_newlink_link_net())
        self.bareudp2info(dev, params)
        self.configure(dev)
        if params.req.mtu is not None:
            try:
                self.k.dev.dev_set_mtu(dev, params.req.mtu)
            except KernelError:
                self.dellink(dev, None)  # head NULL: a full unregistration inside the list mutex
                raise

    def bareudp2info(self, dev: NetDevice, params: NewlinkParams) -> None:
        """Read the attributes into the private area."""
        data = params.data
        priv = dev.netdev_priv(BareudpPriv)
        if "dstport" not in data:
            raise KernelError(EINVAL, "BAREUDP port not specified")
        if "ethertype" not in data:
            raise KernelError(EINVAL, "BAREUDP ethertype not specified")
        priv.net = params.rtnl_newlink_link_net()
        priv.port = int(str(data["dstport"]))
        asked = str(data["ethertype"])
        priv.ethertype = ETHERTYPES.get(asked, asked)
        priv.multi_proto_mode = bool(data.get("multiproto", False))
        if priv.multi_proto_mode and priv.ethertype not in ("ip", "mpls_uc"):
            raise KernelError(
                EINVAL,
                "Cannot set multiproto mode for this ethertype (only IPv4 and unicast MPLS are"
                " supported)",
            )

    def configure(self, dev: NetDevice) -> None:
        """bareudp_configure: refuse a second device of the port, register, insert."""
        if self.find_dev(dev):
            raise KernelError(EBUSY, "Another bareudp device using the same port already exists")
        self.k.dev.register_netdevice(dev)
        self.list_add(dev)

    def find_dev(self, dev: NetDevice) -> bool:
        """bareudp_find_dev: takes and drops the list mutex."""
        data = self.backend(dev)
        with data.lock:
            for other in data.dev_list:
                self.assert_not_freed(other, "it is on the list of its backend")
            return any(
                other.netdev_priv(BareudpPriv).port == dev.netdev_priv(BareudpPriv).port
                for other in data.dev_list
            )

    def ndo_uninit(self, dev: NetDevice) -> None:
        """bareudp_uninit: statistics only."""
        with self.k.probe.fn("bareudp_uninit", dev):
            pass

    def ndo_open(self, dev: NetDevice) -> None:
        """Create the socket in the backend."""
        self.assert_backend(dev, "open")
        dev.netdev_priv(BareudpPriv).sk = f"udp:{dev.netdev_priv(BareudpPriv).port}"

    def ndo_stop(self, dev: NetDevice) -> None:
        """Release the socket of the backend."""
        if dev.netdev_priv(BareudpPriv).sk is not None:
            self.assert_backend(dev, "stop")
        dev.netdev_priv(BareudpPriv).sk = None

    def fill_info(self, dev: NetDevice) -> Fields:
        """dstport and ethertype; multiproto where set."""
        priv = dev.netdev_priv(BareudpPriv)
        info: Fields = {"dstport": priv.port, "ethertype": priv.ethertype}
        if priv.multi_proto_mode:
            info["multiproto"] = True
        return info
