"""What veth and vxcan share: a pair whose pointers are exchanged, and whose ends hold each other.

Mirrors patch 8 of the series (d7fda2c776b2 for veth, 703b31d21e52 for vxcan), step by step.  The
peer pointer is consumed by an atomic exchange only, and whoever got the other end's pointer is the
one who queues the other end: that is what keeps two concurrent deletions of one pair, one per end
and each under its own namespace's lock, from unregistering a device twice.  Each end holds a
tracked reference on the other, which keeps the other's private area alive between the exchange of
its pointer and the queueing.

Every step that a kernel without the patch, or with a defect, does differently is a method.
What every pair does stands in `pair`.  Left out: readers of the pointer under RCU are safe here
because a freed device is still a Python object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lockcheck import own

from ..errors import KernelError
from ..netdevice import PrivateArea
from .pair import PairEnds

if TYPE_CHECKING:
    from lockcheck import Lock
    from lockcheck.sync import AtomicRef

    from ..netdevice import NetDevice, RefTracker, UnregHead
    from ..rtnetlink_request import NewlinkParams


class PairPriv(PrivateArea):
    """netdev_priv() of one end (struct veth_priv, struct vxcan_priv)."""

    peer_tracker: own[RefTracker | None] = own(default=None)
    """Tracks this end's reference on the other end.  Written before `peer` is published, used by
    whoever exchanged it."""
    pair_lock: Lock
    """Only with the fix of G.16: one mutex for both ends, around the whole of dellink."""

    def __init__(self, peer: AtomicRef) -> None:
        self.peer = peer
        """The other end or None.  Only ever taken away by xchg; no lock."""


class PairedDriver(PairEnds):
    """Two registered devices, one newlink, one dellink for both."""

    converted: ClassVar[bool] = True

    def setup(self, dev: NetDevice) -> None:
        """Make the private area; the pointer is published only when both ends are registered."""
        dev.priv = PairPriv(self.k.chk.AtomicRef(f"{self.kind}.peer:{dev.label}", None))
        dev.needs_free_netdev = True

    # -- newlink --

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """Register the peer, then dev, then publish both pointers.

        Locks: RTNL of dev_net(dev) and of the peer's namespace.
        """
        self.k.ASSERT_RTNL_NET(self.k.dev.dev_net(dev))
        self.k.ASSERT_RTNL_NET(params.rtnl_newlink_peer_net())
        self.newlink_pair(dev, params)

    def publish_pair(self, dev: NetDevice, peer: NetDevice) -> None:
        """Publish dev -> peer and hold peer, then peer -> dev and hold dev; both or neither."""
        self.publish(dev, peer)
        try:
            self.init_queues(dev)
            self.publish(peer, dev)
            self.init_queues(peer)
        except KernelError:
            self.unpublish(peer)
            self.unpublish(dev)
            self.k.dev.unregister_netdevice(dev)
            raise

    def publish(self, dev: NetDevice, peer: NetDevice) -> None:
        """Give dev its pointer and its tracked reference, which keeps peer and its private area."""
        priv = dev.netdev_priv(PairPriv)
        priv.peer_tracker = self.k.dev.netdev_hold(peer, f"{self.kind}_priv.peer")
        priv.peer.set(peer)

    def unpublish(self, dev: NetDevice) -> None:
        """Take the pointer back on an error path and drop its reference."""
        peer = dev.netdev_priv(PairPriv).peer.xchg(None)
        self.k.dev.netdev_put(peer, dev.netdev_priv(PairPriv).peer_tracker)

    def init_queues(self, dev: NetDevice) -> None:
        """Queue set-up; does not fail here, but its error path is the kernel's.

        Raises: KernelError.
        """

    # -- dellink --

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Take both pointers; queue what this call won; drop the references won.

        Locks: RTNL of dev_net(dev); the peer's namespace need not be locked.
        """
        k = self.k
        with k.probe.fn(f"{self.kind}_dellink", dev):
            k.ASSERT_RTNL_NET(k.dev.dev_net(dev))
            peer = self.take_peer(dev)
            if peer is None:
                return  # the other end's dellink queued this device already
            k.dev.unregister_netdevice_queue(dev, head)
            self.assert_not_freed(peer, "its peer pointer is exchanged")
            back = self.take_peer(peer)
            if back is not None:
                self.queue_peer(back, peer, head)
            self.put_pair(dev, peer, back)

    def take_peer(self, dev: NetDevice) -> NetDevice | None:
        """xchg(priv(dev).peer, NULL): at most one caller ever gets the pointer."""
        peer: NetDevice | None = dev.netdev_priv(PairPriv).peer.xchg(None)
        return peer

    def queue_peer(self, dev: NetDevice, peer: NetDevice, head: UnregHead | None) -> None:
        """Hand the peer to its own namespace; `dev` names the namespace whose lock is held."""
        self.k.dev.unregister_netdevice_queue_net(self.k.dev.dev_net(dev), peer, head)

    def put_pair(self, dev: NetDevice, peer: NetDevice, back: NetDevice | None) -> None:
        """Drop the hold on peer, then the one on dev, whose tracker lies in peer's private area.

        XXX: this is 7.3's order (G.13): after the first put nothing keeps peer alive.
        """
        self.k.dev.netdev_put(peer, dev.netdev_priv(PairPriv).peer_tracker)
        if back is not None:
            self.assert_not_freed(peer, "its peer_tracker is used")
            self.k.dev.netdev_put(back, peer.netdev_priv(PairPriv).peer_tracker)

    # -- readers of the pointer --

    def get_peer(self, dev: NetDevice) -> NetDevice | None:
        """priv.peer, as it is now."""
        peer: NetDevice | None = dev.netdev_priv(PairPriv).peer.get()
        return peer
