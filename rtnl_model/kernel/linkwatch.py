"""linkwatch: carrier changes become operational states, later and on another thread.

Mirrors net/core/link_watch.c: netif_carrier_on/off only mark the device; linkwatch_event takes RTNL
and lets each device take its new state, which sends NETDEV_CHANGE and a NEWLINK.  The mark holds a
reference on the device, dropped by the event or by linkwatch_sync_dev when the device goes.

Events of devices whose link is another device (ifindex and iflink differ) are urgent; others wait
for up to a second in the kernel, here until the queue is run for another reason or quiesced.
Left out: TSO of state changes per second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .netdevice import NetDevice, RegState

if TYPE_CHECKING:
    from lockcheck.sync import Parking, Thread

    from .kernel import Kernel
    from .netdevice import RefTracker
    from .probe import Task

__all__ = ["Linkwatch"]


class Linkwatch:
    """`k.linkwatch`."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.parking: Parking = k.chk.Parking("linkwatch")
        self.lweventlist: list[tuple[NetDevice, RefTracker | None]] = []
        """Devices with a pending event, with their references.  Touched only inside parking."""
        self.scheduled = False
        self.running = False
        self.stopping = False
        self.thread: Thread | None = None

    # -- the work --

    def start(self) -> None:
        """Start linkwatch_work's thread."""
        task = self.k.probe.new_task("kworker/u8:1")
        self.thread = self.k.make_thread(self.worker, "kworker/u8:1-linkwatch", task)
        self.thread.start()

    def stop(self) -> None:
        """Join it."""
        if self.thread is not None:
            self.parking.change(lambda: setattr(self, "stopping", True), why="shutdown")
            self.k.join(self.thread)
            self.thread = None

    def worker(self, task: Task) -> None:
        """Run linkwatch_event whenever it was scheduled."""
        self.k.probe.adopt(task)
        while True:
            go = self.parking.wait(
                lambda: self.scheduled or self.stopping,
                self._take_turn,
                why="a link event",
                idle=True,
            )
            if go == "stop":
                return
            self.linkwatch_event()
            self.parking.change(lambda: setattr(self, "running", False))

    def _take_turn(self) -> str:
        if not self.scheduled:
            return "stop"
        self.scheduled = False
        self.running = True
        return "run"

    def idle(self) -> bool:
        """No event scheduled or running."""
        idle: bool = self.parking.peek(self._is_idle)
        return idle

    def _is_idle(self) -> bool:
        return not self.scheduled and not self.running and not self.lweventlist

    def wait_idle(self) -> None:
        """Run what is not urgent too, and block until idle()."""
        self.parking.change(self._run_all, why="quiesce")
        self.parking.wait(self._is_idle, why="linkwatch to finish")

    def _run_all(self) -> None:
        self.scheduled = self.scheduled or bool(self.lweventlist)

    # -- events --

    def linkwatch_fire_event(self, dev: NetDevice) -> None:
        """Mark the device, take a reference, schedule the work if it is urgent."""
        if self.parking.peek(lambda: any(entry[0] is dev for entry in self.lweventlist)):
            return
        tracker = self.k.dev.netdev_hold(dev, "linkwatch")
        added = self.parking.change(lambda: self._add(dev, tracker), why=f"link of {dev.label}")
        if not added:
            self.k.dev.netdev_put(dev, tracker)

    def _add(self, dev: NetDevice, tracker: RefTracker | None) -> bool:
        if any(entry[0] is dev for entry in self.lweventlist):
            return False
        self.lweventlist.append((dev, tracker))
        if self.urgent(dev):
            self.scheduled = True
        return True

    def urgent(self, dev: NetDevice) -> bool:
        """linkwatch_urgent_event: a running device that stands on another one."""
        ops = dev.rtnl_link_ops
        if ops is None or not dev.up:
            return False
        iflink = ops.get_iflink(dev)
        return bool(dev.upper) or (iflink is not None and iflink != dev.ifindex)

    def linkwatch_event(self) -> None:
        """Take RTNL and run the queue; without a global RTNL: each device's netns' lock."""
        k = self.k
        with k.probe.frame("linkwatch_event"):
            if k.regime.has_rtnl:
                k.rtnetlink.rtnl_lock()
                try:
                    self.run(self.take(None))
                finally:
                    k.rtnetlink.rtnl_unlock()
                return
            for dev, tracker in self.take(None):
                net = k.rtnetlink.rtnl_net_dev_lock(dev)
                try:
                    self.run([(dev, tracker)])
                finally:
                    k.rtnetlink.rtnl_net_dev_unlock(net)

    def linkwatch_run_pending(self, devs: list[NetDevice]) -> None:
        """linkwatch_run_queue of a waiting netdev_wait_allrefs_any.  Locks: RTNL."""
        if self.has_event(devs):
            self.run(self.take(devs))

    def linkwatch_sync_dev(self, dev: NetDevice) -> None:
        """The device goes: run its event now, if it has one (__LINK_STATE_LINKWATCH_PENDING)."""
        if self.has_event([dev]):
            self.run(self.take([dev]))

    def has_event(self, devs: list[NetDevice]) -> bool:
        """Is an event of one of them pending?"""
        found: bool = self.parking.peek(lambda: any(entry[0] in devs for entry in self.lweventlist))
        return found

    def take(self, devs: list[NetDevice] | None) -> list[tuple[NetDevice, RefTracker | None]]:
        """Take entries off the queue: all, or those of devs."""
        taken: list[tuple[NetDevice, RefTracker | None]] = self.parking.change(
            lambda: self._take(devs)
        )
        return taken

    def _take(self, devs: list[NetDevice] | None) -> list[tuple[NetDevice, RefTracker | None]]:
        taken = [entry for entry in self.lweventlist if devs is None or entry[0] in devs]
        self.lweventlist = [entry for entry in self.lweventlist if entry not in taken]
        return taken

    def run(self, entries: list[tuple[NetDevice, RefTracker | None]]) -> None:
        """linkwatch_do_dev for each, then drop its reference."""
        k = self.k
        for dev, tracker in entries:
            self.rfc2863_policy(dev)
            if dev.peek_state() is RegState.REGISTERED and dev.up:
                with k.netdev_lock_ops(dev):
                    k.dev.netdev_state_change(dev)
            k.dev.netdev_put(dev, tracker)

    def rfc2863_policy(self, dev: NetDevice) -> None:
        """default_operstate: from carrier and dormant; whether the device is up does not matter."""
        if not dev.carrier:
            dev.operstate = "DOWN" if self.lower_is_fine(dev) else "LOWERLAYERDOWN"
        elif dev.dormant:
            dev.operstate = "DORMANT"
        else:
            dev.operstate = "UP"

    def lower_is_fine(self, dev: NetDevice) -> bool:
        """No device of its own netns stands below it without carrier (by ifindex, as there)."""
        ops = dev.rtnl_link_ops
        iflink = ops.get_iflink(dev) if ops is not None else None
        if iflink is None or iflink == dev.ifindex:
            return True
        below = self.k.dev.dev_get_by_index(self.k.dev.dev_net(dev), iflink)
        return below is None or below.carrier
