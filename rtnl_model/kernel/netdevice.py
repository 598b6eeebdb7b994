"""`struct net_device`: state, references with their trackers, links to upper and lower devices.

Mirrors include/linux/netdevice.h as far as unregistration sees it.  A `NetDevice` is data; what is
done to it stands in `dev*.py`.  Fields are covered by the RTNL of `dev.net` unless they say more;
the two that are read without it are declared `shared()`.

Left out: queues (but for netkit's leases, which keep theirs in `dev.rx_queues`), features, XDP,
statistics, traffic.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lockcheck.sync.shared import shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lockcheck import Checker
    from lockcheck.sync import Lock, Refcount, Thread

    from .links import LinkDriver
    from .net_namespace import Net

__all__ = ["Adjacent", "NetDevice", "RefTracker", "RegState", "UnregHead"]

P = TypeVar("P")
PrivClass = type[P]
"""The class of a private area (inside NetDevice the name `type` is taken)."""

IFF_UP = 0x1
IFF_RUNNING = 0x40
IFF_NOARP = 0x80
IFF_PROMISC = 0x100
IFF_ALLMULTI = 0x200


class RegState(IntEnum):
    """`dev->reg_state`; it only ever goes up."""

    UNINITIALIZED = 0
    REGISTERED = 1
    UNREGISTERING = 2
    UNREGISTERED = 3
    RELEASED = 4


class UnregHead:
    """A list head that devices are queued on to be unregistered (`unreg_list`).

    Owned by one thread, but for its devices' netns locks nothing covers it.
    """

    __slots__ = ("devs", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.devs: list[NetDevice] = []

    def __iter__(self) -> Iterator[NetDevice]:
        return iter(self.devs)

    def __len__(self) -> int:
        return len(self.devs)

    def __repr__(self) -> str:
        return f"<{self.name}: {' '.join(dev.name for dev in self.devs)}>"


class Worker(Protocol):
    """What works off a list of references."""

    thread: Thread | None
    pid: int
    """The task of that thread."""


@dataclass(slots=True, eq=False)
class RefTracker:
    """Who holds one reference (netdevice_tracker)."""

    dev: NetDevice
    what: str
    live: bool = True
    owner: Worker | None = None
    """Who will drop it, where that is one thread's business."""


@dataclass(slots=True, eq=False)
class Adjacent:
    """One end of an upper/lower link; holds a reference on the device at the other end."""

    dev: NetDevice
    master: bool
    tracker: RefTracker
    private: Any = None


class NetDevice:
    """One network device, from alloc_netdev to free_netdev."""

    reg_state = shared(marked=True)
    """Written under dev.lock; netdev_wait_allrefs_any's notifiers and netdev_get_by_index_lock read
    it without RTNL."""
    net = shared(marked=True)
    """nd_net.  Written under dev.lock and the RTNL of both namespaces; rtnl_net_dev_lock reads it
    without any lock and looks again."""
    rx_handler = shared(marked=True)
    """Who receives on this device (bridge, macvlan, ipvlan, macsec …).  Written under the RTNL of
    its netns, read under RCU by events of other namespaces."""

    # What a fresh device has; covered by the RTNL of its netns.
    listed = False
    dismantle = False
    moving_ns = False
    rtnl_link_initializing = False
    needs_free_netdev = False
    has_priv_destructor = True
    freed = False
    unregister_count = 0
    """How often it entered UNREGISTERING.  invariant: at most 1."""
    flags = 0
    mtu = 1500
    min_mtu = 68
    max_mtu = 65535
    address = ""
    addr_len = 6
    perm_addr = ""
    type = "ether"
    group = 0
    txqlen = 1000
    num_rx_queues = 1
    num_tx_queues = 1
    real_num_rx_queues = 1
    real_num_tx_queues = 1
    carrier = True
    dormant = False
    operstate = "UNKNOWN"
    promiscuity = 0
    allmulti = 0
    netns_immutable = False
    ops_locked = False
    vlan_challenged = False
    no_rx_handler = False
    dont_bridge = False
    lro = False
    """Large receive offload is on: masters without slaves have it, an upper may turn it off."""
    rx_handler_data: Any = None
    parent: str = ""
    """dev.parent: the bus device of a physical device; empty for virtual ones."""
    vlan_info: Any = None
    """8021q's table of this lower."""
    mcast_ref = 0

    def __init__(self, chk: Checker, name: str, net: Net, label: str) -> None:
        self.chk = chk
        self.label = label
        """Stable name of this object for locks and reports; does not follow renames and moves."""
        self.name = name
        self.net = net
        self.reg_state = RegState.UNINITIALIZED
        self.rx_handler = None
        self.ifindex = 0
        self.kind_label = ""
        self.rtnl_link_ops: LinkDriver | None = None
        self.netdev_ops: LinkDriver | None = None
        self.priv: object = None
        """The driver's private area, of the driver's own type.  Helper: netdev_priv()."""

        self.used_after_free: Callable[[NetDevice, str], None]
        """Whom to call when a freed device is used (`lifetime`)."""
        self.instance_lock: Lock
        """dev->lock, the instance lock.  Protects: reg_state and net (writers).
        Order: after the netns' RTNL; before dev_unreg_lock.  Helper: netdev_lock()."""
        self.refcnt: Refcount
        """References; 1 means nobody else has one.  Helper: netdev_hold, netdev_put."""
        self.registered_tracker: RefTracker | None = None
        self.trackers: list[RefTracker] = []
        """Live trackers, for reports; covered by the refcount's own atomicity."""

        self.unreg_list: UnregHead | None = None
        """The head this device is queued on.  Covered by the RTNL of dev.net."""
        self.unreg_list_net: Net | None = None
        """The netns on whose dev_unreg_head it is pending.  Covered by that netns'
        dev_unreg_lock."""
        self.rx_queues: dict[int, Any] = {}
        self.info: dict[str, Any] = {}
        """Whatever a driver keeps for listings."""

        self.upper: list[Adjacent] = []
        self.lower: list[Adjacent] = []
        """Direct uppers and lowers.  Covered by RTNL; in `pernet` by netdev_adjacent_lock, as the
        two ends may be in two namespaces."""
        self.slave_kind = ""

    @property
    def lock(self) -> Lock:
        """The instance lock, for as long as there is one."""
        if self.freed:
            self.used_after_free(self, "instance lock")
        return self.instance_lock

    @property
    def kind(self) -> str:
        """rtnl_link_ops->kind, or "" (lo, physical)."""
        ops = self.rtnl_link_ops
        return ops.kind if ops is not None else ""

    @property
    def up(self) -> bool:
        """IFF_UP."""
        return bool(self.flags & IFF_UP)

    @property
    def noarp(self) -> bool:
        """IFF_NOARP."""
        return bool(self.flags & IFF_NOARP)

    @noarp.setter
    def noarp(self, value: bool) -> None:
        self.flags = self.flags | IFF_NOARP if value else self.flags & ~IFF_NOARP

    @property
    def converted(self) -> bool:
        """May be unregistered by its own netns only (`--strict converted`)."""
        ops = self.rtnl_link_ops or self.netdev_ops
        return ops is not None and ops.converted

    @property
    def master(self) -> NetDevice | None:
        """The master this device is enslaved to."""
        for adjacent in self.upper:
            if adjacent.master:
                return adjacent.dev
        return None

    def netdev_priv(self, cls: PrivClass[P]) -> P:
        """The driver's private area.  Raises: TypeError, when it is another driver's."""
        if self.freed:
            self.used_after_free(self, "private area")
        priv = self.priv
        if not isinstance(priv, cls):
            raise TypeError(f"{self.name} has {type(priv).__name__}, not {cls.__name__}")
        return priv

    def peek_state(self) -> RegState:
        """reg_state for reports and listings: not a scheduling point."""
        state: RegState = self._shared_reg_state.value  # type: ignore[attr-defined]
        return state

    def peek_net(self) -> Net:
        """nd_net for reports, listings and trace lines: not a scheduling point."""
        net: Net = self._shared_net.value  # type: ignore[attr-defined]
        return net

    def holders(self) -> list[str]:
        """What the live trackers say, oldest first."""
        return [tracker.what for tracker in self.trackers]

    def __repr__(self) -> str:
        return f"<{self.name} in {self.peek_net().name} {self.peek_state().name}>"
