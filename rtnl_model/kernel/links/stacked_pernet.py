"""What the conversions of stacked kinds share, in the manner of ipvlan's patches.  Not upstream.

The lower's table of uppers has a mutex; each upper has `dying`, which is set under it by whoever
takes the upper off the table: a user's dellink, or the lower's event.  Adjacency is cut first and
the device queued last, to the namespace where it lives; whichever is second finds it dying and does
nothing, for its own unlock drains it.  A table that comes and goes with its uppers is counted
under the lower's instance lock and holds the lower (`CountedPernet`).
CHANGEUPPER events, which the cut sends with the mutex held, are not listened to.
"""

from __future__ import annotations

from errno import ENODEV
from typing import TYPE_CHECKING, ClassVar

from lockcheck import own

from ..errors import KernelError
from ..events import NOTIFY_DONE
from ..netdevice import RegState, UnregHead
from .stacked import StackedDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lockcheck import Lock
    from lockcheck.sync import Refcount

    from ..net_namespace import Net
    from ..netdevice import NetDevice, RefTracker
    from ..notifier import NotifierInfo

__all__ = ["CountedPernet", "CountedTable", "StackedPernet"]


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


class CountedTable:
    """What a conversion adds to a lower's table of uppers: a mutex, a count, a hold."""

    label: str
    lock: Lock
    """Protects: the table, every `dying` of it.  Order: after the namespaces' RTNL and the lower's
    instance lock, before an upper's."""
    refs: Refcount
    """One per upper between its init and uninit.  Changed under I(lower)."""
    dev_tracker: own[RefTracker | None] = own(default=None)
    """The table's reference on the lower."""

    def counted(self, lock: Lock, refs: Refcount) -> None:
        """For its maker, the first upper."""
        self.lock = lock
        self.refs = refs


class CountedPernet(StackedPernet):
    """The table is made by the first upper's ndo_init, given back by the last one's ndo_uninit."""

    def table_of(self, lower: NetDevice) -> CountedTable | None:
        """The lower's, if there is one.  Locks: I(lower)."""
        raise NotImplementedError

    def make_table(self, dev: NetDevice, lower: NetDevice) -> CountedTable:
        """Take the lower's rx handler for dev.  Locks: I(lower).  Raises: KernelError."""
        raise NotImplementedError

    def may_join(self, dev: NetDevice, table: CountedTable) -> None:
        """Refuse one more upper.  Locks: I(lower).  Raises: KernelError."""

    def give_back(self, table: CountedTable, lower: NetDevice) -> None:
        """The last upper has left.  Locks: I(lower)."""
        raise NotImplementedError

    def uppers_of(self, table: CountedTable) -> list[NetDevice]:
        """Who is still in the table: nobody, when it is given back."""
        raise NotImplementedError

    def enter_table(self, dev: NetDevice) -> CountedTable:
        """Join the lower's table, or make it, while the lower is registered.

        Raises: KernelError(ENODEV, EINVAL, EBUSY).
        """
        lower = self.lower_of(dev)
        with lower.lock:
            if lower.reg_state is not RegState.REGISTERED:
                raise KernelError(ENODEV)
            table = self.table_of(lower)
            if table is None:
                table = self.make_table(dev, lower)
                table.dev_tracker = self.k.dev.netdev_hold(lower, table.label)
            else:
                self.may_join(dev, table)
                table.refs.inc()
        return table

    def leave_lower(self, dev: NetDevice, table: CountedTable) -> None:
        """One upper less; a hold spans the unlock.  Locks: not I(lower), not the table's."""
        lower = self.lower_of(dev)
        tracker = self.k.dev.netdev_hold(lower, f"{self.kind}_uninit")
        with lower.lock:
            if table.refs.dec_and_test():
                self.k.lifetime.port_freed(table.label, (table.lock,), self.uppers_of(table), lower)
                self.give_back(table, lower)
                self.k.dev.netdev_put(lower, table.dev_tracker)
        self.k.dev.netdev_put(lower, tracker)
