"""ipvtap: an ipvlan whose packets go to a character device (drivers/net/ipvlan/ipvtap.c).

A tap (`tap`) on top of ipvlan.  ipvlan's notifier must delete ipvtaps without depending on this
module, so module_init installs a function pointer there.  There is no get_link_net, so a foreign
lower shows as a bare ifindex.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .ipvlan import Ipvlan
from .ipvlan_port import IpvlPriv
from .tap import TapDriver, TapPriv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck import Lock

    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead


class IpvtapPriv(TapPriv, IpvlPriv):
    """struct ipvtap_dev."""

    def dellink_lock(self, net: Net) -> Lock:
        """A lower's unregistration deletes taps of other namespaces, too."""
        return self.port.pnodes_lock


class Ipvtap(TapDriver):
    """ipvtap_link_ops and ipvtap_notifier_block."""

    kind: ClassVar[str] = "ipvtap"
    converted: ClassVar[bool] = True
    lockdep_class: ClassVar[str | None] = "ipvlan"
    depends: ClassVar[Sequence[str]] = ("ipvlan",)
    priv_class: ClassVar[type[TapPriv]] = IpvtapPriv

    @property
    def ipvlan(self) -> Ipvlan:
        """The module below."""
        driver = self.below
        assert isinstance(driver, Ipvlan)
        return driver

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """ipvtap_dellink: unless the lower's unregistration was faster.

        Locks: RTNL of dev_net(dev); takes pnodes_lock.
        """
        with self.k.probe.fn("ipvtap_dellink", dev):
            self.k.ASSERT_RTNL_NET(self.k.dev.dev_net(dev))
            with dev.netdev_priv(IpvtapPriv).port.pnodes_lock:
                if not self.ipvlan.is_dying(dev):
                    self.ipvtap_dellink_locked(self.k.dev.dev_net(dev), dev, head)

    def ipvtap_dellink_locked(self, net: Net, dev: NetDevice, head: UnregHead | None) -> None:
        """__ipvtap_dellink: the tap goes, then the ipvlan part.  Locks: pnodes_lock."""
        with self.k.probe.frame("__ipvtap_dellink"):
            self.k.chk.assert_held(dev.netdev_priv(IpvtapPriv).port.pnodes_lock)
            self.drop_tap(dev)
            self.ipvlan.ipvlan_link_delete_locked(net, dev, head)

    def module_init(self) -> None:
        """Give ipvlan the function that deletes an ipvtap.

        Nobody takes it back, as no ipvtap survives this module.
        """
        self.ipvlan.ipvtap_dellink_ptr = self.ipvtap_dellink_locked
