"""macvtap: a macvlan whose packets go to a character device (drivers/net/macvtap.c).

A tap (`tap`) on top of macvlan.  macvlan's notifier deletes each upper by its own kind's dellink,
so it needs no pointer here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..errors import KernelError
from .macvlan import MacvlanPriv
from .tap import TapDriver, TapPriv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead
    from ..rtnetlink_request import NewlinkParams


class MacvtapPriv(TapPriv, MacvlanPriv):
    """struct macvtap_dev."""


class Macvtap(TapDriver):
    """macvtap_link_ops and macvtap_notifier_block."""

    kind: ClassVar[str] = "macvtap"
    lockdep_class: ClassVar[str | None] = "macvlan"
    depends: ClassVar[Sequence[str]] = ("macvlan",)
    priv_class: ClassVar[type[TapPriv]] = MacvtapPriv

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """macvtap_newlink: its own receive handler keeps others off.  Raises: KernelError."""
        self.k.dev.netdev_rx_handler_register(dev, "macvtap", dev.priv)
        try:
            super().newlink(dev, params)
        except KernelError:
            self.k.dev.netdev_rx_handler_unregister(dev)
            raise

    def drop_handler(self, dev: NetDevice) -> None:
        """The tap's own receive handler goes.  Locks: RTNL."""
        self.k.dev.netdev_rx_handler_unregister(dev)

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """macvtap_dellink: the tap goes, then the macvlan part.  Locks: RTNL."""
        with self.k.probe.fn("macvtap_dellink", dev):
            self.drop_handler(dev)
            dev.netdev_priv(MacvtapPriv).tap_queues.clear()
            self.below.dellink(dev, head)

    def get_link_net(self, dev: NetDevice) -> Net | None:
        """The lower's namespace."""
        return self.below.get_link_net(dev)
