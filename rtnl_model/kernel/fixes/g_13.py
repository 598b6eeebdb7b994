"""G.13: the tracker kept in the peer's private area is used before the peer's hold is dropped.

veth and vxcan put the reference on the peer first; after that nothing keeps the peer alive, and its
namespace's worker, which only waited for this reference, may free it before the second put looks
into its private area.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..links.paired import PairedDriver, PairPriv
from ..overlay import Fix

if TYPE_CHECKING:
    from ..netdevice import NetDevice

__all__ = ["FIX"]


class BackFirst(PairedDriver):
    """The peer's tracker first."""

    def put_pair(self, dev: NetDevice, peer: NetDevice, back: NetDevice | None) -> None:
        """The two puts, swapped."""
        if back is not None:
            self.k.dev.netdev_put(back, peer.netdev_priv(PairPriv).peer_tracker)
        self.k.dev.netdev_put(peer, dev.netdev_priv(PairPriv).peer_tracker)


FIX = Fix(
    "G.13",
    "the peer's tracker is used before the peer's hold is dropped",
    "After the first put the peer may be freed, with the tracker that the second put needs.",
    {"links.veth": BackFirst, "links.vxcan": BackFirst},
)
