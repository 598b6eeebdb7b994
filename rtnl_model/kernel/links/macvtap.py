"""macvtap: a macvlan whose packets go to a character device (drivers/net/macvtap.c).

A tap (`tap`) on top of macvlan.  macvlan's notifier deletes each upper by its own kind's dellink,
so it needs no pointer here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .macvlan import MacvlanPriv
from .tap import TapDriver, TapPriv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead


class MacvtapPriv(TapPriv, MacvlanPriv):
    """struct macvtap_dev."""


class Macvtap(TapDriver):
    """macvtap_link_ops and macvtap_notifier_block."""

    kind: ClassVar[str] = "macvtap"
    lockdep_class: ClassVar[str | None] = "macvlan"
    depends: ClassVar[Sequence[str]] = ("macvlan",)
    priv_class: ClassVar[type[TapPriv]] = MacvtapPriv

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """macvtap_dellink: the tap goes, then the macvlan part.  Locks: RTNL."""
        with self.k.probe.fn("macvtap_dellink", dev):
            self.drop_tap(dev)
            self.below.dellink(dev, head)

    def get_link_net(self, dev: NetDevice) -> Net | None:
        """The lower's namespace."""
        return self.below.get_link_net(dev)
