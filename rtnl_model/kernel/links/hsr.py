"""hsr: two slaves as one redundant device (net/hsr/hsr_netlink.c, hsr_main.c, hsr_slave.c).

Both slaves live in the device's namespace.  The NETDEV_UNREGISTER of a slave, be it a move, removes
that port; when it was the last one, the device is deleted in a nested unregistration (C.5).
Everything is released in dellink, not in ndo_uninit.

Left out: frames, supervision, interlink.
"""

from __future__ import annotations

from contextlib import suppress
from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar

from ..errors import KernelError
from ..events import NOTIFY_DONE
from ..netdevice import UnregHead
from .master import MasterDriver, MasterPriv

if TYPE_CHECKING:
    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import NewlinkParams


ETH_DATA_LEN = 1500
HSR_HLEN = 6


class Hsr(MasterDriver):
    """hsr_link_ops, hsr_device_ops and hsr_nb."""

    kind: ClassVar[str] = "hsr"
    is_master: ClassVar[bool] = False
    rx_owner: ClassVar[str] = "hsr"

    # -- newlink --

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """hsr_newlink and hsr_dev_finalize.  Locks: RTNL.  Raises: KernelError, all undone."""
        one, other = self.named_slaves(dev, params)
        dev.address = one.address
        self.k.dev.register_netdevice(dev)
        try:
            for slave in (one, other):
                self.check_slave(dev, slave)
                self.add_port(dev, slave)
        except KernelError:
            self.release_all(dev)
            self.k.dev.unregister_netdevice(dev)
            raise

    def named_slaves(self, dev: NetDevice, params: NewlinkParams) -> tuple[NetDevice, NetDevice]:
        """Both slaves, in link_net.  Raises: KernelError(EINVAL)."""
        if not params.data:
            raise KernelError(EINVAL, "hsr: No slave devices specified")
        found: list[NetDevice] = []
        net = params.rtnl_newlink_link_net()
        for key, word in (("slave1", "Slave1"), ("slave2", "Slave2")):
            if key not in params.data:
                raise KernelError(EINVAL, f"hsr: {word} device not specified")
            slave = self.k.dev.dev_get_by_index(net, int(str(params.data[key])))
            if slave is None:
                raise KernelError(EINVAL, f"hsr: {word} does not exist")
            found.append(slave)
        if found[0] is found[1]:
            raise KernelError(EINVAL, "hsr: Slave1 and Slave2 are same")
        if net is not self.k.dev.dev_net(dev):
            raise KernelError(
                EINVAL, "hsr: HSR slaves/interlink must be on the same net namespace than HSR link"
            )
        return found[0], found[1]

    def check_slave(self, dev: NetDevice, slave: NetDevice) -> None:
        """hsr_check_dev_ok.  Raises: KernelError(EINVAL)."""
        if slave.type != "ether":
            raise KernelError(
                EINVAL, "hsr: Cannot use loopback or non-ethernet device as HSR slave."
            )
        if slave.netdev_ops is self:
            raise KernelError(EINVAL, "hsr: Cannot create trees of HSR devices.")
        if slave.rx_handler == self.rx_owner:
            raise KernelError(EINVAL, "hsr: This device is already a HSR slave.")
        if slave.kind == "vlan":
            raise KernelError(
                EINVAL, "hsr: HSR on top of VLAN is not yet supported in this driver."
            )

    def add_port(self, dev: NetDevice, slave: NetDevice) -> None:
        """hsr_portdev_setup: promiscuous, linked, its receive handler taken."""
        self.k.dev.dev_set_promiscuity(slave, 1)
        try:
            self.link(dev, slave)
        except KernelError:
            self.k.dev.dev_set_promiscuity(slave, -1)
            raise
        dev.netdev_priv(MasterPriv).slaves.append(slave)
        self.fit_mtu(dev)

    def fit_mtu(self, dev: NetDevice) -> None:
        """hsr_add_port and hsr_del_port: as much as every port can carry."""
        with suppress(KernelError):
            self.k.dev.dev_set_mtu(dev, self.hsr_get_max_mtu(dev))

    def hsr_get_max_mtu(self, dev: NetDevice) -> int:
        """The smallest port's less the tag; without ports Ethernet's."""
        smallest = min((port.mtu for port in self.slaves(dev)), default=ETH_DATA_LEN)
        return max(min(smallest, ETH_DATA_LEN) - HSR_HLEN, 0)

    def ndo_change_mtu(self, dev: NetDevice, mtu: int) -> None:
        """hsr_dev_change_mtu.  Raises: KernelError(EINVAL)."""
        if mtu > self.hsr_get_max_mtu(dev):
            raise KernelError(EINVAL)
        dev.mtu = mtu

    def link(self, dev: NetDevice, slave: NetDevice) -> None:
        """The adjacency first, then the receive handler.  Raises: KernelError."""
        self.k.dev.netdev_upper_dev_link(slave, dev, master=True)
        try:
            self.k.dev.netdev_rx_handler_register(slave, self.rx_owner, dev.priv)
        except KernelError:
            self.k.dev.netdev_upper_dev_unlink(slave, dev)
            raise
        self.k.dev.dev_disable_lro(slave)

    def unlink(self, dev: NetDevice, slave: NetDevice) -> None:
        """hsr_del_port."""
        dev.netdev_priv(MasterPriv).slaves.remove(slave)
        self.fit_mtu(dev)
        self.k.dev.netdev_rx_handler_unregister(slave)
        self.k.dev.dev_set_promiscuity(slave, -1)
        self.k.dev.netdev_upper_dev_unlink(slave, dev)

    # -- dellink --

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """hsr_dellink: timers and ports, then queue.  Locks: RTNL."""
        with self.k.probe.fn("hsr_dellink", dev):
            self.k.ASSERT_RTNL()
            self.release_all(dev)
            self.k.dev.unregister_netdevice_queue(dev, head)

    # -- notifier --

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """hsr_netdev_notify: the last slave that goes takes the device with it.  Locks: RTNL."""
        master = self.master_of(dev)
        if master is None:
            return NOTIFY_DONE
        if event == "CHANGEMTU":
            master.mtu = self.hsr_get_max_mtu(master)  # without a notification
        if event != "UNREGISTER":
            return NOTIFY_DONE
        with self.k.probe.frame("hsr_netdev_notify"):
            self.ndo_del_slave(master, dev)
            if not master.netdev_priv(MasterPriv).slaves:
                head = UnregHead(f"hsr_netdev_notify:{dev.label}")
                self.dellink(master, head)
                self.k.dev.unregister_netdevice_many(head)
        return NOTIFY_DONE
