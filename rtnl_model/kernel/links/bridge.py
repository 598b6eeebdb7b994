"""bridge: Ethernet switching (net/bridge/br_if.c, br_device.c, br.c).

Ports are released, not deleted.  br_dev_delete releases them before it queues the bridge; a
namespace's end queues its bridges in exit_rtnl.  Whether the bridge has a carrier follows its
ports.

Left out: forwarding, VLAN filtering, spanning tree; the address is the first port's while it has
ports, though the kernel takes the lowest.
"""

from __future__ import annotations

from contextlib import suppress
from errno import EADDRNOTAVAIL, EBUSY, EINVAL, ELOOP, EOPNOTSUPP
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..errors import KernelError
from ..netdevice import RTNL_OF_AREA
from . import is_valid_ether_addr
from .master import MasterDriver, MasterPriv

if TYPE_CHECKING:
    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead
    from ..rtnetlink_request import LinkRequest, NewlinkParams

ETH_DATA_LEN = 1500
NO_ADDRESS = "00:00:00:00:00:00"


class BridgePriv(MasterPriv):
    """struct net_bridge."""

    mtu_set_by_user = guarded[bool](RTNL_OF_AREA, default=False)
    address_set_by_user = guarded[bool](RTNL_OF_AREA, default=False)
    """NET_ADDR_SET: it does not follow its ports."""
    auto_adjusting = guarded[bool](RTNL_OF_AREA, default=False)
    """The bridge's MTU is changing because a port's did."""


class Bridge(MasterDriver):
    """br_link_ops, br_netdev_ops, br_device_notifier and br_net_ops."""

    kind: ClassVar[str] = "bridge"
    pernet: ClassVar[str | None] = "subsys"
    rx_owner: ClassVar[str] = "bridge"

    def setup(self, dev: NetDevice) -> None:
        """br_dev_setup."""
        super().setup(dev)
        dev.priv = BridgePriv()

    def validate(self, req: LinkRequest) -> None:
        """br_validate.  Raises: KernelError."""
        if req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL)
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL)

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """br_dev_newlink."""
        dev.netdev_priv(BridgePriv).address_set_by_user = params.req.address is not None
        super().newlink(dev, params)

    def ndo_set_mac_address(self, dev: NetDevice, address: str) -> None:
        """br_set_mac_address: from now on the user's.  Raises: KernelError."""
        super().ndo_set_mac_address(dev, address)
        dev.netdev_priv(BridgePriv).address_set_by_user = True

    def check_slave(self, dev: NetDevice, slave: NetDevice) -> None:
        """br_add_if's refusals, in its order.  Raises: KernelError."""
        if slave.type != "ether" or not is_valid_ether_addr(slave.address or "00:00"):
            raise KernelError(EINVAL)
        if slave.netdev_ops is self:
            raise KernelError(ELOOP, "Can not enslave a bridge to a bridge")
        if self.k.dev_links.netdev_master_upper_dev_get(slave) is not None:
            raise KernelError(EBUSY)
        if slave.dont_bridge:
            raise KernelError(EOPNOTSUPP, "Device does not allow enslaving to a bridge")
        if slave.rx_handler is not None:
            raise KernelError(EBUSY)

    def after_link(self, dev: NetDevice, slave: NetDevice) -> None:
        """Promiscuous port; the bridge may take its address, and has other features now."""
        self.k.dev.dev_set_promiscuity(slave, 1)
        self.k.dev.dev_disable_lro(slave)
        address = self.slaves(dev)[0].address
        if self.follows_ports(dev, address):
            self.k.notifier.call_checked("PRE_CHANGEADDR", dev, address=address)
            self.take_address(dev, address)
        self.br_mtu_auto_adjust(dev)
        self.k.notifier.call_netdevice_notifiers("FEAT_CHANGE", dev)
        self.port_state_selection(dev)

    def follows_ports(self, dev: NetDevice, address: str) -> bool:
        """br_stp_recalculate_bridge_id: unless a user chose one."""
        return dev.address != address and not dev.netdev_priv(BridgePriv).address_set_by_user

    def take_address(self, dev: NetDevice, address: str) -> None:
        """br_stp_change_bridge_id, and everybody hears of it."""
        dev.address = address
        self.k.notifier.call_netdevice_notifiers("CHANGEADDR", dev, address=address)

    def br_mtu_auto_adjust(self, dev: NetDevice) -> None:
        """The smallest port's, unless a user set one."""
        priv = dev.netdev_priv(BridgePriv)
        if priv.mtu_set_by_user:
            return
        ports = self.slaves(dev)
        mtu = min((port.mtu for port in ports), default=ETH_DATA_LEN)
        priv.auto_adjusting = True
        try:
            with suppress(KernelError):
                self.k.dev.dev_set_mtu(dev, mtu)
        finally:
            priv.auto_adjusting = False

    def ndo_change_mtu(self, dev: NetDevice, mtu: int) -> None:
        """br_change_mtu: from now on the user's."""
        priv = dev.netdev_priv(BridgePriv)
        priv.mtu_set_by_user = priv.mtu_set_by_user or not priv.auto_adjusting
        dev.mtu = mtu

    def before_unlink(self, dev: NetDevice, slave: NetDevice) -> None:
        """del_nbp: no promiscuity on its behalf."""
        self.k.dev.dev_set_promiscuity(slave, -1)

    def after_unlink(self, dev: NetDevice, slave: NetDevice) -> None:
        """br_del_if's end: MTU, address and features of what is left."""
        self.br_mtu_auto_adjust(dev)
        ports = self.slaves(dev)
        address = ports[0].address if ports else NO_ADDRESS
        if self.follows_ports(dev, address):
            self.take_address(dev, address)
        self.k.notifier.call_netdevice_notifiers("FEAT_CHANGE", dev)
        self.port_state_selection(dev)

    def port_state_selection(self, dev: NetDevice) -> None:
        """br_port_state_selection: no port that can forward, no carrier, while it runs."""
        if not dev.up:
            return
        ports = dev.netdev_priv(MasterPriv).slaves
        if any(port.up and port.carrier for port in ports):
            self.k.dev.netif_carrier_on(dev)
        else:
            self.k.dev.netif_carrier_off(dev)

    def slave_event(self, event: str, dev: NetDevice, slave: NetDevice) -> None:
        """br_device_event: a port's state decides the bridge's."""
        if event == "CHANGEMTU":
            self.br_mtu_auto_adjust(dev)
        elif event in ("UP", "DOWN", "CHANGE"):
            self.port_state_selection(dev)

    # -- dellink --

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """br_dev_delete: release the ports, then queue.  Locks: RTNL."""
        with self.k.probe.fn("br_dev_delete", dev):
            self.k.ASSERT_RTNL()
            for port in self.slaves(dev):
                self.unlink(dev, port)  # del_nbp: the bridge itself does not change any more
            self.k.dev.unregister_netdevice_queue(dev, head)

    def ndo_uninit(self, dev: NetDevice) -> None:
        """br_dev_uninit: tables."""
        with self.k.probe.fn("br_dev_uninit", dev):
            pass

    def exit_rtnl(self, net: Net, head: UnregHead) -> None:
        """br_net_exit_rtnl: every bridge of net.  Locks: RTNL."""
        self.k.ASSERT_RTNL_NET(net)
        for dev in net.dev_list():
            if dev.rtnl_link_ops is self:
                self.dellink(dev, head)
