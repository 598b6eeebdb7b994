"""vrf: a routing table as a device (drivers/net/vrf.c).

Slaves are released, not deleted: vrf_dellink unlinks them before it queues the device, the
NETDEV_UNREGISTER of a slave unlinks that one.  Enslaving takes a running slave down and up again.

Left out: routing.
"""

from __future__ import annotations

from contextlib import suppress
from errno import EADDRNOTAVAIL, EINVAL, EOPNOTSUPP
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..documents import Fields
from ..errors import KernelError
from ..netdevice import RTNL_OF_AREA
from . import is_valid_ether_addr
from .master import MasterDriver, MasterPriv

if TYPE_CHECKING:
    from ..netdevice import NetDevice, UnregHead
    from ..rtnetlink_request import LinkRequest, NewlinkParams

IP6_MAX_MTU = 65575
IPV6_MIN_MTU = 1280


class VrfPriv(MasterPriv):
    """struct net_vrf."""

    table = guarded[int](RTNL_OF_AREA, default=0)


class Vrf(MasterDriver):
    """vrf_link_ops, vrf_netdev_ops and vrf_notifier_block."""

    kind: ClassVar[str] = "vrf"
    lockdep_class: ClassVar[str | None] = "vrf"

    def setup(self, dev: NetDevice) -> None:
        """vrf_setup: nothing stacks on it."""
        super().setup(dev)
        dev.priv = VrfPriv()
        dev.vlan_challenged = True
        dev.no_rx_handler = True
        dev.mtu = IP6_MAX_MTU
        dev.min_mtu = IPV6_MIN_MTU
        dev.max_mtu = IP6_MAX_MTU

    def validate(self, req: LinkRequest) -> None:
        """vrf_validate.  Raises: KernelError."""
        if req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL, "Invalid hardware address")
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL, "Invalid hardware address")

    def ndo_init(self, dev: NetDevice) -> None:
        """vrf_dev_init: its operational state means nothing, so it is up."""
        dev.operstate = "UP"

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """vrf_newlink.  Raises: KernelError(EINVAL)."""
        if "table" not in params.data:
            raise KernelError(EINVAL, "VRF table id is missing")
        table = int(str(params.data["table"]))
        if not table:
            raise KernelError(EINVAL, "Invalid VRF table id")
        dev.netdev_priv(VrfPriv).table = table
        self.k.dev.register_netdevice(dev)

    def check_slave(self, dev: NetDevice, slave: NetDevice) -> None:
        """vrf_add_slave's refusals.  Raises: KernelError."""
        if slave.netdev_ops is self or self.master_of(slave) is not None:
            raise KernelError(EINVAL, "Can not enslave an L3 master device to a VRF")
        if slave.type == "loopback":
            raise KernelError(EOPNOTSUPP, "Can not enslave loopback device to a VRF")

    def after_link(self, dev: NetDevice, slave: NetDevice) -> None:
        """cycle_netdev."""
        self.cycle_netdev(slave)

    def after_unlink(self, dev: NetDevice, slave: NetDevice) -> None:
        """cycle_netdev."""
        self.cycle_netdev(slave)

    def cycle_netdev(self, slave: NetDevice) -> None:
        """A running slave goes down and up, so that its addresses move to the other table."""
        if slave.up and not slave.dismantle and not slave.moving_ns:
            self.k.dev.dev_close(slave)
            with suppress(KernelError):  # it may refuse to come up; nobody looks
                self.k.dev.dev_open(slave)

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """vrf_dellink: release the slaves, then queue.  Locks: RTNL."""
        with self.k.probe.fn("vrf_dellink", dev):
            self.k.ASSERT_RTNL()
            self.release_all(dev)
            self.k.dev.unregister_netdevice_queue(dev, head)

    def ndo_uninit(self, dev: NetDevice) -> None:
        """vrf_dev_uninit: routes."""
        with self.k.probe.fn("vrf_dev_uninit", dev):
            pass

    def fill_info(self, dev: NetDevice) -> Fields:
        """The table."""
        return {"table": dev.netdev_priv(VrfPriv).table}
