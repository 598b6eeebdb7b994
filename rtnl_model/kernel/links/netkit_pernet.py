"""netkit without a global RTNL: a conversion in the series' manner.  Not upstream.

What changes, and why:

* Deletion is claimed once per pair, by a flag under the pair's own mutex, and both ends are queued
  in the same critical section, each to its namespace: a test of "already queued" would not see a
  pending device, and a claim decided before the queueing could outlive the peer's namespace.
* The notifier only collects under the physical device's instance lock, with a reference on each
  netkit; queueing takes the netkit's instance lock, which must come *before* the physical one's.
* The physical device may be unregistered by one thread, its lessee by a second, the primary by a
  third: the first waits for the lease's references with no lock held, and nobody waits for it.
* open and stop reach the peer with a reference of their own (`pair_pernet`).

Only what changes stands in this file.
"""

from __future__ import annotations

from errno import EBUSY
from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..errors import KernelError
from ..netdevice import RTNL_OF_AREA, UnregHead
from .netkit import Netkit, NetkitPriv
from .pair_pernet import HeldPeer

if TYPE_CHECKING:
    from lockcheck import Lock

    from ..net_namespace import Net
    from ..netdevice import NetDevice, RefTracker


class NetkitPair:
    """What the two ends of a pair share; a single device has one alone."""

    dying = guarded[bool]("lock", default=False)
    """Both ends are queued."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock
        """Protects: dying, both ends' `peer` (writers), and makes claim and queueing one step.
        Order: after the namespaces' RTNL, before an end's instance lock.  Never inside one."""


class NetkitPernetPriv(NetkitPriv):
    """One end."""

    shared = guarded[NetkitPair](RTNL_OF_AREA, reads="any")
    """Its primary's, from publish_pair on."""

    def __init__(self, shared: NetkitPair) -> None:
        super().__init__()
        self.shared = shared

    def writers_lock(self) -> Lock:
        """The pair's own."""
        return self.shared.lock


class NetkitPernet(HeldPeer, Netkit):
    """Ours."""

    converted: ClassVar[bool] = True

    def setup(self, dev: NetDevice) -> None:
        """Every device starts with a pair object of its own; a peer joins its primary's."""
        super().setup(dev)
        dev.priv = NetkitPernetPriv(NetkitPair(self.k.make_lock("&nk->pair_lock", dev.label)))

    def publish_pair(self, dev: NetDevice, peer: NetDevice) -> None:
        """One pair object, then both pointers; until here the peer cannot lease."""
        shared = dev.netdev_priv(NetkitPernetPriv).shared
        peer.netdev_priv(NetkitPernetPriv).shared = shared
        with shared.lock:
            dev.netdev_priv(NetkitPernetPriv).peer = peer
            peer.netdev_priv(NetkitPernetPriv).peer = dev

    def ndo_queue_create(self, dev: NetDevice) -> int:
        """A lease could bring the notifier to an end that is not published. Raises: KernelError."""
        with self.k.rcu.reading():
            published = self.get_peer(dev) is not None
        if dev.netdev_priv(NetkitPernetPriv).pair and not published:
            raise KernelError(EBUSY)
        return super().ndo_queue_create(dev)

    # -- dellink --

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Claim the pair and queue both ends, or do nothing.  Locks: RTNL of dev_net(dev)."""
        with self.k.probe.fn("netkit_del_link", dev):
            net = self.k.dev.dev_net(dev)
            self.k.ASSERT_RTNL_NET(net)
            self.delete_pair(net, dev, head)

    def delete_pair(self, net: Net, dev: NetDevice, head: UnregHead | None) -> None:
        """The claim; `net` is the namespace whose lock the caller owns.  Takes the pair's lock."""
        self.k.ASSERT_RTNL_NET(net)
        shared = dev.netdev_priv(NetkitPernetPriv).shared
        with shared.lock:
            if shared.dying:
                return  # both ends are queued
            shared.dying = True
            peer = self.forget_peer(shared, dev)
            self.k.dev.unregister_netdevice_queue_net(net, dev, head)
            if peer is not None:
                self.k.dev.unregister_netdevice_queue_net(net, peer, head)

    def forget_peer(self, shared: NetkitPair, dev: NetDevice) -> NetDevice | None:
        """Clear both pointers.  Locks: shared.lock."""
        self.k.chk.assert_held(shared.lock)
        peer = self.get_peer(dev)
        dev.netdev_priv(NetkitPernetPriv).peer = None
        if peer is not None:
            peer.netdev_priv(NetkitPernetPriv).peer = None
        return peer

    # -- notifier --

    def delete_lessees(self, phys: NetDevice) -> None:
        """Collect with references under I(phys); queue with no instance lock held."""
        self.k.chk.assert_not_held(phys.lock)
        collected: list[tuple[NetDevice, RefTracker | None]] = []
        with phys.lock:
            for virt in self.lessees(phys):
                if not any(virt is other for other, _ in collected):
                    collected.append((virt, self.k.dev.netdev_hold(virt, "netkit_notifier")))
        head = UnregHead(f"netkit_notifier:{phys.label}")
        net = self.k.dev.dev_net(phys)
        for virt, tracker in collected:
            with self.k.probe.fn("netkit_del_link", virt):
                self.delete_pair(net, virt, head)
            self.k.dev.netdev_put(virt, tracker)
        self.k.dev.unregister_netdevice_many(head)

    # -- net_device_ops --

    def release_all(self, dev: NetDevice) -> None:
        """Programs of this end are covered by its own namespace."""
        self.k.ASSERT_RTNL_NET(self.k.dev.dev_net(dev))

    def pair_is_locked(self, dev: NetDevice) -> bool:
        """The pair's mutex, which every writer has."""
        return self.k.rtnl.owns(dev.netdev_priv(NetkitPernetPriv).shared.lock)
