"""bond: several devices as one (drivers/net/bonding/bond_main.c).

A slave is brought up when it is enslaved and goes down when it is released.  There is no dellink:
bond_uninit releases the slaves while the bond is being unregistered.  A namespace's end queues its
bonds in exit_rtnl.  A slave that goes or moves is released.

Left out: modes beyond what they refuse, link monitoring, address policies beyond the first slave's.
"""

from __future__ import annotations

from contextlib import suppress
from errno import EADDRNOTAVAIL, EBUSY, EINVAL, EOPNOTSUPP, EPERM
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..documents import Fields
from ..errors import KernelError
from ..netdevice import RTNL_OF_AREA, RegState
from . import is_valid_ether_addr
from .master import MasterDriver, MasterPriv

if TYPE_CHECKING:
    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import LinkRequest, NewlinkParams

ACTIVE_BACKUP = "active-backup"
LACP = "802.3ad"


class BondPriv(MasterPriv):
    """struct bonding."""

    mode = guarded[str](RTNL_OF_AREA, default="balance-rr")
    original = guarded[dict[str, str]](RTNL_OF_AREA)
    """Slave (by label) -> its address before it was enslaved."""
    original_mtu = guarded[dict[str, int]](RTNL_OF_AREA)
    random_address = guarded[bool](RTNL_OF_AREA, default=True)
    """Its address is nobody's yet (NET_ADDR_RANDOM)."""
    fail_over_mac = guarded[bool](RTNL_OF_AREA, default=False)
    """The bond has its active slave's address (BOND_FOM_ACTIVE)."""

    def __init__(self) -> None:
        super().__init__()
        self.original = {}
        self.original_mtu = {}


class Bond(MasterDriver):
    """bond_link_ops, bond_netdev_ops, bond_netdev_notifier and bond_net_ops."""

    kind: ClassVar[str] = "bond"
    pernet: ClassVar[str | None] = "subsys"
    rx_owner: ClassVar[str] = "bond"
    lockdep_class: ClassVar[str | None] = "bond"

    def setup(self, dev: NetDevice) -> None:
        """bond_setup."""
        super().setup(dev)
        dev.priv = BondPriv()
        dev.lro = True

    def validate(self, req: LinkRequest) -> None:
        """bond_validate.  Raises: KernelError."""
        if req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL)
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL)

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """bond_newlink: without carrier while it has no slave."""
        priv = dev.netdev_priv(BondPriv)
        priv.mode = str(params.data.get("mode", priv.mode))
        priv.random_address = params.req.address is None
        self.k.dev.register_netdevice(dev)
        self.k.dev.netif_carrier_off(dev)

    # -- slaves --

    def check_slave(self, dev: NetDevice, slave: NetDevice) -> None:
        """bond_enslave's refusals, in its order.  Raises: KernelError."""
        if slave.kind == "vrf":
            raise KernelError(EPERM, "Device type (master device) cannot be enslaved")
        if slave.type == "can":
            raise KernelError(EPERM, "CAN devices cannot be enslaved")
        master = self.k.dev_links.netdev_master_upper_dev_get(slave)
        if slave.rx_handler is not None or master is not None:
            raise KernelError(EBUSY, "Device is in use and cannot be enslaved")
        if slave is dev:
            raise KernelError(EPERM, "Cannot enslave bond to itself.")
        if slave.up:
            raise KernelError(EPERM, "Device can not be enslaved while up")
        if dev.netdev_priv(BondPriv).mode == LACP and slave.type != "ether":
            raise KernelError(EINVAL, "8023AD mode requires Ethernet devices")
        if self.slaves(dev) and slave.type != dev.type:
            raise KernelError(EINVAL, "Device type is different from other slaves")

    def before_link(self, dev: NetDevice, slave: NetDevice) -> None:
        """Type, addresses, MTU, then up.  Raises: KernelError, all undone."""
        try:
            self.prepare(dev, slave)
        except KernelError:
            self.undo_before_link(dev, slave)
            raise

    def prepare(self, dev: NetDevice, slave: NetDevice) -> None:
        """Everything of bond_enslave before the receive handler."""
        k = self.k
        priv = dev.netdev_priv(BondPriv)
        first = not priv.slaves
        if first and dev.type != slave.type:
            self.take_type(dev, slave.type)
        self.choose_fail_over_mac(dev, slave, first=first)
        if first and priv.random_address:
            priv.random_address = False
            # lo and an L3 netkit have an address of zeros, and now so has the bond
            known = slave.type in ("ether", "loopback")
            self.set_address(dev, slave.address if known else slave.address or dev.address)
        priv.original_mtu[slave.label] = slave.mtu
        self.set_slave_mtu(slave, dev.mtu)
        if not (priv.mode == ACTIVE_BACKUP and priv.fail_over_mac):
            before = slave.address
            k.dev.dev_set_mac_address(slave, dev.address)
            priv.original[slave.label] = before
        k.dev.dev_open(slave)

    def take_type(self, dev: NetDevice, kind: str) -> None:
        """The first slave's type is the bond's."""
        self.k.notifier.call_checked("PRE_TYPE_CHANGE", dev)
        dev.type = kind
        self.k.notifier.call_netdevice_notifiers("POST_TYPE_CHANGE", dev)

    def choose_fail_over_mac(self, dev: NetDevice, slave: NetDevice, *, first: bool) -> None:
        """A slave whose address cannot be set: active-backup may follow it instead."""
        ops = slave.netdev_ops
        priv = dev.netdev_priv(BondPriv)
        if ops is not None and ops.sets_mac_address:
            return
        if priv.mode == ACTIVE_BACKUP and not priv.fail_over_mac:
            if not first:
                raise KernelError(
                    EOPNOTSUPP,
                    "Slave device does not support setting the MAC address,"
                    " but fail_over_mac is not set to active",
                )
            priv.fail_over_mac = True

    def undo_before_link(self, dev: NetDevice, slave: NetDevice) -> None:
        """err_close, err_restore_mac, err_restore_mtu, err_undo_flags."""
        self.restore(dev, slave)
        if not dev.netdev_priv(BondPriv).slaves:
            if slave.type == "ether" and dev.address == slave.address:
                dev.netdev_priv(BondPriv).random_address = True
                self.eth_hw_addr_random(dev)
            dev.type = "ether"

    def restore(self, dev: NetDevice, slave: NetDevice) -> None:
        """Down, and its own address and MTU again."""
        k = self.k
        priv = dev.netdev_priv(BondPriv)
        if slave.up:
            k.dev.dev_close(slave)
        if slave.label in priv.original:
            before = priv.original.pop(slave.label)
            if before or slave.address == before:
                with suppress(KernelError):  # nobody looks whether it worked
                    k.dev.dev_set_mac_address(slave, before)
            else:
                slave.address = before
        mtu = priv.original_mtu.pop(slave.label, slave.mtu)
        if slave.reg_state is RegState.REGISTERED:
            with suppress(KernelError):
                k.dev.dev_set_mtu(slave, mtu)

    def set_address(self, dev: NetDevice, address: str) -> None:
        """bond_set_dev_addr."""
        self.k.notifier.call_checked("PRE_CHANGEADDR", dev, address=address)
        dev.address = address
        self.k.notifier.call_netdevice_notifiers("CHANGEADDR", dev, address=address)

    def after_link(self, dev: NetDevice, slave: NetDevice) -> None:
        """Announce states and compute features again, in the order of the recordings."""
        call = self.k.notifier.call_netdevice_notifiers
        mode = dev.netdev_priv(BondPriv).mode
        backup = mode == ACTIVE_BACKUP
        for _ in range(3 if mode in (ACTIVE_BACKUP, LACP) else 2):
            call("CHANGELOWERSTATE", slave)
        call("FEAT_CHANGE", dev)
        dev.lro = False
        if backup:
            call("CHANGELOWERSTATE", slave)
            if dev.netdev_priv(BondPriv).fail_over_mac:
                self.set_address(dev, slave.address or dev.address)
            call("BONDING_FAILOVER", dev)
        self.bond_set_carrier(dev)

    def after_unlink(self, dev: NetDevice, slave: NetDevice) -> None:
        """Announce the slave's state and the bond's new features; put the slave back as it was."""
        notifier = self.k.notifier
        if dev.netdev_priv(BondPriv).mode != LACP:
            notifier.call_netdevice_notifiers("CHANGELOWERSTATE", slave)
        if not dev.dismantle:
            if not dev.netdev_priv(BondPriv).slaves:
                self.eth_hw_addr_random(dev)
                dev.netdev_priv(BondPriv).random_address = True
                notifier.call_netdevice_notifiers("CHANGEADDR", dev)
            notifier.call_netdevice_notifiers("FEAT_CHANGE", dev)
            self.bond_set_carrier(dev)
        self.restore(dev, slave)

    def bond_set_carrier(self, dev: NetDevice) -> None:
        """With a slave that can send."""
        if any(slave.up and slave.carrier for slave in dev.netdev_priv(BondPriv).slaves):
            self.k.dev.netif_carrier_on(dev)
        else:
            self.k.dev.netif_carrier_off(dev)

    def slave_event(self, event: str, dev: NetDevice, slave: NetDevice) -> None:
        """bond_slave_netdev_event: the slave's state decides the bond's."""
        if event in ("UP", "DOWN", "CHANGE"):
            self.bond_set_carrier(dev)

    # -- the end --

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """As any master; a bond that is no Ethernet device goes with its last slave."""
        master = self.master_of(dev)
        result = super().netdev_event(event, dev, info)
        if event == "UNREGISTER" and master is not None and master.type != "ether":
            self.destroy_empty(master)
        return result

    def destroy_empty(self, dev: NetDevice) -> None:
        """bond_release_and_destroy."""
        if not self.slaves(dev) and dev.reg_state is RegState.REGISTERED:
            self.k.dev.unregister_netdevice(dev)

    def ndo_uninit(self, dev: NetDevice) -> None:
        """bond_uninit: release all slaves."""
        with self.k.probe.fn("bond_uninit", dev):
            self.release_all(dev)

    def exit_rtnl(self, net: Net, head: UnregHead) -> None:
        """bond_net_exit_rtnl: every bond of net.  Locks: RTNL."""
        self.k.ASSERT_RTNL_NET(net)
        for dev in net.dev_list():
            if dev.rtnl_link_ops is self:
                self.k.dev.unregister_netdevice_queue(dev, head)

    def fill_info(self, dev: NetDevice) -> Fields:
        """The mode."""
        return {"mode": dev.netdev_priv(BondPriv).mode}
