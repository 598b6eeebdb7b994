"""ipvlan: uppers that share the MAC of one lower (drivers/net/ipvlan/ipvlan_main.c), patches 11 to
14.

A stacked driver has no bound on the namespaces that one deletion touches.  So the lower's
NETDEV_UNREGISTER queues each upper to the upper's own namespace and returns; the lower's last
reference is the port's, dropped when the last upper's ndo_uninit ran, wherever that is.  `dying` is
what shows a user's dellink that comes while the upper is still pending that it is too late.

The port and its life stand in `ipvlan_port`, the L3S hooks in `ipvlan_l3s`.  An ipvlan on an ipvlan
is flattened to the real lower, which may be in a namespace that nobody locked (G.1).
Left out: packets, features, the hash of addresses beyond who owns one.
"""

from __future__ import annotations

from errno import EBUSY, EINVAL
from typing import TYPE_CHECKING, Any, ClassVar

from ..documents import Fields
from ..errors import KernelError
from ..events import NOTIFY_DONE, notifier_to_errno
from ..guards import Bookkeeping
from ..netdevice import IFF_NOARP, RegState, UnregHead
from .ipvlan_port import IpvlanPorts, IpvlPort, IpvlPriv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..kernel import Kernel
    from ..net_namespace import Net
    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import AttrValue, LinkRequest, NewlinkParams

MODES = ("l2", "l3", "l3s")
FLAGS = ("bridge", "private", "vepa")


class Ipvlan(IpvlanPorts):
    """ipvlan_link_ops, ipvlan_netdev_ops, the notifier and ipvlan_net_ops."""

    kind: ClassVar[str] = "ipvlan"
    converted: ClassVar[bool] = True
    lockdep_class: ClassVar[str | None] = "ipvlan"
    pernet: ClassVar[str | None] = "subsys"
    has_notifier: ClassVar[bool] = True
    module_steps: ClassVar[Sequence[str]] = ("notifier", "pernet", "link")
    exit_steps: ClassVar[Sequence[str]] = ("link", "pernet", "notifier")
    sets_mac_address: ClassVar[bool] = False

    ipvtap_dellink_ptr: Bookkeeping[Any]  # of any driver
    """__ipvtap_dellink_ptr: set by the ipvtap module, so that ipvlan does not depend on it."""

    def __init__(self, k: Kernel) -> None:
        super().__init__(k)
        self.ipvtap_dellink_ptr = None

    def lower_of(self, dev: NetDevice) -> NetDevice:
        """phy_dev."""
        return dev.netdev_priv(IpvlPriv).phy_dev

    def setup(self, dev: NetDevice) -> None:
        """ipvlan_link_setup: nothing stacks on an ipvlan but another, which is flattened."""
        dev.priv = IpvlPriv()
        dev.vlan_challenged = True
        dev.needs_free_netdev = True

    def validate(self, req: LinkRequest) -> None:
        """ipvlan_nl_validate."""
        if req.data.get("mode", "l3") not in MODES:
            raise KernelError(EINVAL)
        if req.data.get("flags", "bridge") not in FLAGS:
            raise KernelError(EINVAL)

    # -- newlink --

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """ipvlan_link_new.

        Locks: RTNL of dev_net(dev) and of link_net, not of a flattened lower's.
        """
        k = self.k
        k.ASSERT_RTNL_NET(k.dev.dev_net(dev))
        k.ASSERT_RTNL_NET(params.rtnl_newlink_link_net())
        lower = self.find_lower(params)
        dev.netdev_priv(IpvlPriv).phy_dev = lower
        dev.mtu = lower.mtu if params.req.mtu is None else dev.mtu
        dev.address = lower.address
        dev.no_rx_handler = True  # an ipvtap has its own by now
        k.dev.register_netdevice(dev)  # → ipvlan_init makes or joins the port
        try:
            self.attach(dev, params)
        except KernelError:
            k.dev.unregister_netdevice(dev)
            raise
        k.dev.netif_stacked_transfer_operstate(lower, dev)

    def find_lower(self, params: NewlinkParams) -> NetDevice:
        """The real lower: looked up in link_net, flattened through an ipvlan.

        Raises: KernelError.
        """
        lower = self.linked(params)
        if self.netif_is_ipvlan(lower):
            return self.flatten(lower)
        if not self.netif_is_ipvlan_port(lower):
            if lower.type != "ether":
                raise KernelError(EINVAL)
            if lower.rx_handler is not None:
                raise KernelError(EBUSY)
        return lower

    def flatten(self, upper: NetDevice) -> NetDevice:
        """The lower of an ipvlan.

        XXX: as in 7.3 neither `dying` nor the lower's reg_state is looked at (G.1).
        """
        return upper.netdev_priv(IpvlPriv).phy_dev

    def netif_is_ipvlan(self, dev: NetDevice) -> bool:
        """IFF_IPVLAN_SLAVE: an ipvlan or an ipvtap."""
        return isinstance(dev.priv, IpvlPriv)

    def attach(self, dev: NetDevice, params: NewlinkParams) -> None:
        """dev_id, adjacency, flags and mode, then the port's list.

        Raises: KernelError, all undone.
        """
        priv = dev.netdev_priv(IpvlPriv)
        port = priv.port
        priv.dev_id = port.ida_alloc()
        try:
            self.k.dev.netdev_upper_dev_link(priv.phy_dev, dev)
        except KernelError:
            port.ida.discard(priv.dev_id)
            raise
        try:
            self.set_port_flags(port, params.data)
            self.ipvlan_set_port_mode(port, str(params.data.get("mode", "l3")))
            self.list_add(port, dev)
        except KernelError:
            self.k.dev.netdev_upper_dev_unlink(priv.phy_dev, dev)
            port.ida.discard(priv.dev_id)
            raise

    def set_port_flags(self, port: IpvlPort, data: dict[str, AttrValue]) -> None:
        """The flag belongs to the port; the latest word counts."""
        if "flags" in data:
            port.flags = str(data["flags"])

    def list_add(self, port: IpvlPort, dev: NetDevice) -> None:
        """Join the list that the lower's unregistration walks."""
        with port.pnodes_lock:
            port.ipvlans.append(dev)

    # -- net_device_ops --

    def ndo_init(self, dev: NetDevice) -> None:
        """ipvlan_init: make the lower's port or join it, exclusive with the last uninit (patch 12).

        It does not look at the lower's reg_state.
        Locks: RTNL of dev_net(dev); takes I(lower).  Raises: KernelError(EBUSY).
        """
        with self.k.probe.fn("ipvlan_init", dev):
            self.k.ASSERT_RTNL_NET(self.k.dev.dev_net(dev))
            priv = dev.netdev_priv(IpvlPriv)
            with priv.phy_dev.lock:
                priv.port = self.port_join(priv.phy_dev)

    def ndo_uninit(self, dev: NetDevice) -> None:
        """ipvlan_uninit: leave the port; the last one destroys it.

        Our own hold spans the release of the lower's lock, for the port's may go under it.
        Locks: none of M(pnodes), I(lower).
        """
        with self.k.probe.fn("ipvlan_uninit", dev):
            port = dev.netdev_priv(IpvlPriv).port
            self.k.chk.assert_not_held(port.pnodes_lock)
            lower = port.dev
            self.k.chk.assert_not_held(lower.lock)
            tracker = self.k.dev.netdev_hold(lower, "ipvlan_uninit")
            with lower.lock:
                self.port_leave(port)
            self.k.dev.netdev_put(lower, tracker)

    def ndo_open(self, dev: NetDevice) -> None:
        """ipvlan_open: NOARP follows the mode; addresses are published."""
        port = dev.netdev_priv(IpvlPriv).port
        noarp = port.mode != "l2"
        dev.flags = dev.flags | IFF_NOARP if noarp else dev.flags & ~IFF_NOARP
        dev.netdev_priv(IpvlPriv).noarp_applied = noarp
        with port.addrs_lock:
            for address in dev.netdev_priv(IpvlPriv).addrs:
                port.hlhead[address] = dev

    def ndo_stop(self, dev: NetDevice) -> None:
        """ipvlan_stop: addresses are withdrawn."""
        port = dev.netdev_priv(IpvlPriv).port
        with port.addrs_lock:
            for address in dev.netdev_priv(IpvlPriv).addrs:
                port.hlhead.pop(address, None)

    # -- dellink --

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """ipvlan_link_delete: unless the lower's unregistration was faster.

        Locks: RTNL of dev_net(dev); takes pnodes_lock.
        """
        with self.k.probe.fn("ipvlan_link_delete", dev):
            self.k.ASSERT_RTNL_NET(self.k.dev.dev_net(dev))
            with dev.netdev_priv(IpvlPriv).port.pnodes_lock:
                if not self.is_dying(dev):
                    self.ipvlan_link_delete_locked(self.k.dev.dev_net(dev), dev, head)

    def is_dying(self, dev: NetDevice) -> bool:
        """Did the lower's event take this upper?  Then it is pending, and our unlock drains it."""
        return dev.netdev_priv(IpvlPriv).dying

    def ipvlan_link_delete_locked(self, net: Net, dev: NetDevice, head: UnregHead | None) -> None:
        """__ipvlan_link_delete: leave the port's tables, queue dev, then cut the adjacency.

        Locks: pnodes_lock; `net` is the namespace whose lock the caller owns.
        """
        self.delete_from_port(dev)
        self.queue_and_unlink(net, dev, head)

    def delete_from_port(self, dev: NetDevice) -> None:
        """Addresses, dev_id, list.  Locks: pnodes_lock."""
        port = dev.netdev_priv(IpvlPriv).port
        self.k.chk.assert_held(port.pnodes_lock)
        self.drop_addresses(port, dev)
        port.ida.discard(dev.netdev_priv(IpvlPriv).dev_id)
        if dev not in port.ipvlans:
            self.k.bug(f"list_del corruption: {dev.name} is not on its port's list", dev=dev)
        port.ipvlans.remove(dev)

    def queue_and_unlink(self, net: Net, dev: NetDevice, head: UnregHead | None) -> None:
        """XXX: 7.3's order; without RTNL the upper's worker may be faster than the unlink (G.3)."""
        self.k.dev.unregister_netdevice_queue_net(net, dev, head)
        self.unlink_upper(dev)

    def unlink_upper(self, dev: NetDevice) -> None:
        """Cut the adjacency; the lower gets (PRE)CHANGEUPPER, which device_event must not lock
        for."""
        self.k.dev.netdev_upper_dev_unlink(dev.netdev_priv(IpvlPriv).phy_dev, dev)

    # -- notifier --

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """ipvlan_device_event: what happens to a lower.

        Locks: RTNL; takes pnodes_lock, therefore nothing on CHANGEUPPER, which our own unlink sends
        with that lock held.
        """
        if event in ("PRECHANGEUPPER", "CHANGEUPPER"):
            return NOTIFY_DONE
        port = self.ipvlan_port_get(dev)
        if port is None:
            return NOTIFY_DONE
        with self.k.probe.frame("ipvlan_device_event"):
            head = UnregHead(f"ipvlan_device_event:{dev.label}")
            with port.pnodes_lock:
                if event == "PRE_CHANGEADDR":
                    result = self.ask_uppers(port, info)
                else:
                    result = self.handle_event(event, dev, port, head)
            self.k.dev.unregister_netdevice_many(head)
            self.put_event_port(port)
        return result

    def ask_uppers(self, port: IpvlPort, info: NotifierInfo) -> int:
        """dev_pre_changeaddr_notify for each upper: the first refusal counts."""
        for upper in port.ipvlans:
            result = self.ask_upper(upper, info.address)
            if notifier_to_errno(result):
                return result
        return NOTIFY_DONE

    def ask_upper(self, upper: NetDevice, address: str) -> int:
        """May its address be changed?  One elsewhere is asked without that one's lock (G.25)."""
        self.k.strict_assert(upper, "NETDEV_PRE_CHANGEADDR", known="G.25")
        return self.k.notifier.call_netdevice_notifiers("PRE_CHANGEADDR", upper, address=address)

    def put_event_port(self, port: IpvlPort) -> None:
        """XXX: may be the last put, and is not under I(lower) (G.2)."""
        self.ipvlan_port_put(port)

    def handle_event(self, event: str, dev: NetDevice, port: IpvlPort, head: UnregHead) -> int:
        """The switch of ipvlan_device_event.  Locks: pnodes_lock."""
        if event in ("UP", "DOWN", "CHANGE"):
            for upper in port.ipvlans:
                self.k.dev.netif_stacked_transfer_operstate(dev, upper)
        elif event == "REGISTER":
            self.port_moved(port)
        elif event == "UNREGISTER":
            if dev.reg_state == RegState.UNREGISTERING:
                self.delete_uppers(port, head)
        elif event == "CHANGEMTU":
            for upper in port.ipvlans:
                self.ipvlan_adjust_mtu(upper, dev)
        elif event == "CHANGEADDR":
            for upper in port.ipvlans:
                self.follow_address(upper, dev)
        return NOTIFY_DONE

    def ipvlan_adjust_mtu(self, upper: NetDevice, lower: NetDevice) -> None:
        """XXX: an upper of another namespace is written to without that one's lock (G.25)."""
        self.k.strict_assert(upper, "ipvlan_adjust_mtu", known="G.25")
        upper.mtu = lower.mtu

    def follow_address(self, upper: NetDevice, lower: NetDevice) -> None:
        """As the mtu (G.25); everybody hears of the upper's new address."""
        self.k.strict_assert(upper, "NETDEV_CHANGEADDR", known="G.25")
        upper.address = lower.address
        self.k.notifier.call_netdevice_notifiers("CHANGEADDR", upper)

    def port_moved(self, port: IpvlPort) -> None:
        """The lower is registered in another namespace: the port, and its hooks, follow."""
        newnet = self.k.dev.dev_net(port.dev)
        oldnet = port.pnet
        if newnet is oldnet:
            return
        port.pnet = newnet
        if port.mode == "l3s":
            self.l3s.ipvlan_migrate_l3s_hook(oldnet, newnet)

    def delete_uppers(self, port: IpvlPort, head: UnregHead) -> None:
        """Mark and delete every upper: local ones to head, foreign ones to their namespaces."""
        net = self.k.dev.dev_net(port.dev)
        for upper in list(port.ipvlans):
            upper.netdev_priv(IpvlPriv).dying = True  # from here a user's dellink does nothing
            ops = upper.rtnl_link_ops
            if ops is self or self.ipvtap_dellink_ptr is None:
                self.ipvlan_link_delete_locked(net, upper, head)
            else:
                self.ipvtap_dellink_ptr(net, upper, head)

    # -- the rest --

    def changelink(self, dev: NetDevice, data: dict[str, AttrValue]) -> None:
        """ipvlan_nl_changelink: mode and flags of the whole port. Raises: KernelError."""
        self.set_port_flags(dev.netdev_priv(IpvlPriv).port, data)
        if "mode" in data:
            self.ipvlan_set_port_mode(dev.netdev_priv(IpvlPriv).port, str(data["mode"]))

    def init_net(self, net: Net) -> None:
        """The L3S counter of a namespace."""
        self.l3s.ns_init(net)

    def exit_net(self, net: Net) -> None:
        """It must be back at zero."""
        self.l3s.ipvlan_ns_exit(net)

    def fill_info(self, dev: NetDevice) -> Fields:
        """The port's mode; its flag is not among what the recordings kept."""
        return {"mode": dev.netdev_priv(IpvlPriv).port.mode}
