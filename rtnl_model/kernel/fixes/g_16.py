"""G.16: the winner of the exchange queues before anybody can see that it won.

7.3 exchanges both pointers, and queues the peer afterwards.  Without RTNL the peer's namespace may
die in between: its dellink finds the pointer gone and does nothing, its exit, its flush and its end
pass with the peer still listed, and then the peer is queued to a namespace that is no more.  Here
one mutex of the pair is around exchanges and queueing, as ipvlan, bareudp and geneve have one; who
comes second finds its device queued, and the unlock of its own namespace drains it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..links.paired import PairedDriver, PairPriv
from ..overlay import Fix

if TYPE_CHECKING:
    from ..netdevice import NetDevice, UnregHead

__all__ = ["FIX"]


class OneDecision(PairedDriver):
    """A mutex of the pair around the exchange and the queueing."""

    def setup(self, dev: NetDevice) -> None:
        """A mutex; two ends that are published share the first one's."""
        super().setup(dev)
        dev.netdev_priv(PairPriv).pair_lock = self.k.make_lock(
            f"&{self.kind}->pair_lock", dev.label
        )

    def publish_pair(self, dev: NetDevice, peer: NetDevice) -> None:
        """From here both ends have one mutex."""
        peer.netdev_priv(PairPriv).pair_lock = dev.netdev_priv(PairPriv).pair_lock
        super().publish_pair(dev, peer)

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Locks: RTNL of dev_net(dev); takes the pair's mutex, then instance locks."""
        with dev.netdev_priv(PairPriv).pair_lock:
            super().dellink(dev, head)

    def take_peer(self, dev: NetDevice) -> NetDevice | None:
        """Locks: the pair's mutex, until what is won is queued."""
        self.k.chk.assert_held(dev.netdev_priv(PairPriv).pair_lock)
        return super().take_peer(dev)


FIX = Fix(
    "G.16",
    "who wins a pair and who queues it is one step",
    "Between the exchange and the queueing the peer's namespace may finish its exit.",
    {"links.veth": OneDecision, "links.vxcan": OneDecision},
)
