"""What the conversions of stacked kinds share, in the manner of ipvlan's patches.  Not upstream.

The lower's table of uppers has a mutex; each upper has `dying`, which is set under it by whoever
takes the upper off the table: a user's dellink, or the lower's event.  Adjacency is cut first and
the device queued last, to the namespace where it lives; who comes second finds it dying and does
nothing, for its own unlock drains it.  CHANGEUPPER events, which the cut sends with the mutex
held, are not listened to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..events import NOTIFY_DONE
from ..netdevice import UnregHead
from .stacked import StackedDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lockcheck.sync import Lock

    from ..net_namespace import Net
    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo

__all__ = ["StackedPernet"]


class StackedPernet(StackedDriver):
    """In front of 7.3's driver: how an upper is deleted."""

    converted: ClassVar[bool] = True
    upstream: ClassVar[bool] = False
    dellink_probe: ClassVar[str] = ""

    def uppers_lock(self, dev: NetDevice) -> Lock:
        """The mutex of the table that this upper is in."""
        raise NotImplementedError

    def take_dying(self, dev: NetDevice) -> bool:
        """Mark it; False: somebody did.  Locks: uppers_lock."""
        raise NotImplementedError

    def leave_table(self, dev: NetDevice) -> None:
        """Off the lower's table.  Locks: uppers_lock."""
        raise NotImplementedError

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Unless the lower's unregistration was faster.  Locks: RTNL of dev_net(dev)."""
        with self.k.probe.fn(self.dellink_probe, dev):
            net = self.k.dev.dev_net(dev)
            self.k.ASSERT_RTNL_NET(net)
            with self.uppers_lock(dev):
                self.delete_upper(net, dev, head)

    def delete_upper(self, net: Net, dev: NetDevice, head: UnregHead | None) -> None:
        """Table, adjacency, queue last; `net` is the one the caller owns.  Locks: uppers_lock."""
        self.k.chk.assert_held(self.uppers_lock(dev))
        if self.take_dying(dev):
            self.leave_table(dev)
            self.k.dev.netdev_upper_dev_unlink(self.lower_of(dev), dev)
            self.k.dev.unregister_netdevice_queue_net(net, dev, head)

    def delete_from_lower(
        self, lower: NetDevice, lock: Lock, uppers: Callable[[], Iterable[NetDevice]]
    ) -> None:
        """The lower goes: each upper to its own namespace.  Locks: RTNL of the lower's.

        Who they are is read under the mutex: one that left the table before may be freed.
        """
        head = UnregHead(f"{self.kind}_device_event:{lower.label}")
        net = self.k.dev.dev_net(lower)
        with lock:
            for upper in list(uppers()):
                self.delete_upper(net, upper, head)
        self.k.dev.unregister_netdevice_many(head)

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """As 7.3's, but for what our own unlinking sends."""
        if event in ("PRECHANGEUPPER", "CHANGEUPPER"):
            return NOTIFY_DONE
        return super().netdev_event(event, dev, info)
