"""netkit: BPF-driven pairs and single devices (drivers/net/netkit.c), as Linux 7.3 has it:
unconverted.

A pair is made like veth's (`pair`), but the peer pointers are plain, hold nothing, and are cleared
under the global RTNL; a device of another namespace is queued on the caller's own list.  The end
that is not primary, or a single device, may lease receive queues of a physical device
(`netdev_rx_queue`); an application pins the netkit, its lease pins the physical device, so when
that one unregisters the netkits must go with it: `netkit_notifier` collects them and unregisters
them in one nested batch.

Every step that the conversion (`netkit_pernet`) or a kernel before the notifier does differently is
a method.  Left out: BPF programs (release asserts its lock), policies' effect, scrubbing, headroom.
"""

from __future__ import annotations

from errno import EACCES, EADDRNOTAVAIL, EINVAL, EOPNOTSUPP
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..documents import Fields
from ..errors import KernelError
from ..events import NOTIFY_DONE
from ..guards import TheLock
from ..netdevice import (
    IFF_NOARP,
    RTNL_OF_AREA,
    PrivateArea,
    RegState,
    UnregHead,
)
from ..rtnetlink_request import PeerRequest
from . import is_valid_ether_addr
from .pair import PairEnds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck import Lock

    from ..netdev_rx_queue import NetdevRxQueue
    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import AttrValue, LinkRequest, NewlinkParams

RX_QUEUES_MAX = 1024
TX_QUEUES_MAX = 1
FIXED_PARAMS = {
    "mode": "operating mode",
    "scrub": "scrubbing",
    "headroom": "headroom",
    "tailroom": "tailroom",
}
"""What cannot be changed afterwards, and its name in the refusal."""
POLICIES = ("forward", "pass", "blackhole", "drop")


def _peer_lock(priv: NetkitPriv) -> Lock | None:
    """RTNL in 7.3; the conversion has a lock for both ends."""
    return priv.writers_lock()


class NetkitPriv(PrivateArea):
    """netdev_priv() of one end (struct netkit)."""

    peer: guarded[NetDevice | None] = guarded(
        TheLock(_peer_lock, "RTNL (in pernet: &nk->pair_lock)", lambda priv: priv.netdev.is_public),
        reads="once",
        default=None,
    )
    """The other end, not referenced."""
    primary = guarded[bool](RTNL_OF_AREA, reads="any", default=True)
    pair = guarded[bool](RTNL_OF_AREA, reads="any", default=True)
    """NETKIT_DEVICE_PAIR; False: NETKIT_DEVICE_SINGLE."""
    mode = guarded[str](RTNL_OF_AREA, reads="any", default="l3")
    policy = guarded[str](RTNL_OF_AREA, reads="any", default="forward")
    scrub = guarded[str](RTNL_OF_AREA, reads="any", default="default")

    def writers_lock(self) -> Lock | None:
        """What covers `peer`: RTNL of the device."""
        return self.netdev.peek_net().rtnl_guard


class Netkit(PairEnds):
    """netkit_link_ops, netkit_netdev_ops, its queue management and netkit_netdev_notifier."""

    kind: ClassVar[str] = "netkit"
    unnamed_peer: ClassVar[str] = "nk%d"
    ops_locked: ClassVar[bool] = True
    lockdep_class: ClassVar[str | None] = "netkit"
    has_notifier: ClassVar[bool] = True
    module_steps: ClassVar[Sequence[str]] = ("link", "notifier")
    exit_steps: ClassVar[Sequence[str]] = ("notifier", "link")
    creates_queues: ClassVar[bool] = True
    queue_mgmt: ClassVar[bool] = True

    def setup(self, dev: NetDevice) -> None:
        """netkit_setup."""
        dev.priv = NetkitPriv()
        dev.flags |= IFF_NOARP
        dev.needs_free_netdev = True

    def validate(self, req: LinkRequest) -> None:
        """netkit_validate, and netkit_alloc's limits of queues."""
        data = req.data
        if req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL)
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL)
        if data.get("mode", "l3") not in ("l2", "l3"):
            raise KernelError(EINVAL, "Provided device mode can only be L2 or L3")
        peer = req.peer.attrs if req.peer is not None else {}
        if data.get("policy", "forward") not in POLICIES or (
            peer.get("policy", "forward") not in POLICIES
        ):
            raise KernelError(EINVAL, "Provided default xmit policy not supported")

    def alloc(self, asked: LinkRequest | PeerRequest | None) -> None:
        """netkit_alloc. Raises: KernelError(EOPNOTSUPP)."""
        if self.asked_queues(asked, "rx") > RX_QUEUES_MAX:
            raise KernelError(EOPNOTSUPP)
        if self.asked_queues(asked, "tx") > TX_QUEUES_MAX:
            raise KernelError(EOPNOTSUPP)

    def asked_queues(self, asked: LinkRequest | PeerRequest | None, which: str) -> int:
        """IFLA_NUM_RX_QUEUES or IFLA_NUM_TX_QUEUES of one end; the default is one."""
        if isinstance(asked, PeerRequest):
            return int(str(asked.attrs.get(f"num{which}queues", 1)))
        if asked is None:
            return 1
        return (asked.num_rx_queues if which == "rx" else asked.num_tx_queues) or 1

    # -- newlink --

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """netkit_new_link: the peer first, then dev, then both pointers; a single device alone.

        Locks: RTNL of dev_net(dev) and of the peer's namespace.
        """
        k = self.k
        k.ASSERT_RTNL_NET(k.dev.dev_net(dev))
        k.ASSERT_RTNL_NET(params.rtnl_newlink_peer_net())
        pair = str(params.data.get("pairing", "pair")) != "single"
        self.check_attributes(params, pair)
        self.fill_priv(
            dev.netdev_priv(NetkitPriv), params.data, params.data, primary=True, pair=pair
        )
        if not pair:
            self.register_end(dev, params.req.address)
            return
        self.newlink_pair(dev, params)

    def check_attributes(self, params: NewlinkParams, pair: bool) -> None:
        """What a mode or a pairing excludes. Raises: KernelError(EOPNOTSUPP)."""
        req = params.req
        peer = req.peer
        if not pair and (peer is not None or "scrub" in req.data):
            raise KernelError(EOPNOTSUPP)
        given = req.address is not None or (peer is not None and peer.address is not None)
        if given and str(req.data.get("mode", "l3")) != "l2":
            raise KernelError(EOPNOTSUPP)

    def fill_priv(
        self,
        priv: NetkitPriv,
        data: dict[str, AttrValue],
        own: dict[str, AttrValue],
        *,
        primary: bool,
        pair: bool,
    ) -> None:
        """Attributes into one end's private area: the mode of both, this end's own policies."""
        priv.primary = primary
        priv.pair = pair
        priv.mode = str(data.get("mode", "l3"))
        priv.policy = str(own.get("policy", "forward"))
        priv.scrub = str(own.get("scrub", "default"))

    def create_peer(self, asked: PeerRequest | None, params: NewlinkParams) -> NetDevice:
        """The peer with its queues, mode and policies."""
        peer = super().create_peer(asked, params)
        attrs = {} if asked is None else asked.attrs
        peer.num_rx_queues = self.asked_queues(asked, "rx")
        self.fill_priv(peer.netdev_priv(NetkitPriv), params.data, attrs, primary=False, pair=True)
        return peer

    def register_end(self, dev: NetDevice, address: str | None) -> None:
        """In L2 mode an end has an address and does ARP.  Raises: KernelError."""
        l2 = dev.netdev_priv(NetkitPriv).mode == "l2"
        if l2 and address is None:
            self.eth_hw_addr_random(dev)
        super().register_end(dev, address)
        if l2:
            self.k.dev.dev_change_flags(dev, dev.flags & ~IFF_NOARP)

    def publish_pair(self, dev: NetDevice, peer: NetDevice) -> None:
        """Both pointers; nothing is held."""
        dev.netdev_priv(NetkitPriv).peer = peer
        peer.netdev_priv(NetkitPriv).peer = dev

    # -- dellink --

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """netkit_del_link: clear both pointers, queue both ends on the caller's list.

        Locks: RTNL.
        """
        with self.k.probe.fn("netkit_del_link", dev):
            self.k.ASSERT_RTNL()
            priv = dev.netdev_priv(NetkitPriv)
            peer = priv.peer
            priv.peer = None
            self.k.dev.unregister_netdevice_queue(dev, head)
            if peer is not None:
                peer.netdev_priv(NetkitPriv).peer = None
                if not self.already_queued(peer):
                    self.k.dev.unregister_netdevice_queue(peer, head)

    def already_queued(self, dev: NetDevice) -> bool:
        """unregister_netdevice_queued: on a kill list.  Does not see a pending device."""
        queued: bool = self.k.dev.unregister_netdevice_queued(dev)
        return queued

    # -- notifier --

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """netkit_notifier: a physical device unregisters, the netkits that lease from it go first.

        Locks: RTNL, not I(dev).
        """
        if event != "UNREGISTER":
            return NOTIFY_DONE
        self.k.probe.note("netkit_notifier", dev, val="6")
        if dev.reg_state != RegState.UNREGISTERING or not dev.parent:
            return NOTIFY_DONE  # a move, a repeat, or a virtual device
        with self.k.probe.frame("netkit_notifier"):
            self.delete_lessees(dev)
        return NOTIFY_DONE

    def delete_lessees(self, phys: NetDevice) -> None:
        """Collect under I(phys), unregister after it: their uninit takes I(virt), then I(phys).

        Locks: not I(phys) on entry.
        """
        self.k.chk.assert_not_held(phys.lock)
        head = UnregHead(f"netkit_notifier:{phys.label}")
        with phys.lock:
            for virt in self.lessees(phys):
                if not self.already_queued(virt):
                    self.dellink(virt, head)
        self.k.dev.unregister_netdevice_many(head)

    def lessees(self, phys: NetDevice) -> list[NetDevice]:
        """Netkit devices that lease from phys, in the order of its queues.  Locks: I(phys)."""
        found: list[NetDevice] = []
        for index in range(phys.real_num_rx_queues):
            lease: NetdevRxQueue | None = self.k.netdev_rx_queue.netif_get_rx_queue_lease(
                phys, index
            )
            if lease is not None and lease.dev is not phys and lease.dev.netdev_ops is self:
                found.append(lease.dev)
        return found

    # -- net_device_ops and queue management --

    def ndo_uninit(self, dev: NetDevice) -> None:
        """netkit_uninit: programs, then leases."""
        with self.k.probe.fn("netkit_uninit", dev):
            self.release_all(dev)
            self.queue_unlease(dev)

    def release_all(self, dev: NetDevice) -> None:
        """netkit_release_all: detach programs and links.  Locks: RTNL."""
        self.k.ASSERT_RTNL()

    def queue_unlease(self, dev: NetDevice) -> None:
        """netkit_queue_unlease.  Takes I(dev), and I(phys) per leased queue."""
        self.k.netdev_rx_queue.queue_unlease_all(dev)

    def ndo_queue_create(self, dev: NetDevice) -> int:
        """netkit_queue_create: one more real queue; its index is returned.  Locks: I(dev).

        Raises: KernelError.
        """
        self.k.chk.assert_held(dev.lock)
        if dev.netdev_priv(NetkitPriv).pair and dev.netdev_priv(NetkitPriv).primary:
            raise KernelError(EOPNOTSUPP, "netkit can only lease against the peer device")
        index = dev.real_num_rx_queues
        if index >= dev.num_rx_queues:
            raise KernelError(EINVAL, "netkit maximum queue limit reached")
        dev.real_num_rx_queues = index + 1
        return index

    def get_peer(self, dev: NetDevice) -> NetDevice | None:
        """nk.peer, as it is now."""
        return dev.netdev_priv(NetkitPriv).peer

    def ndo_open(self, dev: NetDevice) -> None:
        """As every end; a single device has carrier at once.  Raises: KernelError(ENOTCONN)."""
        if dev.netdev_priv(NetkitPriv).pair:
            super().ndo_open(dev)
        else:
            self.k.dev.netif_carrier_on(dev)

    def ndo_set_mac_address(self, dev: NetDevice, address: str) -> None:
        """Only L2 devices have one to set. Raises: KernelError(EOPNOTSUPP)."""
        if dev.netdev_priv(NetkitPriv).mode != "l2":
            raise KernelError(EOPNOTSUPP)
        dev.address = address

    def changelink(self, dev: NetDevice, data: dict[str, AttrValue]) -> None:
        """netkit_change_link: the policy, through the primary only. Raises: KernelError(EACCES)."""
        priv = dev.netdev_priv(NetkitPriv)
        if not priv.primary:
            raise KernelError(
                EACCES, "netkit link settings can be changed only through the primary device"
            )
        for key, name in FIXED_PARAMS.items():
            if key in data:
                raise KernelError(
                    EACCES, f"netkit link {name} cannot be changed after device creation"
                )
        if "policy" in data:
            priv.policy = str(data["policy"])

    def fill_info(self, dev: NetDevice) -> Fields:
        """The mode; policies and scrubbing are not among what the recordings kept."""
        return {"mode": dev.netdev_priv(NetkitPriv).mode}
