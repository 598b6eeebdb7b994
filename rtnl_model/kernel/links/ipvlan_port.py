"""The port that a lower device gets when its first ipvlan comes (struct ipvl_port).

Mirrors ipvlan_port_create, _get, _put, _destroy and set_port_mode of
drivers/net/ipvlan/ipvlan_main.c with patches 11 (reference count), 12 (init and uninit under the
lower's instance lock) and 13 (pnodes_lock).  One port per lower, hung on its rx_handler_data;
uppers may live in any namespace, so what they share has locks of its own.

Left out: the multicast backlog's packets (its work is cancelled at destruction), VF features.
"""

from __future__ import annotations

from errno import EADDRINUSE, ENOSPC
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded, own

from ..errors import KernelError
from ..guards import Bookkeeping, TheLock
from ..netdevice import IFF_NOARP, RTNL_OF_AREA, PrivateArea
from .ipvlan_l3s import IpvlanL3s
from .stacked import StackedDriver

if TYPE_CHECKING:
    from lockcheck import Lock
    from lockcheck.sync import Refcount

    from ..kernel import Kernel
    from ..net_namespace import Net
    from ..netdevice import NetDevice, RefTracker
    from . import LinkDriver

RX_HANDLER = "ipvlan"
DEV_ID_FIRST = 0x1
DEV_ID_LAST = 0xFFFE


def _live_pnodes_lock(port: IpvlPort) -> Lock | None:
    """pnodes_lock, while anybody counts on the port; who drops the last count has it alone."""
    return port.pnodes_lock if port.count.value else None


PNODES = TheLock(_live_pnodes_lock, "&port->pnodes_lock")


def _flags_lock(port: IpvlPort) -> Lock | None:
    """RTNL of the lower; without a global RTNL uppers of two namespaces may be changed at once."""
    net = port.dev.peek_net()
    return net.rtnl_guard if net.adjacent_guard is net.rtnl_guard else _live_pnodes_lock(port)


class IpvlPort:
    """Everything the uppers of one lower share."""

    pnet: guarded[Net] = guarded(PNODES)
    """The lower's namespace, without a reference; follows it on REGISTER."""
    mode = guarded[str](PNODES, reads="once")
    """Written under the lower's RTNL, too."""
    flags = guarded[str](
        TheLock(_flags_lock, "RTNL of the lower (in pernet: &port->pnodes_lock)"), reads="any"
    )
    ipvlans: guarded[list[NetDevice]] = guarded(PNODES)
    """Uppers that the lower's unregistration must delete."""
    hlhead: guarded[dict[str, NetDevice]] = guarded("addrs_lock")
    """Addresses of all uppers that are up."""
    owners: guarded[dict[str, NetDevice]] = guarded("addrs_lock")
    """Addresses of all uppers."""
    dev_tracker: own[RefTracker | None] = own(default=None)
    """The port's reference on the lower, dropped by destroy."""
    ida: Bookkeeping[set[int]]
    """dev_ids in use (an IDA locks itself: gate)."""
    dev_id_start: Bookkeeping[int]
    backlog_cancelled: Bookkeeping[bool] = False

    def __init__(self, driver: LinkDriver, lower: NetDevice) -> None:
        self.chk = chk = driver.k.chk
        self.gate = driver.k.gate
        self.dev = lower
        self.label = f"ipvl_port of {lower.label}"
        self.pnet = driver.k.dev.dev_net(lower)
        self.mode = "l3"
        self.flags = "bridge"
        self.count: Refcount = chk.Refcount(f"ipvl_port.count:{lower.label}", 1)
        """One per upper between its init and uninit, and one per event that is being handled."""
        self.pnodes_lock: Lock = driver.k.make_lock("&port->pnodes_lock", lower.label)
        """Protects: ipvlans, every `dying` of it, ida (to free), mode, pnet.
        Order: after the namespaces' RTNL and the lower's instance lock (events of ops-locked
        devices), before the instance lock of an upper (taken when it is queued).  Never nests."""
        self.addrs_lock: Lock = driver.k.make_lock("&port->addrs_lock", lower.label)
        """Protects: hlhead, owners and every upper's addrs (a spinlock: leaf)."""
        self.ipvlans = []
        self.hlhead = {}
        self.owners = {}
        self.ida = set()
        self.dev_id_start = DEV_ID_FIRST

    def ida_alloc(self) -> int:
        """The lowest free dev_id, from dev_id_start, else from the beginning.

        Raises: KernelError.
        """
        with self.gate:
            for first in (self.dev_id_start, DEV_ID_FIRST):
                for dev_id in range(first, DEV_ID_LAST + 1):
                    if dev_id not in self.ida:
                        self.ida.add(dev_id)
                        self.dev_id_start = dev_id + 1 if dev_id < DEV_ID_LAST else DEV_ID_FIRST
                        return dev_id
        raise KernelError(ENOSPC)

    def __repr__(self) -> str:
        return f"<ipvl_port of {self.dev.label}>"


def _pnodes_lock(priv: IpvlPriv) -> Lock | None:
    return priv.port.pnodes_lock if "port" in vars(priv) else None


def _addrs_lock(priv: IpvlPriv) -> Lock | None:
    return priv.port.addrs_lock if "port" in vars(priv) else None


class IpvlPriv(PrivateArea):
    """netdev_priv() of an upper (struct ipvl_dev)."""

    phy_dev: guarded[NetDevice] = guarded(RTNL_OF_AREA, reads="any")
    """The lower, from newlink on; not referenced by the upper, the port holds it."""
    port = guarded[IpvlPort](RTNL_OF_AREA, reads="any")
    """From ipvlan_init on."""
    addrs = guarded[list[str]](TheLock(_addrs_lock, "&port->addrs_lock"))
    dying = guarded[bool](TheLock(_pnodes_lock, "&port->pnodes_lock"), default=False)
    """The lower's unregistration took this upper."""
    dev_id = guarded[int](RTNL_OF_AREA, reads="any", default=0)
    noarp_applied: Bookkeeping[bool | None] = None
    """What a mode of the port last made of IFF_NOARP.
    invariant: at rest that of the port's mode, whatever its user did to the flag since."""

    def __init__(self) -> None:
        self.addrs = []


class IpvlanPorts(StackedDriver):
    """Life of a port: the lower half of the ipvlan driver."""

    port_class: ClassVar[type[IpvlPort]] = IpvlPort

    def __init__(self, k: Kernel) -> None:
        super().__init__(k)
        self.l3s = IpvlanL3s(self)

    def netif_is_ipvlan_port(self, dev: NetDevice) -> bool:
        """Does ipvlan receive on this device?"""
        return bool(dev.rx_handler == RX_HANDLER)

    def ipvlan_port_create(self, lower: NetDevice) -> IpvlPort:
        """Take the lower's rx handler, hold the lower; the count starts at 1.

        Locks: I(lower).  Raises: KernelError(EBUSY).
        """
        self.assert_port_locked(lower)
        port = self.port_class(self, lower)
        self.k.dev.netdev_rx_handler_register(lower, RX_HANDLER, port)
        port.dev_tracker = self.k.dev.netdev_hold(lower, "ipvl_port")
        return port

    def ipvlan_port_destroy(self, port: IpvlPort) -> None:
        """Give everything back: L3S hooks, rx handler, backlog, the reference on the lower.

        Locks: I(lower), but for the put at the end of an event (G.2).
        """
        lower = port.dev
        self.assert_destroy_locked(lower)
        self.k.chk.assert_not_held(port.pnodes_lock)
        locks = (port.pnodes_lock, port.addrs_lock)
        self.k.lifetime.port_freed(f"ipvlan's port of {lower.name}", locks, port.ipvlans, lower)
        if port.mode == "l3s":
            self.l3s.ipvlan_l3s_unregister(port)
        self.k.dev.netdev_rx_handler_unregister(lower)
        port.backlog_cancelled = True
        self.k.dev.netdev_put(lower, port.dev_tracker)

    def ipvlan_port_put(self, port: IpvlPort) -> None:
        """Drop one count; the last one destroys the port."""
        if port.count.dec_and_test():
            self.ipvlan_port_destroy(port)

    def ipvlan_port_get(self, dev: NetDevice) -> IpvlPort | None:
        """The port of a lower, counted, for an event; None when there is none or it is going
        (RCU)."""
        port = dev.rx_handler_data  # one look: the handler may change between two
        if not isinstance(port, IpvlPort) or not port.count.inc_not_zero():
            return None
        return port

    def port_join(self, lower: NetDevice) -> IpvlPort:
        """The middle of ipvlan_init: create the port or count up.  Locks: I(lower)."""
        self.assert_port_locked(lower)
        if not self.netif_is_ipvlan_port(lower):
            return self.ipvlan_port_create(lower)
        port: IpvlPort = lower.rx_handler_data
        if port.count.inc() == 1:
            self.k.warn(f"refcount_t: addition on 0; use after free of the port of {lower.name}")
        return port

    def port_leave(self, port: IpvlPort) -> None:
        """The middle of ipvlan_uninit.  Locks: I(lower)."""
        self.assert_port_locked(port.dev)
        self.ipvlan_port_put(port)

    def assert_port_locked(self, lower: NetDevice) -> None:
        """Whoever makes, joins or leaves the port of a lower holds I(lower) (patch 12)."""
        self.k.chk.assert_held(lower.lock)

    def assert_destroy_locked(self, lower: NetDevice) -> None:
        """The same of whoever destroys it, where there is no RTNL to cover an event's last put."""
        self.k.assert_instance_covers(lower, "ipvlan_port_destroy")

    # -- mode --

    def ipvlan_set_port_mode(self, port: IpvlPort, mode: str) -> None:
        """Change what every upper of the port does; on failure change it back.

        The uppers' flags are changed in whatever namespace they live, with pnodes_lock held.
        Locks: RTNL.  Raises: KernelError.
        """
        self.k.ASSERT_RTNL()
        with port.pnodes_lock:
            if port.mode == mode:
                return
            done: list[NetDevice] = []
            try:
                for upper in port.ipvlans:
                    self.set_noarp(upper, mode != "l2")
                    done.append(upper)
                if mode == "l3s":
                    self.l3s.ipvlan_l3s_register(port)
                elif port.mode == "l3s":
                    self.l3s.ipvlan_l3s_unregister(port)
            except KernelError:
                for upper in done:
                    self.set_noarp(upper, port.mode != "l2")
                raise
            port.mode = mode

    def set_noarp(self, dev: NetDevice, noarp: bool) -> None:
        """dev_change_flags with IFF_NOARP set or clear.

        XXX: an upper of another namespace is changed without that one's lock (G.25).
        """
        self.k.strict_assert(dev, "dev_change_flags", known="G.25")
        flags = dev.flags | IFF_NOARP if noarp else dev.flags & ~IFF_NOARP
        self.k.dev.dev_change_flags(dev, flags)
        dev.netdev_priv(IpvlPriv).noarp_applied = noarp

    # -- addresses --

    def inetaddr_event(self, dev: NetDevice, address: str) -> None:
        """ipvlan_addr4_validator_event and ipvlan_addr4_event, and their IPv6 sisters.

        Takes addrs_lock only: IPv6 changes addresses without RTNL.
        Raises: KernelError(EADDRINUSE) when an upper of this port, in whatever namespace, has it.
        """
        port = dev.netdev_priv(IpvlPriv).port
        family = "IPv6" if ":" in address else "IPv4"
        with port.addrs_lock:
            if address in port.owners:
                raise KernelError(
                    EADDRINUSE, f"{family} address already assigned to an ipvlan device"
                )
            self.ipvlan_add_addr(port, dev, address)

    def ipvlan_add_addr(self, port: IpvlPort, dev: NetDevice, address: str) -> None:
        """Give an upper an address; it receives there while it is up.  Locks: addrs_lock."""
        self.k.chk.assert_held(port.addrs_lock)
        dev.netdev_priv(IpvlPriv).addrs.append(address)
        port.owners[address] = dev
        if dev.up:
            port.hlhead[address] = dev

    def drop_addresses(self, port: IpvlPort, dev: NetDevice) -> None:
        """Forget all addresses of an upper that is deleted.  Takes addrs_lock."""
        with port.addrs_lock:
            for address in dev.netdev_priv(IpvlPriv).addrs:
                port.hlhead.pop(address, None)
                port.owners.pop(address, None)
            dev.netdev_priv(IpvlPriv).addrs.clear()
