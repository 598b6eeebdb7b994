"""What vlan, macvlan, macsec and ipvlan share: an upper on one lower, which may live anywhere.

`rtnl_newlink` names the lower by IFLA_LINK in link_net.  A listing shows the lower's ifindex and
its namespace.  When the lower goes, every upper is deleted in a nested unregistration, whatever
namespace it lives in.  Whether an upper holds the lower itself (from ndo_init until its
destructor: vlan, macvlan, macsec) or its port does (ipvlan) decides who waits for whom.

Left out: features, address lists.
"""

from __future__ import annotations

from errno import EINVAL, ENODEV
from typing import TYPE_CHECKING

from lockcheck import own

from ..errors import KernelError
from ..guards import Bookkeeping
from ..netdevice import PrivateArea, UnregHead
from . import LinkDriver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..net_namespace import Net
    from ..netdevice import NetDevice, RefTracker
    from ..rtnetlink_request import NewlinkParams

__all__ = ["LowerHold", "StackedDriver"]


class LowerHold(PrivateArea):
    """The part of netdev_priv() with which an upper holds its lower."""

    dev_tracker: own[RefTracker | None] = own(default=None)
    """The reference on the lower: from ndo_init to priv_destructor."""
    standing: Bookkeeping[bool] = False
    """Between the two."""


class StackedDriver(LinkDriver):
    """Link ops of a kind that stands on one lower."""

    no_link: tuple[int, str] = (EINVAL, "")
    """What a request without IFLA_LINK gets."""
    no_lower: tuple[int, str] = (ENODEV, "")
    """What a request with an unknown IFLA_LINK gets."""

    def lower_of(self, dev: NetDevice) -> NetDevice:
        """The real lower."""
        raise NotImplementedError

    # -- newlink --

    def linked(self, params: NewlinkParams) -> NetDevice:
        """The device that IFLA_LINK names in link_net.  Raises: KernelError."""
        if params.req.link is None:
            raise KernelError(*self.no_link)
        found = self.k.dev.dev_get_by_index(params.rtnl_newlink_link_net(), params.req.link)
        if found is None:
            raise KernelError(*self.no_lower)
        return found

    def hold_lower(self, dev: NetDevice, hold: LowerHold, what: str) -> None:
        """In ndo_init: the lower may not be freed before this upper."""
        hold.dev_tracker = self.k.dev.netdev_hold(self.lower_of(dev), what)
        hold.standing = True

    def put_lower(self, dev: NetDevice, hold: LowerHold) -> None:
        """In the destructor; a device whose init was refused has nothing to drop."""
        hold.standing = False
        if hold.dev_tracker is not None:
            self.k.dev.netdev_put(self.lower_of(dev), hold.dev_tracker)

    def must_outlive(self, dev: NetDevice) -> NetDevice | None:
        """The lower, where the upper itself holds it."""
        priv = dev.priv
        return self.lower_of(dev) if isinstance(priv, LowerHold) and priv.standing else None

    def netdev_sync_lower_features(self, lower: NetDevice) -> None:
        """An upper without large receive offload turns it off below."""
        self.k.dev.dev_disable_lro(lower)

    # -- the lower's end --

    def unregister_uppers(self, lower: NetDevice, uppers: Iterable[NetDevice]) -> None:
        """Each upper by its own kind's dellink, in one nested unregistration.  Locks: RTNL."""
        head = UnregHead(f"{self.kind}_device_event:{lower.label}")
        for upper in uppers:
            assert upper.rtnl_link_ops is not None
            upper.rtnl_link_ops.dellink(upper, head)
        self.k.dev.unregister_netdevice_many(head)

    # -- listings --

    def get_link_net(self, dev: NetDevice) -> Net | None:
        """The lower's namespace."""
        return self.dev_net_rcu(self.lower_of(dev))

    def get_iflink(self, dev: NetDevice) -> int | None:
        """The lower's ifindex."""
        return self.lower_of(dev).ifindex
