"""Work on a device, done later under its own namespace's lock: netdev_work_sched of net/core/dev.c.

Linux 7.3 has it for effects that cross devices: 8021q no longer touches its uppers inside a
lower's event but marks them, and netdev_work_proc does it later under RTNL and the instance lock.
The model uses it where a conversion must write from an upper to a lower of another namespace
(macvlan's passthru address).  The mark holds a reference; work on a device that is going is
dropped.

The list of marks and the thread stand in `marks`; the thread starts with the first mark.  Left out:
bits (a mark carries its function), cancelling by bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .marks import Mark, Marks
from .netdevice import RegState

if TYPE_CHECKING:
    from collections.abc import Callable

    from .kernel import Kernel
    from .netdevice import NetDevice

__all__ = ["NetdevWork"]


class NetdevWork:
    """`k.netdev_work`."""

    work_list: Marks

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.work_list = Marks(k, "netdev_work", "kworker/0:0", self.netdev_work_proc)

    def netdev_work_sched(self, dev: NetDevice, work: Callable[[NetDevice], None]) -> None:
        """Have `work(dev)` run under the lock of dev's namespace and its instance lock, once."""
        self.work_list.add(Mark(dev, self.k.dev.netdev_hold(dev, "netdev_work"), work))

    def netdev_work_cancel(self, dev: NetDevice) -> None:
        """The device goes: forget its works.  Locks: RTNL."""
        if self.work_list.is_marked([dev]):
            for mark in self.work_list.take([dev]):
                self.k.dev.netdev_put(dev, mark.tracker)

    def netdev_work_proc(self) -> None:
        """Take RTNL and run the marks; without a global RTNL: each under its netns' lock.

        A device's namespace may be gone while a mark holds the device, so where there is RTNL it
        is not looked at.
        """
        k = self.k
        with k.probe.frame("netdev_work_proc"):
            if k.regime.has_rtnl:
                k.rtnl.rtnl_lock()
                try:
                    for mark in self.work_list.take():
                        self.run(mark)
                finally:
                    k.rtnl.rtnl_unlock()
                return
            for mark in self.work_list.take():
                net = k.rtnl.rtnl_net_dev_lock(mark.dev)
                try:
                    self.run(mark)
                finally:
                    k.rtnl.rtnl_net_dev_unlock(net)

    def run(self, mark: Mark) -> None:
        """Do it, unless the device goes, and drop the mark's reference."""
        k = self.k
        dev = mark.dev
        with k.netdev_lock_ops(dev):
            if mark.work is not None and dev.reg_state is RegState.REGISTERED:
                mark.work(dev)
        k.dev.netdev_put(dev, mark.tracker)
