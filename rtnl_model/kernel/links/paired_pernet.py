"""veth and vxcan without a global RTNL: the readers of the peer pointer.  Not upstream.

Patch 8 converts deletion, not open and stop, which follow the pointer to a device of another
namespace; `pair_pernet` has their readers.

Only what changes stands in this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .pair_pernet import HeldPeer
from .paired import PairedDriver, PairPriv
from .veth import Veth
from .vxcan import Vxcan

if TYPE_CHECKING:
    from ..netdevice import NetDevice


class PairedPernet(HeldPeer, PairedDriver):
    """Readers hold what they use."""

    def pair_is_locked(self, dev: NetDevice) -> bool:
        """The pair's mutex, which the fix of G.16 has around every exchange."""
        lock = vars(dev.netdev_priv(PairPriv)).get("pair_lock")
        return lock is not None and self.k.rtnl.owns(lock)


class VethPernet(PairedPernet, Veth):
    """Ours."""


class VxcanPernet(PairedPernet, Vxcan):
    """Ours."""
