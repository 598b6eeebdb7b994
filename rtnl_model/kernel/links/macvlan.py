"""macvlan: uppers with MAC addresses of their own on one lower (drivers/net/macvlan.c),
unconverted.

As Linux 7.3 has it: everything about a port (its list of uppers, its count, its creation and its
end) relies on the global RTNL, and the lower's NETDEV_UNREGISTER unregisters every upper on the
spot, whatever namespace it lives in.  Each upper, not the port, holds the lower, from ndo_init
until its priv_destructor: so the lower waits until every upper's own references are gone.

A macvlan on a macvlan is flattened.  A passthru port gives the lower its address back when it
ends: an upper that writes to its lower, against the direction in which deletions run.
`macvlan_pernet` is the conversion (ours).  Left out: packets, broadcast queues, accelerated
offload.

One file: one driver, as drivers/net/macvlan.c is.
"""

from __future__ import annotations

from errno import EADDRINUSE, EADDRNOTAVAIL, EBUSY, EINVAL
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..documents import Fields
from ..errors import KernelError
from ..events import NOTIFY_DONE
from ..guards import TheLock
from ..netdevice import RTNL_OF_AREA, RegState, UnregHead
from . import is_valid_ether_addr
from .stacked import LowerHold, StackedDriver

if TYPE_CHECKING:
    from lockcheck import Lock

    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import AttrValue, LinkRequest, NewlinkParams

RX_HANDLER = "macvlan"
MODES = ("private", "vepa", "bridge", "passthru", "source")


def _vlans_lock(port: MacvlanPort) -> Lock:
    """RTNL in 7.3; the conversion has a mutex of its own."""
    return port.lock or port.dev.peek_net().rtnl_guard


def _handler_lock(port: MacvlanPort) -> Lock:
    """What covers the lower's rx handler: RTNL, in the conversion I(lower)."""
    return port.dev.peek_net().rtnl_guard if port.lock is None else port.dev.instance_lock


LOWER_HANDLER = TheLock(_handler_lock, "RTNL (in pernet: I(lower))")
VLANS = TheLock(_vlans_lock, "RTNL (in pernet: &port->vlans_lock)")


class MacvlanPort:
    """struct macvlan_port: what the uppers of one lower share."""

    vlans: guarded[list[NetDevice]] = guarded(VLANS)
    vlan_source_hash: guarded[dict[str, NetDevice]] = guarded(VLANS)
    bc_queue_len_used = guarded[int](VLANS, default=0)
    count = guarded[int](VLANS, default=0)
    passthru = guarded[bool](LOWER_HANDLER, reads="any", default=False)
    """Fixed by the upper that makes the port."""
    perm_addr = guarded[str](LOWER_HANDLER, default="")
    """The lower's address before a passthru upper changed it."""

    lock: Lock | None = None
    """Only in the conversion."""

    def __init__(self, dev: NetDevice) -> None:
        self.dev = dev
        """The lower, not held by the port."""
        self.chk = dev.chk
        self.label = f"macvlan_port of {dev.label}"
        self.vlans = []
        self.vlan_source_hash = {}

    def __repr__(self) -> str:
        return f"<macvlan_port of {self.dev.label}>"


def _port_vlans_lock(priv: MacvlanPriv) -> Lock | None:
    return _vlans_lock(priv.port) if "port" in vars(priv) else None


class MacvlanPriv(LowerHold):
    """netdev_priv() of an upper (struct macvlan_dev)."""

    lowerdev: guarded[NetDevice] = guarded(RTNL_OF_AREA, reads="any")
    """From newlink on."""
    port = guarded[MacvlanPort](RTNL_OF_AREA, reads="any")
    mode = guarded[str](RTNL_OF_AREA, reads="any", default="vepa")
    bc_queue_len_req = guarded[int](TheLock(_port_vlans_lock, "the port's lock"), default=1000)
    dying = guarded[bool](TheLock(_port_vlans_lock, "the port's lock"), default=False)
    """Used by the conversion."""


class Macvlan(StackedDriver):
    """macvlan_link_ops, macvlan_netdev_ops and macvlan_notifier_block."""

    kind: ClassVar[str] = "macvlan"
    lockdep_class: ClassVar[str | None] = "macvlan"
    has_notifier: ClassVar[bool] = True
    validates_addr: ClassVar[bool] = True

    def lower_of(self, dev: NetDevice) -> NetDevice:
        """lowerdev."""
        return dev.netdev_priv(MacvlanPriv).lowerdev

    def setup(self, dev: NetDevice) -> None:
        """macvlan_setup."""
        dev.priv = MacvlanPriv()
        dev.needs_free_netdev = True

    def validate(self, req: LinkRequest) -> None:
        """macvlan_validate. Raises: KernelError."""
        if req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL)
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL)
        if req.data.get("mode", "vepa") not in MODES:
            raise KernelError(EINVAL)

    # -- newlink --

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """macvlan_common_newlink.

        Locks: RTNL; a flattened lower's namespace need not be locked.
        """
        self.k.ASSERT_RTNL()
        lower = self.find_lower(params)
        self.take_mtu(dev, lower, params)
        if params.req.address is None:
            self.eth_hw_addr_random(dev)
        port, created = self.get_port(lower)
        try:
            self.fill_priv(dev, lower, port, params)
            self.k.dev.register_netdevice(dev)
        except KernelError:
            self.undo_port(port, created)
            raise
        try:
            self.k.dev.netdev_upper_dev_link(lower, dev)
        except KernelError:
            self.k.dev.unregister_netdevice(dev)
            raise
        self.list_add(port, dev)
        self.update_port_bc_queue_len(port)
        self.k.dev.netif_stacked_transfer_operstate(lower, dev)
        self.k.linkwatch.linkwatch_fire_event(dev)

    def find_lower(self, params: NewlinkParams) -> NetDevice:
        """The real lower, through a macvlan if need be. Raises: KernelError."""
        lower = self.linked(params)
        return self.flatten(lower) if self.netif_is_macvlan(lower) else lower

    def take_mtu(self, dev: NetDevice, lower: NetDevice, params: NewlinkParams) -> None:
        """The lower's, or less; the range is the lower's too. Raises: KernelError(EINVAL)."""
        if params.req.mtu is None:
            dev.mtu = lower.mtu
        elif dev.mtu > lower.mtu:
            raise KernelError(EINVAL)
        dev.max_mtu = lower.max_mtu

    def ndo_change_mtu(self, dev: NetDevice, mtu: int) -> None:
        """macvlan_change_mtu: not beyond the lower's. Raises: KernelError(EINVAL)."""
        if dev.netdev_priv(MacvlanPriv).lowerdev.mtu < mtu:
            raise KernelError(EINVAL)
        dev.mtu = mtu

    def flatten(self, upper: NetDevice) -> NetDevice:
        """The lower of a macvlan."""
        return upper.netdev_priv(MacvlanPriv).lowerdev

    def netif_is_macvlan(self, dev: NetDevice) -> bool:
        """IFF_MACVLAN: a macvlan or a macvtap."""
        return isinstance(dev.priv, MacvlanPriv)

    def netif_is_macvlan_port(self, dev: NetDevice) -> bool:
        """Does macvlan receive on this device?"""
        return bool(dev.rx_handler == RX_HANDLER)

    def get_port(self, lower: NetDevice) -> tuple[MacvlanPort, bool]:
        """The lower's port, made if there was none.  Raises: KernelError."""
        if self.netif_is_macvlan_port(lower):
            port: MacvlanPort = lower.rx_handler_data
            return port, False
        return self.macvlan_port_create(lower), True

    def macvlan_port_create(self, lower: NetDevice) -> MacvlanPort:
        """Take the lower's rx handler. Raises: KernelError(EINVAL, EBUSY)."""
        self.check_lower(lower)
        port = MacvlanPort(lower)
        port.perm_addr = lower.address
        self.register_port(lower, port)
        return port

    def check_lower(self, lower: NetDevice) -> None:
        """Ethernet, and nobody else receives on it. Raises: KernelError(EINVAL, EBUSY)."""
        if lower.type != "ether":
            raise KernelError(EINVAL)
        if lower.rx_handler is not None:
            raise KernelError(EBUSY)

    def register_port(self, lower: NetDevice, port: MacvlanPort) -> None:
        """Hang the port on the lower. Raises: KernelError."""
        self.k.dev.netdev_rx_handler_register(lower, RX_HANDLER, port)

    def macvlan_port_destroy(self, port: MacvlanPort) -> None:
        """Give the rx handler back; a passthru lower gets its address back."""
        lower = port.dev
        self.k.dev.netdev_rx_handler_unregister(lower)
        self.restore_address(port)

    def restore_address(self, port: MacvlanPort) -> None:
        """dev_set_mac_address on the lower, from the upper's context."""
        lower = port.dev
        if port.passthru and lower.address != port.perm_addr:
            self.set_lower_address(lower, port.perm_addr)

    def set_lower_address(self, lower: NetDevice, address: str) -> None:
        """An upper writes to its lower. Raises: KernelError."""
        self.k.dev.dev_set_mac_address(lower, address)

    def undo_port(self, port: MacvlanPort, created: bool) -> None:
        """newlink's error path: a port that this newlink made goes again, unless uninit did it."""
        if created and port.count == 0 and port.dev.rx_handler_data is port:
            self.macvlan_port_destroy(port)

    def fill_priv(
        self, dev: NetDevice, lower: NetDevice, port: MacvlanPort, params: NewlinkParams
    ) -> None:
        """Mode and its exclusions.  Raises: KernelError(EINVAL)."""
        priv = dev.netdev_priv(MacvlanPriv)
        priv.lowerdev = lower
        priv.port = port
        priv.mode = str(params.data.get("mode", "vepa"))
        if port.passthru:
            raise KernelError(EINVAL)  # a passthru port has one upper
        if priv.mode == "passthru":
            if port.count:
                raise KernelError(EINVAL)
            port.passthru = True
            port.perm_addr = lower.address
            dev.address = lower.address
        if priv.mode == "source":
            self.add_sources(dev, params.data)
        if "bcqueuelen" in params.data:
            priv.bc_queue_len_req = int(str(params.data["bcqueuelen"]))

    def add_sources(self, dev: NetDevice, data: dict[str, AttrValue]) -> None:
        """macaddr entries of a source-mode upper."""
        given = data.get("macaddr", ())
        for address in given if isinstance(given, tuple) else (str(given),):
            dev.netdev_priv(MacvlanPriv).port.vlan_source_hash[address] = dev

    def list_add(self, port: MacvlanPort, dev: NetDevice) -> None:
        """Join the list that the lower's unregistration walks."""
        port.vlans.append(dev)

    def update_port_bc_queue_len(self, port: MacvlanPort) -> None:
        """The longest broadcast queue that any upper asked for."""
        port.bc_queue_len_used = max(
            (dev.netdev_priv(MacvlanPriv).bc_queue_len_req for dev in port.vlans), default=0
        )

    # -- net_device_ops --

    def ndo_init(self, dev: NetDevice) -> None:
        """macvlan_init: count, and hold the lower until the destructor."""
        with self.k.probe.fn("macvlan_init", dev):
            self.join_port(dev)

    def join_port(self, dev: NetDevice) -> None:
        """One more upper of the port; it holds the lower."""
        priv = dev.netdev_priv(MacvlanPriv)
        priv.port.count += 1
        self.hold_lower(dev, priv, "macvlan")

    def ndo_uninit(self, dev: NetDevice) -> None:
        """macvlan_uninit: sources, count; the last one destroys the port."""
        with self.k.probe.fn("macvlan_uninit", dev):
            self.leave_port(dev)

    def leave_port(self, dev: NetDevice) -> None:
        """One upper less."""
        port = dev.netdev_priv(MacvlanPriv).port
        self.flush_sources(port, dev)
        port.count -= 1
        if port.count == 0:
            self.macvlan_port_destroy(port)

    def priv_destructor(self, dev: NetDevice) -> None:
        """macvlan_dev_free: only now the lower is let go."""
        self.put_lower(dev, dev.netdev_priv(MacvlanPriv))

    def flush_sources(self, port: MacvlanPort, dev: NetDevice) -> None:
        """macvlan_flush_sources."""
        for address in [a for a, owner in port.vlan_source_hash.items() if owner is dev]:
            del port.vlan_source_hash[address]

    def ndo_open(self, dev: NetDevice) -> None:
        """macvlan_open: no second owner of the address on this port.

        A passthru upper makes its lower promiscuous instead. Raises: KernelError(EADDRINUSE).
        """
        priv = dev.netdev_priv(MacvlanPriv)
        if priv.mode == "passthru":
            self.set_lower_promiscuity(priv.lowerdev, 1)
        elif self.addr_busy(priv.port, dev, dev.address):
            raise KernelError(EADDRINUSE)

    def ndo_stop(self, dev: NetDevice) -> None:
        """macvlan_stop."""
        if dev.netdev_priv(MacvlanPriv).mode == "passthru":
            self.set_lower_promiscuity(dev.netdev_priv(MacvlanPriv).lowerdev, -1)

    def set_lower_promiscuity(self, lower: NetDevice, n: int) -> None:
        """An upper writes to its lower."""
        self.k.dev.dev_set_promiscuity(lower, n)

    def addr_busy(self, port: MacvlanPort, dev: NetDevice, address: str) -> bool:
        """macvlan_addr_busy: the lower's own address, or another running upper's."""
        if not port.passthru and port.dev.address == address:
            return True
        return any(
            other is not dev and other.up and other.address == address for other in port.vlans
        )

    def ndo_set_mac_address(self, dev: NetDevice, address: str) -> None:
        """macvlan_set_mac_address: in passthru mode it is the lower that gets it.

        Raises: KernelError(EADDRNOTAVAIL, EADDRINUSE).
        """
        if not is_valid_ether_addr(address):
            raise KernelError(EADDRNOTAVAIL)
        priv = dev.netdev_priv(MacvlanPriv)
        if priv.mode == "passthru":
            self.set_lower_address(priv.lowerdev, address)
            dev.address = address
            return
        if self.addr_busy(priv.port, dev, address):
            raise KernelError(EADDRINUSE)
        dev.address = address

    # -- dellink --

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """macvlan_dellink: leave the list, queue, cut the adjacency; not to be called twice.

        Locks: RTNL.
        """
        with self.k.probe.fn("macvlan_dellink", dev):
            self.k.ASSERT_RTNL()
            self.delete_from_port(dev)
            self.k.dev.unregister_netdevice_queue(dev, head)
            self.k.dev.netdev_upper_dev_unlink(dev.netdev_priv(MacvlanPriv).lowerdev, dev)

    def delete_from_port(self, dev: NetDevice) -> None:
        """Sources, the list, the broadcast queue's length."""
        port = dev.netdev_priv(MacvlanPriv).port
        if dev.netdev_priv(MacvlanPriv).mode == "source":
            self.flush_sources(port, dev)
        port.vlans.remove(dev)
        self.update_port_bc_queue_len(port)

    # -- notifier --

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """macvlan_device_event: what happens to a lower.  Locks: RTNL."""
        port = dev.rx_handler_data  # one look: in pernet the last upper may go meanwhile
        if not isinstance(port, MacvlanPort):
            return NOTIFY_DONE
        with self.k.probe.frame("macvlan_device_event"):
            self.handle_event(event, dev, port)
        return NOTIFY_DONE

    def handle_event(self, event: str, dev: NetDevice, port: MacvlanPort) -> None:
        """The switch of macvlan_device_event."""
        if event in ("UP", "DOWN", "CHANGE"):
            for upper in list(port.vlans):
                self.k.dev.netif_stacked_transfer_operstate(dev, upper)
        elif event == "CHANGEMTU":
            for upper in list(port.vlans):
                if upper.mtu > dev.mtu:
                    self.k.dev.dev_set_mtu(upper, dev.mtu)
        elif event == "CHANGEADDR":
            if port.passthru and port.vlans:
                self.macvlan_sync_address(port.vlans[0], dev)
        elif event == "UNREGISTER" and dev.reg_state == RegState.UNREGISTERING:
            self.delete_uppers(port)

    def macvlan_sync_address(self, upper: NetDevice, lower: NetDevice) -> None:
        """A passthru upper has its lower's address; no event is sent for it."""
        upper.address = lower.address

    def delete_uppers(self, port: MacvlanPort) -> None:
        """Every upper by its own kind's dellink, in one nested unregistration."""
        self.unregister_uppers(port.dev, list(port.vlans))

    # -- the rest --

    def changelink(self, dev: NetDevice, data: dict[str, AttrValue]) -> None:
        """macvlan_changelink: a mode, but not to or from passthru. Raises: KernelError(EINVAL)."""
        priv = dev.netdev_priv(MacvlanPriv)
        mode = str(data.get("mode", priv.mode))
        if (mode == "passthru") != (priv.mode == "passthru"):
            raise KernelError(EINVAL)
        if priv.mode == "source" and mode != "source":
            self.flush_sources(priv.port, dev)
        priv.mode = mode
        if "bcqueuelen" in data:
            priv.bc_queue_len_req = int(str(data["bcqueuelen"]))
            self.update_port_bc_queue_len(priv.port)

    def fill_info(self, dev: NetDevice) -> Fields:
        """The mode."""
        return {"mode": dev.netdev_priv(MacvlanPriv).mode}
