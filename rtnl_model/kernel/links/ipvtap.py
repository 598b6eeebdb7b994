"""ipvtap: an ipvlan whose packets go to a character device (drivers/net/ipvlan/ipvtap.c).

A module of its own on top of ipvlan: its devices' net_device_ops are ipvlan's, its newlink is
ipvlan's.  ipvlan's notifier must delete ipvtaps without depending on this module, so module_init
installs a function pointer there.  Its own notifier makes and removes the character device, and
only for its own kind of device.

Left out: the queues of the tap, sysfs class files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..events import NOTIFY_DONE
from . import LinkDriver
from .ipvlan import Ipvlan, IpvlPriv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import AttrValue, LinkRequest, NewlinkParams


class IpvtapPriv(IpvlPriv):
    """struct ipvtap_dev."""

    def __init__(self) -> None:
        super().__init__()
        self.tap_queues: list[str] = []
        self.minor = False
        """The character device exists."""


class Ipvtap(LinkDriver):
    """ipvtap_link_ops and ipvtap_notifier_block."""

    kind: ClassVar[str] = "ipvtap"
    converted: ClassVar[bool] = True
    lockdep_class: ClassVar[str | None] = "ipvlan"
    has_notifier: ClassVar[bool] = True
    depends: ClassVar[Sequence[str]] = ("ipvlan",)

    @property
    def ipvlan(self) -> Ipvlan:
        """The ipvlan module, whose exported functions this one uses."""
        driver = self.k.links["ipvlan"]
        assert isinstance(driver, Ipvlan)
        return driver

    def setup(self, dev: NetDevice) -> None:
        """ipvtap_setup."""
        self.ipvlan.setup(dev)
        dev.priv = IpvtapPriv()
        dev.netdev_ops = self.ipvlan

    def validate(self, req: LinkRequest) -> None:
        """ipvlan_nl_validate."""
        self.ipvlan.validate(req)

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """ipvtap_newlink: the tap's receive handler, then ipvlan_link_new. Raises: KernelError."""
        self.ipvlan.newlink(dev, params)

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """ipvtap_dellink: unless the lower's unregistration was faster.

        Locks: RTNL of dev_net(dev); takes pnodes_lock.
        """
        with self.k.probe.fn("ipvtap_dellink", dev):
            self.k.ASSERT_RTNL_NET(self.k.dev.dev_net(dev))
            with dev.priv.port.pnodes_lock:
                if not self.ipvlan.is_dying(dev):
                    self.ipvtap_dellink_locked(self.k.dev.dev_net(dev), dev, head)

    def ipvtap_dellink_locked(self, net: Net, dev: NetDevice, head: UnregHead | None) -> None:
        """__ipvtap_dellink: the tap goes, then the ipvlan part.  Locks: pnodes_lock."""
        with self.k.probe.frame("__ipvtap_dellink"):
            self.k.chk.assert_held(dev.priv.port.pnodes_lock)
            dev.priv.tap_queues.clear()
            self.ipvlan.ipvlan_link_delete_locked(net, dev, head)

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """ipvtap_device_event: the character device of an ipvtap."""
        if dev.rtnl_link_ops is not self:
            return NOTIFY_DONE
        if event == "REGISTER":
            dev.priv.minor = True
        elif event == "UNREGISTER":
            dev.priv.minor = False
        return NOTIFY_DONE

    def module_init(self) -> None:
        """Tell ipvlan how to delete an ipvtap; it stays told, as no ipvtap survives this module."""
        self.ipvlan.ipvtap_dellink_ptr = self.ipvtap_dellink_locked

    def changelink(self, dev: NetDevice, data: dict[str, AttrValue]) -> None:
        """ipvlan_nl_changelink."""
        self.ipvlan.changelink(dev, data)

    def get_iflink(self, dev: NetDevice) -> int | None:
        """ipvlan_get_iflink.

        There is no get_link_net, so a foreign lower shows as a bare ifindex.
        """
        return self.ipvlan.get_iflink(dev)

    def fill_info(self, dev: NetDevice) -> dict[str, Any]:
        """ipvlan_nl_fill_info."""
        return self.ipvlan.fill_info(dev)
