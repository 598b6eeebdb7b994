"""macvlan without a global RTNL: a conversion in the series' manner.  Not upstream.

What changes, and why:

* The port's list has a mutex, `vlans_lock`; its count is a Refcount; it is created and destroyed
  under the lower's instance lock, and holds the lower: as patches 11 to 13 did for ipvlan.
* Each upper has `dying`; the lower's event marks and queues uppers to their own namespaces.
* Joining the port, and later linking and listing, look at the lower's reg_state under its instance
  lock: an upper of a flattened macvlan attaches to a lower whose namespace nobody locked, and must
  be on the list before the lower's unregistration walks it, or be refused.
* Adjacency is cut first, the device queued last (what 7.3's ipvlan has the other way round, G.3).
* A passthru upper writes its lower's address, which belongs to another namespace: the write is
  marked as work on the lower (`netdev_work`) and done under the lower's own locks.

Only what changes stands in this file.
"""

from __future__ import annotations

from errno import EINVAL, ENODEV
from typing import TYPE_CHECKING, ClassVar

from ..errors import KernelError
from ..netdevice import RegState
from .macvlan import Macvlan, MacvlanPort, MacvlanPriv
from .stacked_pernet import CountedPernet, CountedTable

if TYPE_CHECKING:
    from lockcheck import Lock

    from ..netdevice import NetDevice
    from ..rtnetlink_request import AttrValue, NewlinkParams


class MacvlanPernetPort(CountedTable, MacvlanPort):
    """What the uppers of one lower share, with locks of its own."""

    lock: Lock


class MacvlanPernet(CountedPernet, Macvlan):
    """Ours."""

    dellink_probe: ClassVar[str] = "macvlan_dellink"

    def port_of(self, dev: NetDevice) -> MacvlanPernetPort:
        """The port of an upper."""
        port = dev.netdev_priv(MacvlanPriv).port
        assert isinstance(port, MacvlanPernetPort)
        return port

    # -- newlink --

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """As 7.3's, with the port joined in ndo_init.

        Locks: RTNL of dev_net(dev) and of link_net, not of a flattened lower's.
        """
        k = self.k
        k.ASSERT_RTNL_NET(k.dev.dev_net(dev))
        k.ASSERT_RTNL_NET(params.rtnl_newlink_link_net())
        lower = self.find_lower(params)
        priv = dev.netdev_priv(MacvlanPriv)
        priv.lowerdev = lower
        priv.mode = str(params.data.get("mode", "vepa"))
        if "bcqueuelen" in params.data:
            priv.bc_queue_len_req = int(str(params.data["bcqueuelen"]))
        self.take_mtu(dev, lower, params)
        if params.req.address is None:
            self.eth_hw_addr_random(dev)
        k.dev.register_netdevice(dev)  # → macvlan_init makes or joins the port
        try:
            self.attach(dev, params)
        except KernelError:
            k.dev.unregister_netdevice(dev)
            raise
        k.dev.netif_stacked_transfer_operstate(lower, dev)
        k.linkwatch.linkwatch_fire_event(dev)

    def attach(self, dev: NetDevice, params: NewlinkParams) -> None:
        """Adjacency and list together, while the lower is registered.

        Raises: KernelError(ENODEV).
        """
        port = self.port_of(dev)
        lower = dev.netdev_priv(MacvlanPriv).lowerdev
        with lower.lock:
            if lower.reg_state != RegState.REGISTERED:
                raise KernelError(ENODEV)
            with port.lock:
                self.k.dev.netdev_upper_dev_link(lower, dev)
                if dev.netdev_priv(MacvlanPriv).mode == "source":
                    self.add_sources(dev, params.data)
                self.list_add(port, dev)
                self.update_port_bc_queue_len(port)

    def join_port(self, dev: NetDevice) -> None:
        """Join or make the port.  Raises: KernelError(ENODEV, EINVAL, EBUSY)."""
        port = self.enter_table(dev)
        assert isinstance(port, MacvlanPernetPort)
        priv = dev.netdev_priv(MacvlanPriv)
        priv.port = port
        if priv.mode == "passthru":
            dev.address = priv.lowerdev.address
        self.hold_lower(dev, priv, "macvlan")

    def table_of(self, lower: NetDevice) -> CountedTable | None:
        """The lower's port."""
        port = lower.rx_handler_data if self.netif_is_macvlan_port(lower) else None
        assert port is None or isinstance(port, MacvlanPernetPort)
        return port

    def make_table(self, dev: NetDevice, lower: NetDevice) -> CountedTable:
        """macvlan_port_create.  Locks: I(lower).  Raises: KernelError(EINVAL, EBUSY)."""
        self.check_lower(lower)
        port = MacvlanPernetPort(lower)
        refs = self.k.chk.Refcount(f"macvlan_port.refs:{lower.label}", 1)
        port.counted(self.k.make_lock("&port->vlans_lock", lower.label), refs)
        port.perm_addr = lower.address
        port.passthru = dev.netdev_priv(MacvlanPriv).mode == "passthru"
        self.register_port(lower, port)
        return port

    def may_join(self, dev: NetDevice, table: CountedTable) -> None:
        """A passthru port has one upper.  Locks: I(lower).  Raises: KernelError(EINVAL)."""
        assert isinstance(table, MacvlanPernetPort)
        if table.passthru or dev.netdev_priv(MacvlanPriv).mode == "passthru":
            raise KernelError(EINVAL)

    def leave_port(self, dev: NetDevice) -> None:
        """Sources, then the count.  Locks: not vlans_lock, not I(lower)."""
        port = self.port_of(dev)
        with port.lock:
            self.flush_sources(port, dev)
        self.leave_lower(dev, port)

    def give_back(self, table: CountedTable, lower: NetDevice) -> None:
        """macvlan_port_destroy.  Locks: I(lower)."""
        assert isinstance(table, MacvlanPernetPort)
        self.macvlan_port_destroy(table)

    def uppers_of(self, table: CountedTable) -> list[NetDevice]:
        """The port's list."""
        assert isinstance(table, MacvlanPernetPort)
        return table.vlans

    def ndo_open(self, dev: NetDevice) -> None:
        """Looks at its siblings, which live anywhere. Raises: KernelError(EBUSY)."""
        with self.port_of(dev).lock:
            super().ndo_open(dev)

    def ndo_set_mac_address(self, dev: NetDevice, address: str) -> None:
        """As ndo_open. Raises: KernelError."""
        with self.port_of(dev).lock:
            super().ndo_set_mac_address(dev, address)

    # -- the lower's address --

    def restore_address(self, port: MacvlanPort) -> None:
        """Marked as work on the lower.  Locks: I(lower)."""
        lower = port.dev
        if port.passthru and lower.address != port.perm_addr:
            self.set_lower_address(lower, port.perm_addr)

    def set_lower_address(self, lower: NetDevice, address: str) -> None:
        """Later, under the lower's namespace's lock and its instance lock."""

        def write(dev: NetDevice) -> None:
            self.k.dev.dev_set_mac_address(dev, address)

        self.k.netdev_work.netdev_work_sched(lower, write)

    def set_lower_promiscuity(self, lower: NetDevice, n: int) -> None:
        """Later, under the lower's namespace's lock and its instance lock."""

        def write(dev: NetDevice) -> None:
            self.k.dev.dev_set_promiscuity(dev, n)

        self.k.netdev_work.netdev_work_sched(lower, write)

    # -- dellink --

    def uppers_lock(self, dev: NetDevice) -> Lock:
        """The port's."""
        return self.port_of(dev).lock

    def take_dying(self, dev: NetDevice) -> bool:
        """Locks: vlans_lock."""
        priv = dev.netdev_priv(MacvlanPriv)
        was, priv.dying = priv.dying, True
        return not was

    def leave_table(self, dev: NetDevice) -> None:
        """Off the port's list.  Locks: vlans_lock."""
        self.delete_from_port(dev)

    # -- notifier --

    def handle_event(self, event: str, dev: NetDevice, port: MacvlanPort) -> None:
        """Under the port's mutex; the nested unregistration comes after it."""
        assert isinstance(port, MacvlanPernetPort)
        if event == "UNREGISTER" and dev.reg_state == RegState.UNREGISTERING:
            self.delete_from_lower(dev, port.lock, lambda: port.vlans)
            return
        with port.lock:
            if event == "CHANGEMTU":
                for upper in port.vlans:
                    self.k.netdev_work.netdev_work_sched(upper, self.follow_mtu)
            elif event in ("UP", "DOWN", "CHANGE", "CHANGEADDR"):
                super().handle_event(event, dev, port)

    def follow_mtu(self, dev: NetDevice) -> None:
        """Under the upper's own namespace's lock: not beyond the lower's mtu of this moment."""
        lower = dev.netdev_priv(MacvlanPriv).lowerdev
        if dev.mtu > lower.mtu:
            self.k.dev.dev_set_mtu(dev, lower.mtu)

    def macvlan_sync_address(self, upper: NetDevice, lower: NetDevice) -> None:
        """The same for the address of a passthru upper."""
        self.k.netdev_work.netdev_work_sched(upper, self.copy_address)

    def copy_address(self, dev: NetDevice) -> None:
        """The lower's address of this moment."""
        super().macvlan_sync_address(dev, dev.netdev_priv(MacvlanPriv).lowerdev)

    # -- the rest --

    def changelink(self, dev: NetDevice, data: dict[str, AttrValue]) -> None:
        """Under the port's mutex. Raises: KernelError(EINVAL)."""
        with self.port_of(dev).lock:
            super().changelink(dev, data)
