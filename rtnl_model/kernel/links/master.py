"""What bridge, bond, team and vrf share: a master releases its slaves instead of deleting them.

A master and its slaves live in one namespace, because the NETDEV_UNREGISTER of a move releases the
slave first and the master itself may not move.  So a slave that goes or moves is released, whatever
its reg_state says; when the master goes its slaves stay.  hsr has the same ends with another rule:
the last slave to go takes the master with it.

Left out: forwarding, hashing, failover, options of slaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..errors import KernelError
from ..events import NOTIFY_DONE
from ..netdevice import RTNL_OF_AREA, PrivateArea
from . import LinkDriver

if TYPE_CHECKING:
    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo

__all__ = ["MasterDriver", "MasterPriv"]


class MasterPriv(PrivateArea):
    """netdev_priv() of a master."""

    slaves: guarded[list[NetDevice]] = guarded(RTNL_OF_AREA)
    """In the order in which they came; they live in the master's namespace."""

    def __init__(self) -> None:
        self.slaves = []


class MasterDriver(LinkDriver):
    """Link ops, ndo_add_slave, ndo_del_slave and the notifier."""

    is_master: ClassVar[bool] = True
    has_notifier: ClassVar[bool] = True
    rx_owner: ClassVar[str] = ""
    """Who receives on a slave, where the kind takes its slaves' rx handler."""

    def setup(self, dev: NetDevice) -> None:
        """An Ethernet device that stays where it is."""
        dev.priv = MasterPriv()
        dev.netns_immutable = True
        dev.needs_free_netdev = True
        self.eth_hw_addr_random(dev)

    def slaves(self, dev: NetDevice) -> list[NetDevice]:
        """A copy, for walking while they leave."""
        return list(dev.netdev_priv(MasterPriv).slaves)

    def master_of(self, dev: NetDevice) -> NetDevice | None:
        """The master of this kind that dev is enslaved to."""
        master = self.k.dev_links.netdev_master_upper_dev_get(dev)
        return master if master is not None and master.netdev_ops is self else None

    # -- enslaving --

    def check_slave(self, dev: NetDevice, slave: NetDevice) -> None:
        """Refuse what this kind cannot enslave.  Raises: KernelError."""

    def ndo_add_slave(self, dev: NetDevice, slave: NetDevice) -> None:
        """Enslave.  Locks: RTNL.  Raises: KernelError, all undone."""
        self.check_slave(dev, slave)
        self.before_link(dev, slave)
        try:
            self.link(dev, slave)
        except KernelError:
            self.undo_before_link(dev, slave)
            raise
        dev.netdev_priv(MasterPriv).slaves.append(slave)
        self.after_link(dev, slave)

    def link(self, dev: NetDevice, slave: NetDevice) -> None:
        """The rx handler, where the kind takes it, and the adjacency.  Raises: KernelError."""
        if self.rx_owner:
            self.k.dev.netdev_rx_handler_register(slave, self.rx_owner, dev.priv)
        try:
            self.k.dev.netdev_upper_dev_link(slave, dev, master=True)
        except KernelError:
            if self.rx_owner:
                self.k.dev.netdev_rx_handler_unregister(slave)
            raise

    def before_link(self, dev: NetDevice, slave: NetDevice) -> None:
        """What the kind does to a slave before it is linked.  Raises: KernelError."""

    def set_slave_mtu(self, slave: NetDevice, mtu: int) -> None:
        """dev_set_mtu, which has no words for a refusal.  Raises: KernelError."""
        try:
            self.k.dev.dev_set_mtu(slave, mtu)
        except KernelError as error:
            raise KernelError(error.errno) from error

    def undo_before_link(self, dev: NetDevice, slave: NetDevice) -> None:
        """Linking was refused."""

    def after_link(self, dev: NetDevice, slave: NetDevice) -> None:
        """What the kind does once the slave is linked."""

    def ndo_del_slave(self, dev: NetDevice, slave: NetDevice) -> None:
        """Release.  Locks: RTNL."""
        self.unlink(dev, slave)
        self.after_unlink(dev, slave)

    def unlink(self, dev: NetDevice, slave: NetDevice) -> None:
        """The reverse of link."""
        self.before_unlink(dev, slave)
        dev.netdev_priv(MasterPriv).slaves.remove(slave)
        if self.rx_owner:
            self.k.dev.netdev_rx_handler_unregister(slave)
        self.k.dev.netdev_upper_dev_unlink(slave, dev)

    def before_unlink(self, dev: NetDevice, slave: NetDevice) -> None:
        """What the kind undoes while the slave is still linked."""

    def after_unlink(self, dev: NetDevice, slave: NetDevice) -> None:
        """What the kind undoes afterwards."""

    def release_all(self, dev: NetDevice) -> None:
        """The master goes, its slaves stay."""
        for slave in self.slaves(dev):
            self.ndo_del_slave(dev, slave)

    # -- notifier --

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """What happens to a slave: one that goes or moves is released.  Locks: RTNL."""
        master = self.master_of(dev)
        if master is None:
            return NOTIFY_DONE
        with self.k.probe.frame(f"{self.kind}_device_event"):
            if event == "UNREGISTER":
                self.ndo_del_slave(master, dev)
            else:
                self.slave_event(event, master, dev)
        return NOTIFY_DONE

    def slave_event(self, event: str, dev: NetDevice, slave: NetDevice) -> None:
        """Any other event of a slave."""
