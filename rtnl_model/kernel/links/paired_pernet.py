"""veth and vxcan without a global RTNL: the readers of the peer pointer.  Not upstream.

Patch 8 converts deletion, not open and stop, which follow the pointer to a device of another
namespace.  `pair_pernet` has their readers; here the exchange is done under the readers' lock.

Only what changes stands in this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .pair_pernet import HeldPeer
from .paired import PairedDriver, PairPriv
from .veth import Veth
from .vxcan import Vxcan

if TYPE_CHECKING:
    from lockcheck.sync import AtomicRef, Lock

    from ..netdevice import NetDevice


class PairPernetPriv(PairPriv):
    """One end, with the lock of its readers."""

    def __init__(self, peer: AtomicRef, peer_lock: Lock) -> None:
        super().__init__(peer)
        self.peer_lock = peer_lock
        """Covers taking a reference through `peer` against the exchange."""


class PairedPernet(HeldPeer, PairedDriver):
    """Readers hold what they use."""

    def setup(self, dev: NetDevice) -> None:
        """Add the lock."""
        super().setup(dev)
        lock = self.k.make_lock(f"&{self.kind}->peer_lock", dev.label)
        dev.priv = PairPernetPriv(dev.netdev_priv(PairPriv).peer, lock)

    def peer_lock(self, dev: NetDevice) -> Lock:
        """Each end's own."""
        return dev.netdev_priv(PairPernetPriv).peer_lock

    def take_peer(self, dev: NetDevice) -> NetDevice | None:
        """The exchange, with no reader between its look and its reference."""
        with self.peer_lock(dev):
            return super().take_peer(dev)


class VethPernet(PairedPernet, Veth):
    """Ours."""


class VxcanPernet(PairedPernet, Vxcan):
    """Ours."""
