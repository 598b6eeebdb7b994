"""A tap: a stacked kind whose packets go to a character device, on top of that kind's module.

Mirrors what drivers/net/ipvlan/ipvtap.c and drivers/net/macvtap.c have in common: a module of its
own whose devices' net_device_ops, newlink and attributes are those of the module below it, and
whose notifier makes and removes the character device of its own kind only.  How a tap is deleted is
the driver's.

Left out: the queues of the tap, sysfs class files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded

from ..documents import Fields
from ..errors import KernelError
from ..events import NOTIFY_DONE
from ..guards import TheLock
from ..netdevice import RTNL_OF_AREA, PrivateArea
from . import LinkDriver

if TYPE_CHECKING:
    from lockcheck import Lock

    from ..net_namespace import Net
    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo
    from ..rtnetlink_request import AttrValue, LinkRequest, NewlinkParams

__all__ = ["TapDriver", "TapPriv"]


def _queues_lock(tap: TapPriv) -> Lock | None:
    """RTNL, as tap_del_queues asserts; without it the lock under which taps are deleted."""
    if not tap.netdev.is_public:
        return None
    net = tap.netdev.peek_net()
    return tap.dellink_lock(net) if net.adjacent_guard is not net.rtnl_guard else net.rtnl_guard


class TapPriv(PrivateArea):
    """The tap's part of netdev_priv(); a subclass adds the part of the module below."""

    tap_queues = guarded[list[str]](TheLock(_queues_lock, "RTNL (in pernet: the port's lock)"))
    minor = guarded[bool](RTNL_OF_AREA, default=False)
    """The character device exists."""

    def __init__(self) -> None:
        super().__init__()
        self.tap_queues = []

    def dellink_lock(self, net: Net) -> Lock:
        """What every dellink of this kind holds where RTNL does not exist; `net`: its own."""
        return net.rtnl_guard


class TapDriver(LinkDriver):
    """Link ops that lead to the module below, and a notifier."""

    has_notifier: ClassVar[bool] = True
    priv_class: ClassVar[type[TapPriv]] = TapPriv

    @property
    def below(self) -> LinkDriver:
        """The module whose exported functions this one uses: the first it depends on."""
        driver: LinkDriver = self.k.links[self.depends[0]]
        return driver

    def setup(self, dev: NetDevice) -> None:
        """As below, with more in the private area."""
        self.below.setup(dev)
        dev.priv = self.priv_class()
        dev.netdev_ops = self.below

    def validate(self, req: LinkRequest) -> None:
        """As below."""
        self.below.validate(req)

    def newlink(self, dev: NetDevice, params: NewlinkParams) -> None:
        """The tap's own receive handler, which keeps others off; then as below.

        Raises: KernelError.
        """
        self.k.dev.netdev_rx_handler_register(dev, self.kind, dev.priv)
        try:
            self.below.newlink(dev, params)
        except KernelError:
            with self.k.netdev_lock_rx(dev):  # a subscriber may have refused it when it was listed
                self.k.dev.netdev_rx_handler_unregister(dev)
            raise

    def drop_tap(self, dev: NetDevice) -> None:
        """The first part of dellink: receive handler and queues."""
        self.drop_handler(dev)
        dev.netdev_priv(TapPriv).tap_queues.clear()

    def drop_handler(self, dev: NetDevice) -> None:
        """The tap's own receive handler goes.  Locks: RTNL."""
        self.k.dev.netdev_rx_handler_unregister(dev)

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """The character device of a device of this kind."""
        if dev.rtnl_link_ops is not self:
            return NOTIFY_DONE
        if event == "REGISTER":
            dev.netdev_priv(TapPriv).minor = True
        elif event == "UNREGISTER":
            dev.netdev_priv(TapPriv).minor = False
        return NOTIFY_DONE

    def changelink(self, dev: NetDevice, data: dict[str, AttrValue]) -> None:
        """As below."""
        self.below.changelink(dev, data)

    def get_iflink(self, dev: NetDevice) -> int | None:
        """The lower's ifindex."""
        return self.below.get_iflink(dev)

    def fill_info(self, dev: NetDevice) -> Fields:
        """As below."""
        return self.below.fill_info(dev)
