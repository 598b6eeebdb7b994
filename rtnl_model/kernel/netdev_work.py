"""Work on a device, done later under its own namespace's lock: netdev_work_sched of net/core/dev.c.

Linux 7.3 has it for effects that cross devices: 8021q no longer touches its uppers inside a
lower's event but marks them, and netdev_work_proc does it later under RTNL and the instance lock.
The model uses it where a conversion must write from an upper to a lower of another namespace
(macvlan's passthru address).  The mark holds a reference; work on a device that is going is
dropped.

The thread starts with the first mark.  Left out: bits (a mark carries its function), cancelling by
bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .netdevice import RegState

if TYPE_CHECKING:
    from collections.abc import Callable

    from lockcheck.sync import Parking, Thread

    from .kernel import Kernel
    from .netdevice import NetDevice, RefTracker
    from .probe import Task

__all__ = ["NetdevWork"]

Entry = tuple["NetDevice", "RefTracker | None", "Callable[[NetDevice], None]"]


class NetdevWork:
    """`k.netdev_work`."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.parking: Parking = k.chk.Parking("netdev_work")
        self.entries: list[Entry] = []
        """Marked devices.  Touched only inside parking."""
        self.running = False
        self.started = False
        self.stopping = False
        self.thread: Thread | None = None

    def netdev_work_sched(self, dev: NetDevice, work: Callable[[NetDevice], None]) -> None:
        """Have `work(dev)` run under the lock of dev's namespace and its instance lock, once."""
        tracker = self.k.dev.netdev_hold(dev, "netdev_work")
        if self.parking.change(lambda: self._add((dev, tracker, work)), why=f"work on {dev.label}"):
            self.start()

    def _add(self, entry: Entry) -> bool:
        self.entries.append(entry)
        first = not self.started
        self.started = True
        return first

    def start(self) -> None:
        """Start the thread of (wq_completion)events."""
        task = self.k.probe.new_task("kworker/0:0")
        self.thread = self.k.make_thread(self.worker, "kworker/0:0-netdev_work", task)
        self.thread.start()

    def stop(self) -> None:
        """Join it, if it was ever started."""
        if self.thread is not None:
            self.parking.change(lambda: setattr(self, "stopping", True), why="shutdown")
            self.k.join(self.thread)
            self.thread = None

    def worker(self, task: Task) -> None:
        """netdev_work_proc for every mark."""
        self.k.probe.adopt(task)
        while True:
            entry: Entry | str = self.parking.wait(
                lambda: bool(self.entries) or self.stopping,
                self._take,
                why="work on a device",
                idle=True,
            )
            if isinstance(entry, str):
                return
            self.netdev_work_proc(entry)
            self.parking.change(lambda: setattr(self, "running", False))

    def _take(self) -> Entry | str:
        if not self.entries:
            return "stop"
        self.running = True
        return self.entries.pop(0)

    def netdev_work_proc(self, entry: Entry) -> None:
        """One mark: lock the device's namespace, and look whether the device is still there."""
        k = self.k
        dev, tracker, work = entry
        with k.probe.frame("netdev_work_proc"):
            net = k.rtnetlink.rtnl_net_dev_lock(dev)
            try:
                with k.netdev_lock_ops(dev):
                    if dev.reg_state is RegState.REGISTERED:
                        work(dev)
                k.dev.netdev_put(dev, tracker)
            finally:
                k.rtnetlink.rtnl_net_dev_unlock(net)

    def idle(self) -> bool:
        """Nothing marked, nothing running."""
        idle: bool = self.parking.peek(self._is_idle)
        return idle

    def wait_idle(self) -> None:
        """Block until idle()."""
        self.parking.wait(self._is_idle, why="netdev_work to finish")

    def _is_idle(self) -> bool:
        return not self.entries and not self.running
