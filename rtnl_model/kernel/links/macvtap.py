"""macvtap: a macvlan whose packets go to a character device (drivers/net/macvtap.c).

Its own module on top of macvlan: net_device_ops and newlink are macvlan's, dellink takes the tap
away first.  macvlan's notifier deletes each upper by its own kind's dellink, so it needs no pointer
here.  The notifier of this module makes and removes the character device.

Left out: the queues of the tap, sysfs class files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..events import NOTIFY_DONE
from . import LinkDriver
from .macvlan import Macvlan, MacvlanPriv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import AttrValue, LinkRequest, NewlinkParams


class MacvtapPriv(MacvlanPriv):
    """struct macvtap_dev."""

    def __init__(self) -> None:
        super().__init__()
        self.tap_queues: list[str] = []
        self.minor = False
        """The character device exists."""


class Macvtap(LinkDriver):
    """macvtap_link_ops and macvtap_notifier_block."""

    kind: ClassVar[str] = "macvtap"
    lockdep_class: ClassVar[str | None] = "macvlan"
    has_notifier: ClassVar[bool] = True
    depends: ClassVar[Sequence[str]] = ("macvlan",)

    @property
    def macvlan(self) -> Macvlan:
        """The macvlan module, whose exported functions this one uses."""
        driver = self.k.links["macvlan"]
        assert isinstance(driver, Macvlan)
        return driver

    def setup(self, dev: NetDevice) -> None:
        """macvtap_setup."""
        self.macvlan.setup(dev)
        dev.priv = MacvtapPriv()
        dev.netdev_ops = self.macvlan

    def validate(self, req: LinkRequest) -> None:
        """macvlan_validate."""
        self.macvlan.validate(req)

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """macvtap_newlink: the tap's receive handler, then macvlan_common_newlink."""
        self.macvlan.newlink(dev, params)

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """macvtap_dellink: the tap goes, then the macvlan part.  Locks: RTNL."""
        with self.k.probe.fn("macvtap_dellink", dev):
            dev.priv.tap_queues.clear()
            self.macvlan.dellink(dev, head)

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """macvtap_device_event: the character device of a macvtap."""
        if dev.rtnl_link_ops is not self:
            return NOTIFY_DONE
        if event == "REGISTER":
            dev.priv.minor = True
        elif event == "UNREGISTER":
            dev.priv.minor = False
        return NOTIFY_DONE

    def changelink(self, dev: NetDevice, data: dict[str, AttrValue]) -> None:
        """macvlan_changelink."""
        self.macvlan.changelink(dev, data)

    def get_link_net(self, dev: NetDevice) -> Net | None:
        """The lower's namespace."""
        return self.macvlan.get_link_net(dev)

    def get_iflink(self, dev: NetDevice) -> int | None:
        """The lower's ifindex."""
        return self.macvlan.get_iflink(dev)

    def fill_info(self, dev: NetDevice) -> dict[str, Any]:
        """The mode."""
        return self.macvlan.fill_info(dev)
