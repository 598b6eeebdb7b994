"""`struct net_device`: state, references with their trackers, links to upper and lower devices.

Mirrors include/linux/netdevice.h as far as unregistration sees it.  A `NetDevice` is data; what is
done to it stands in `dev*.py`.  Each attribute that changes says what protects it (`guards`).

Left out: queues (but for netkit's leases, which keep theirs in `dev.rx_queues`), features, XDP,
statistics, traffic.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lockcheck import guarded, own, shared

from .documents import Fields
from .guards import Bookkeeping, Both, RtnlGuard, TheLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lockcheck import Checker, Lock, Thread
    from lockcheck.sync import Refcount

    from .links import LinkDriver
    from .net_namespace import Net

__all__ = [
    "RTNL_OF_AREA",
    "Adjacent",
    "NetDevice",
    "PrivateArea",
    "RefTracker",
    "RegState",
    "UnregHead",
]

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

    devs: own[list[NetDevice]] = own()

    def __init__(self, name: str) -> None:
        self.name = name
        self.devs = []

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
    live: Bookkeeping[bool] = True
    owner: Bookkeeping[Worker | None] = None
    """Who will drop it, where that is one thread's business."""


@dataclass(slots=True, eq=False)
class Adjacent:
    """One end of an upper/lower link; holds a reference on the device at the other end."""

    dev: NetDevice
    master: bool
    tracker: RefTracker
    private: object = None


def _dev_unreg_lock(dev: NetDevice) -> Lock:
    """The dev_unreg_lock of the namespace that would unregister it."""
    return dev.peek_net().dev_unreg_lock


def _rx_handler_lock(dev: NetDevice) -> Lock:
    """RTNL, where it exists; else the instance lock of the lower: its uppers may live anywhere."""
    net = dev.peek_net()
    return dev.instance_lock if net.adjacent_guard is not net.rtnl_guard else net.rtnl_guard


def _queues_lock(dev: NetDevice) -> Lock:
    """The instance lock of an ops-locked device, else RTNL of its namespace."""
    return dev.instance_lock if dev.ops_locked else dev.peek_net().rtnl_guard


def _known(dev: NetDevice) -> bool:
    return dev.is_public


I_OF_DEV = TheLock(lambda dev: dev.instance_lock, "dev->lock", _known)
QUEUES_OF_DEV = TheLock(_queues_lock, "dev->lock (RTNL where it is not ops-locked)", _known)
RX_HANDLER = TheLock(_rx_handler_lock, "RTNL (in pernet: dev->lock)", _known)
RTNL_OF_DEV = RtnlGuard(lambda dev: dev.peek_net(), "dev.net", _known)
ADJACENT = TheLock(
    lambda dev: dev.peek_net().adjacent_guard, "RTNL (in pernet: netdev_adjacent_lock)", _known
)
"""Of upper and lower lists."""


class PrivateArea:
    """netdev_priv() of a device: what its driver keeps there says what protects it."""

    netdev: NetDevice
    """The device, from the assignment to its `priv` on."""
    chk: Checker
    label: str
    """Stable name, as the device's."""


def _net_of_area(area: PrivateArea) -> Net | None:
    netdev: NetDevice | None = vars(area).get("netdev")
    return None if netdev is None else netdev.peek_net()


RTNL_OF_AREA = RtnlGuard(
    _net_of_area, "its device's net", lambda area: "netdev" in vars(area) and area.netdev.is_public
)


class NetDevice:
    """One network device, from alloc_netdev to free_netdev."""

    reg_state = guarded[RegState](I_OF_DEV, reads="once")
    """netdev_wait_allrefs_any's notifiers and netdev_get_by_index_lock read it without RTNL."""
    net: guarded[Net] = guarded(Both(RTNL_OF_DEV, I_OF_DEV), reads="once")
    """nd_net.  rtnl_net_dev_lock reads it without any lock and looks again."""
    rx_handler: guarded[str | None] = guarded(RX_HANDLER, reads="once")
    """Who receives on this device (bridge, macvlan, ipvlan, macsec …).  Read under RCU by events of
    other namespaces."""
    rx_handler_data = guarded[Any](RX_HANDLER, reads="once", default=None)  # each handler's own

    name = guarded[str](RTNL_OF_DEV, reads="once")
    """Messages about a lower of another namespace copy it under netdev_rename_lock."""
    ifindex = guarded[int](RTNL_OF_DEV, reads="once")
    listed = guarded[bool](RTNL_OF_DEV, default=False)
    dismantle = guarded[bool](RTNL_OF_DEV, default=False)
    moving_ns = guarded[bool](Both(RTNL_OF_DEV, I_OF_DEV), default=False)
    rtnl_link_initializing = guarded[bool](RTNL_OF_DEV, default=False)
    needs_free_netdev = guarded[bool](RTNL_OF_DEV, default=False)
    flags = guarded[int](RTNL_OF_DEV, reads="once", default=0)
    mtu = guarded[int](RTNL_OF_DEV, reads="once", default=1500)
    min_mtu = guarded[int](RTNL_OF_DEV, reads="once", default=68)
    max_mtu = guarded[int](RTNL_OF_DEV, reads="once", default=65535)
    address = guarded[str](RTNL_OF_DEV, reads="once", default="")
    perm_addr = guarded[str](RTNL_OF_DEV, default="")
    group = guarded[int](RTNL_OF_DEV, reads="once", default=0)
    lro = guarded[bool](RTNL_OF_DEV, default=False)
    """Large receive offload is on: masters without slaves have it, an upper may turn it off."""
    type = guarded[str](RTNL_OF_DEV, reads="any", default="ether")
    """A bond or a team without slaves takes its first slave's."""
    txqlen = guarded[int](RTNL_OF_DEV, reads="once", default=1000)
    num_rx_queues = guarded[int](QUEUES_OF_DEV, reads="any", default=1)
    num_tx_queues = guarded[int](QUEUES_OF_DEV, reads="any", default=1)
    real_num_rx_queues = guarded[int](QUEUES_OF_DEV, reads="any", default=1)
    real_num_tx_queues = guarded[int](QUEUES_OF_DEV, reads="any", default=1)
    carrier = shared(marked=True)
    dormant = shared(marked=True)
    """Atomic bits of dev->state: set by anybody."""
    operstate = guarded[str](RTNL_OF_DEV, reads="once", default="UNKNOWN")
    promiscuity = guarded[int](RTNL_OF_DEV, default=0)
    allmulti = guarded[int](RTNL_OF_DEV, default=0)
    vlan_info = guarded[Any](RTNL_OF_DEV, reads="once", default=None)  # 8021q's own
    """8021q's table of this lower."""
    slave_kind = guarded[str](RTNL_OF_DEV, default="")
    registered_tracker: guarded[RefTracker | None] = guarded(RTNL_OF_DEV, default=None)
    unreg_list: guarded[UnregHead | None] = guarded(RTNL_OF_DEV, reads="any", default=None)
    """The head this device is queued on; DEBUG_NET_WARN looks at it from elsewhere."""
    unreg_list_net: guarded[Net | None] = guarded(
        TheLock(_dev_unreg_lock, "net->dev_unreg_lock"), default=None
    )
    """The netns on whose dev_unreg_head it is pending."""
    upper: guarded[list[Adjacent]] = guarded(ADJACENT)
    lower: guarded[list[Adjacent]] = guarded(ADJACENT)
    """Direct uppers and lowers."""
    rx_queues = guarded[dict[int, Any]](I_OF_DEV, reads="any")  # a lease, of the queue's own file
    """Made on first use; who only asks whether there are any needs nothing."""
    info = guarded[Fields](RTNL_OF_DEV)
    """Whatever a driver keeps for listings."""
    sysctl = guarded[Any](RTNL_OF_DEV, reads="once", default=None)  # addrconf's own
    """Its table in net/ipv6/conf; found without RTNL, used while it is counted as in use."""

    # Set by its maker, constant once it is registered.
    addr_len = 6
    netns_immutable = False
    ops_locked = False
    vlan_challenged = False
    no_rx_handler = False
    dont_bridge = False
    parent: str = ""
    """dev.parent: the bus device of a physical device; empty for virtual ones."""

    torn_down: Bookkeeping[bool] = False
    """Everybody has heard its NETDEV_UNREGISTER: it waits for references, or is on the move."""
    freed: Bookkeeping[bool] = False
    unregister_count: Bookkeeping[int] = 0
    """How often it entered UNREGISTERING.  invariant: at most 1."""
    trackers: Bookkeeping[list[RefTracker]]
    """Live trackers, for reports; they change with the count."""

    def __init__(self, chk: Checker, name: str, net: Net, label: str) -> None:
        self.chk = chk
        self.label = label
        """Stable name of this object for locks and reports; does not follow renames and moves."""
        self.name = name
        self.net = net
        self.reg_state = RegState.UNINITIALIZED
        self.rx_handler = None
        self.ifindex = 0
        self.rtnl_link_ops: LinkDriver | None = None
        self.netdev_ops: LinkDriver | None = None
        self._priv: object = None

        self.used_after_free: Callable[[NetDevice, str], None]
        """Whom to call when a freed device is used (`lifetime`)."""
        self.instance_lock: Lock
        """dev->lock, the instance lock.  Protects: reg_state and net (writers).
        Order: after the netns' RTNL; before dev_unreg_lock.  Helper: netdev_lock()."""
        self.refcnt: Refcount
        """References; 1 means nobody else has one.  Helper: netdev_hold, netdev_put."""
        self.carrier = True
        self.dormant = False
        self.trackers = []
        self.rx_queues = {}
        self.info = {}
        self.upper = []
        self.lower = []

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
        """The master this device is enslaved to.  Locks: what covers `upper`."""
        for adjacent in self.upper:
            if adjacent.master:
                return adjacent.dev
        return None

    @property
    def priv(self) -> object:
        """The driver's private area, of the driver's own type.  Helper: netdev_priv()."""
        return self._priv

    @priv.setter
    def priv(self, area: object) -> None:
        self._priv = area
        if isinstance(area, PrivateArea):
            area.netdev = self
            area.chk = self.chk
            area.label = f"priv of {self.label}"

    def netdev_priv(self, cls: PrivClass[P]) -> P:
        """The driver's private area.  Raises: TypeError, when it is another driver's."""
        if self.freed:
            self.used_after_free(self, "private area")
        priv = self.priv
        if not isinstance(priv, cls):
            raise TypeError(f"{self.name} has {type(priv).__name__}, not {cls.__name__}")
        return priv

    @property
    def is_public(self) -> bool:
        """Do others know it?  Before, it is its maker's; after RTNL's end its todo's."""
        state: RegState = vars(self).get("reg_state", RegState.UNINITIALIZED)
        return RegState.REGISTERED <= state <= RegState.UNREGISTERING

    def peek_name(self) -> str:
        """Its name for reports and trace lines: no access of the kernel's."""
        name: str = vars(self)["name"]
        return name

    def peek_state(self) -> RegState:
        """reg_state for reports and listings: not a scheduling point."""
        state: RegState = vars(self)["reg_state"]
        return state

    def peek_net(self) -> Net:
        """nd_net for reports, listings and trace lines: not a scheduling point."""
        net: Net = vars(self)["net"]
        return net

    def holders(self) -> list[str]:
        """What the live trackers say, oldest first."""
        return [tracker.what for tracker in self.trackers]

    def __repr__(self) -> str:
        return f"<{self.name} in {self.peek_net().name} {self.peek_state().name}>"
