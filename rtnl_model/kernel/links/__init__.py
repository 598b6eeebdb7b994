"""How to write a network driver for the model: one class, most of it optional.

`LinkDriver` joins what the kernel keeps in `rtnl_link_ops`, `net_device_ops`, a netdevice notifier
and `pernet_operations`.  A driver is a subclass with `kind`, created once per run by
`Kernel.modprobe` and reachable as `k.links["veth"]`; all its state hangs on the object, on
`dev.priv` or on `net_generic(net)`, never on the module.  `setup` sets `dev.priv = VethPriv()`, and
`dev.netdev_priv(VethPriv)` is that object with its type.  The core calls the methods below with the
locks that the kernel holds there, in every regime; a driver never asks which regime runs.

    class Dummy(LinkDriver):
        kind = "dummy"
        converted = True

        def setup(self, dev):
            dev.needs_free_netdev = True

        def newlink(self, dev, params):
            self.k.dev.register_netdevice(dev)

What a driver calls: `self.k.dev.register_netdevice(dev)`, `.unregister_netdevice_queue(dev,
head)`, `.unregister_netdevice_queue_net(net, dev, head)`, `.unregister_netdevice_many(head)`,
`.unregister_netdevice(dev)`, `.netdev_upper_dev_link(lower, upper)` (`master=True` for a master),
`.netdev_upper_dev_unlink(lower, upper)`, `.dev_net(dev)`, `.netdev_hold(dev, name) -> tracker`,
`.netdev_put(dev, tracker)`, `.dev_open/.dev_close/.dev_set_mtu/.dev_set_mac_address`,
`.netif_carrier_on/.netif_carrier_off`, `.netif_stacked_transfer_operstate(lower, upper)`,
`.netdev_rx_handler_register(dev, owner, data)` / `_unregister`,
`self.k.rtnetlink.rtnl_create_link`, `.rtnl_configure_link`,
`self.k.notifier.call_netdevice_notifiers(event, dev, **info)`, `self.k.ASSERT_RTNL()`,
`self.k.ASSERT_RTNL_NET(net)`, `self.lock("pnodes_lock", instance)`. `head` is an `UnregHead`; None
means: unregister on the spot.

Probes: the function that the recordings name opens itself with `with
self.k.probe.fn("veth_dellink", dev):`, which also puts the name on the model's call stack; a
function without a recorded line uses `with self.k.probe.frame("ipvlan_device_event"):`. Refusals
are `KernelError(errno, extack)`; a WARN() is `self.k.warn(title, dev=…)`, a BUG() `self.k.bug(…)`.
"""

from __future__ import annotations

import zlib
from errno import EADDRNOTAVAIL, EOPNOTSUPP
from typing import TYPE_CHECKING, Any, ClassVar

from ..documents import Fields
from ..errors import KernelError
from ..events import NOTIFY_DONE
from ..netdevice import RegState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck import Lock

    from ..kernel import Kernel
    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import AttrValue, LinkRequest, NewlinkParams, PeerRequest

__all__ = ["LinkDriver", "is_valid_ether_addr"]


def is_valid_ether_addr(address: str) -> bool:
    """Unicast and not all zero."""
    octets = [int(octet, 16) for octet in address.split(":")] if address else []
    return len(octets) == 6 and not octets[0] & 1 and any(octets)


class LinkDriver:
    """One driver module: its link ops, device ops, notifier and pernet operations."""

    kind: ClassVar[str] = ""
    """IFLA_INFO_KIND; empty for a driver without rtnl_link_ops (lo, physical devices)."""
    module: ClassVar[str] = ""
    """Module name for modprobe/rmmod, where it is not `kind`."""
    converted: ClassVar[bool] = False
    """Unregisters devices of other namespaces only through unregister_netdevice_queue_net."""
    upstream: ClassVar[bool] = True
    """False: the conversion in this file is ours, not in any kernel."""
    peer_type: ClassVar[bool] = False
    """The kind has a peer attribute (rtnl_link_ops.peer_type), so its netns is locked too."""
    netns_refund: ClassVar[bool] = False
    """A device with link ops that goes home to init_net when its netns dies."""
    ops_locked: ClassVar[bool] = False
    """Notifiers that the table names run under dev->lock (request_ops_lock and alike)."""
    lockdep_class: ClassVar[str | None] = None
    """Name of the driver's own class of dev->lock (netdev_lockdep_set_classes); None: default."""
    pernet: ClassVar[str | None] = None
    """"subsys" (register_pernet_subsys), "device" (register_pernet_device) or None."""
    has_notifier: ClassVar[bool] = False
    """netdev_event is on the global netdevice chain while the module is loaded."""
    sets_mac_address: ClassVar[bool] = True
    """Has ndo_set_mac_address."""
    validates_addr: ClassVar[bool] = False
    """Its ndo_validate_addr is eth_validate_addr: it does not open without a unicast address."""
    is_master: ClassVar[bool] = False
    """Has ndo_add_slave (bond, bridge, team, vrf, hsr)."""
    queue_mgmt: ClassVar[bool] = False
    """Has queue_mgmt_ops: its receive queues can be leased by others."""
    creates_queues: ClassVar[bool] = False
    """Has ndo_queue_create: it can lease queues of others."""
    module_steps: ClassVar[Sequence[str]] = ("pernet", "notifier", "link")
    """What module_init registers, in this order, as far as the driver has it."""
    exit_steps: ClassVar[Sequence[str]] = ("link", "notifier", "pernet")
    """What module_exit takes back, in this order."""
    depends: ClassVar[Sequence[str]] = ()
    """Kinds whose modules must be loaded first (ipvtap: ipvlan)."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    # -- rtnl_link_ops --

    def setup(self, dev: NetDevice) -> None:
        """Fill a fresh device: dev.priv, mtu, flags, needs_free_netdev, priv_destructor."""

    def alloc(self, asked: LinkRequest | PeerRequest | None) -> None:
        """rtnl_link_ops.alloc, as far as it refuses.  Raises: KernelError."""

    def validate(self, req: LinkRequest) -> None:
        """Refuse attributes before anything is locked for good. Raises: KernelError."""

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """Register dev and publish it; on KernelError everything done is undone, dev is not
        freed."""
        self.k.dev.register_netdevice(dev)

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Queue dev, and what must go with it. Locks: RTNL of dev_net(dev)."""
        self.k.dev.unregister_netdevice_queue(dev, head)

    def changelink(self, dev: NetDevice, data: dict[str, AttrValue]) -> None:
        """`ip link set DEV type KIND …`.

        Raises: KernelError(EOPNOTSUPP) by default in rtnetlink.
        """
        raise KernelError(EOPNOTSUPP)

    def get_link_net(self, dev: NetDevice) -> Net | None:
        """The namespace that IFLA_LINK_NETNSID names (tunnel: backend; upper: of the lower)."""
        return None

    def get_iflink(self, dev: NetDevice) -> int | None:
        """ndo_get_iflink: the ifindex in IFLA_LINK; None = the device's own (no IFLA_LINK)."""
        return None

    def fill_info(self, dev: NetDevice) -> Fields:
        """IFLA_INFO_DATA in `ip -d -j link`'s words, for listings (`{"mode": "l2"}`)."""
        return {}

    # -- net_device_ops --

    def ndo_init(self, dev: NetDevice) -> None:
        """In register_netdevice, before the device is listed. Raises: KernelError."""

    def ndo_uninit(self, dev: NetDevice) -> None:
        """Undo ndo_init: late in unregister_netdevice_many_notify, dev->lock not held."""

    def ndo_open(self, dev: NetDevice) -> None:
        """`link set up`. Raises: KernelError."""

    def ndo_stop(self, dev: NetDevice) -> None:
        """Close."""

    def ndo_set_mac_address(self, dev: NetDevice, address: str) -> None:
        """Default: eth_mac_addr. Raises: KernelError(EADDRNOTAVAIL)."""
        if not is_valid_ether_addr(address):
            raise KernelError(EADDRNOTAVAIL)
        dev.address = address

    def ndo_change_mtu(self, dev: NetDevice, mtu: int) -> None:
        """Default: set it."""
        dev.mtu = mtu

    def ndo_change_rx_flags(self, dev: NetDevice, promiscuity: int) -> None:
        """It became promiscuous (1), or is so no longer (-1).  Locks: RTNL."""

    def ndo_add_slave(self, dev: NetDevice, slave: NetDevice) -> None:
        """Enslave (masters only)."""

    def ndo_del_slave(self, dev: NetDevice, slave: NetDevice) -> None:
        """Release (masters only)."""

    def ndo_queue_create(self, dev: NetDevice) -> int:
        """One more receive queue, for a lease; its index.  Locks: I(dev). Raises: KernelError."""
        raise KernelError(EOPNOTSUPP)

    def must_outlive(self, dev: NetDevice) -> NetDevice | None:
        """The device that dev uses until its destructor, and therefore holds."""
        return None

    def priv_destructor(self, dev: NetDevice) -> None:
        """In netdev_run_todo after the last reference is gone, no lock held."""

    # -- notifier block --

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """Global netdevice chain; return NOTIFY_DONE, NOTIFY_OK or notifier_from_errno(e)."""
        return NOTIFY_DONE

    def inetaddr_event(self, dev: NetDevice, address: str) -> None:
        """Validator and NETDEV_UP of the address chains, for a device of this driver.

        Locks: RTNL of dev's namespace.  Raises: KernelError.
        """

    # -- pernet_operations --

    def init_net(self, net: Net) -> None:
        """Make net_generic(net). Raises: KernelError."""

    def pre_exit_net(self, net: Net) -> None:
        """Before the grace period of a dying netns; no RTNL."""

    def exit_rtnl(self, net: Net, head: UnregHead) -> None:
        """Queue the netns' devices. Locks: RTNL and L(net)."""

    def exit_net(self, net: Net) -> None:
        """After all devices of the netns and all works are done; no lock."""

    def exit_batch(self, nets: Sequence[Net]) -> None:
        """As exit_net, once for the batch."""

    # -- module --

    def module_init(self) -> None:
        """Extra registrations after link ops, notifier and pernet operations are there."""

    def module_exit(self) -> None:
        """First step of rmmod, before everything that `exit_steps` names."""

    # -- for drivers --

    def net_generic(self, net: Net) -> Any:  # each driver's own
        """The driver's data of this netns, put there by init_net."""
        return net.generic[self.kind or self.module]

    def set_net_generic(self, net: Net, data: object) -> None:
        """Called by init_net."""
        net.generic[self.kind or self.module] = data

    def lock(self, lock_class: str, instance: str) -> Lock:
        """Make a driver mutex of the class `KIND.lock_class`, named after what it belongs to."""
        return self.k.make_lock(f"{self.kind}.{lock_class}", instance)

    def dev_net_rcu(self, dev: NetDevice) -> Net:
        """The namespace of a device that may be moving, for a message: old or new, both are
        right."""
        return self.k.dev.dev_net(dev)

    def eth_hw_addr_random(self, dev: NetDevice) -> None:
        """A locally administered address, the same in every run: made from the device's label."""
        digest = zlib.crc32(dev.label.encode("utf-8", "surrogatepass")).to_bytes(4, "big")
        dev.address = f"02:52:{digest.hex(':')}"

    def is_valid_ether_addr(self, address: str) -> bool:
        """Unicast and not all zero."""
        return is_valid_ether_addr(address)

    def assert_not_freed(self, dev: NetDevice, what: str) -> None:
        """The private area of dev is used: report it when free_netdev was there before.

        A look at reg_state, which free_netdev writes, so that an explorer sees the two meet.
        """
        if dev.reg_state is RegState.RELEASED:
            self.k.report_invariant(f"use after free: {what}, {dev.name} is freed", rule="freed")

    def __repr__(self) -> str:
        return f"<driver {self.kind or self.module}>"
