"""hsr: two slaves as one redundant device (net/hsr/hsr_netlink.c, hsr_main.c, hsr_slave.c).

Both slaves live in the device's namespace.  The NETDEV_UNREGISTER of a slave, be it a move, removes
that port; when it was the last one, the device is deleted in a nested unregistration (C.5).
Everything is released in dellink, not in ndo_uninit.

Left out: frames, supervision, interlink.
"""

from __future__ import annotations

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
        ports = dev.netdev_priv(MasterPriv).slaves
        ports.append(slave)
        if len(ports) == 1:
            self.k.notifier.call_netdevice_notifiers("FEAT_CHANGE", dev)

    def before_unlink(self, dev: NetDevice, slave: NetDevice) -> None:
        """hsr_del_port."""
        self.k.dev.dev_set_promiscuity(slave, -1)

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
        if master is None or event != "UNREGISTER":
            return NOTIFY_DONE
        with self.k.probe.frame("hsr_netdev_notify"):
            self.ndo_del_slave(master, dev)
            if not master.netdev_priv(MasterPriv).slaves:
                head = UnregHead(f"hsr_netdev_notify:{dev.label}")
                self.dellink(master, head)
                self.k.dev.unregister_netdevice_many(head)
        return NOTIFY_DONE
