"""linkwatch: carrier changes become operational states, later and on another thread.

Mirrors net/core/link_watch.c: netif_carrier_on/off only mark the device; linkwatch_event takes RTNL
and lets each device take its new state, which sends NETDEV_CHANGE and a NEWLINK.  The mark holds a
reference on the device, dropped by the event or by linkwatch_sync_dev when the device goes.

Events of devices whose link is another device (ifindex and iflink differ) are urgent; so is one
that comes a second or more after the last run.  Others wait for up to a second in the kernel, here
until the queue is run for another reason or quiesced; before what an explored script does at once
there was such a second.
Left out: TSO of state changes per second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .marks import Mark, Marks
from .netdevice import NetDevice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .kernel import Kernel

__all__ = ["Linkwatch"]


class Linkwatch:
    """`k.linkwatch`."""

    lweventlist: Marks
    """Devices with a pending event."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.lweventlist = Marks(k, "linkwatch", "kworker/u8:1", self.linkwatch_event)

    def start(self) -> None:
        """Start linkwatch_work's thread."""
        self.lweventlist.start()

    # -- events --

    def linkwatch_fire_event(self, dev: NetDevice) -> None:
        """Mark the device, take a reference, schedule the work if it is urgent."""
        if self.lweventlist.is_marked([dev]):
            return
        urgent = self.urgent(dev)
        mark = Mark(dev, self.k.dev.netdev_hold(dev, "linkwatch"))
        if not self.lweventlist.add(mark, urgent=urgent, once=True):
            self.k.dev.netdev_put(dev, mark.tracker)

    def urgent(self, dev: NetDevice) -> bool:
        """linkwatch_urgent_event: a running device that stands on another one."""
        ops = dev.rtnl_link_ops
        if ops is None or not dev.up:
            return False
        iflink = ops.get_iflink(dev)
        return bool(self.k.dev_links.uppers(dev)) or (iflink is not None and iflink != dev.ifindex)

    def linkwatch_event(self) -> None:
        """Take RTNL and run the queue; without a global RTNL: each device's netns' lock."""
        k = self.k
        with k.probe.frame("linkwatch_event"):
            if k.regime.has_rtnl:
                k.rtnl.rtnl_lock()
                try:
                    self.run(self.lweventlist.take())
                finally:
                    k.rtnl.rtnl_unlock()
                return
            for mark in self.lweventlist.take():
                net = k.rtnl.rtnl_net_dev_lock(mark.dev)
                try:
                    self.run([mark])
                finally:
                    k.rtnl.rtnl_net_dev_unlock(net)

    def linkwatch_run_pending(self, devs: Sequence[NetDevice]) -> None:
        """linkwatch_run_queue of a waiting netdev_wait_allrefs_any.  Locks: RTNL."""
        if self.lweventlist.is_marked(devs):
            self.run(self.lweventlist.take(devs))

    def linkwatch_sync_dev(self, dev: NetDevice) -> None:
        """The device goes: run its event now, if it has one (__LINK_STATE_LINKWATCH_PENDING)."""
        self.linkwatch_run_pending([dev])

    def run(self, marks: Sequence[Mark]) -> None:
        """linkwatch_do_dev for each, then drop its reference."""
        k = self.k
        for mark in marks:
            dev = mark.dev
            self.rfc2863_policy(dev)
            if k.dev.dev_is_registered(dev) and dev.up:
                with k.netdev_lock_ops(dev):
                    k.dev.netdev_state_change(dev)
            k.dev.netdev_put(dev, mark.tracker)

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
        net = self.k.dev.dev_net(dev)
        with self.k.rcu.reading_unless(self.k.rtnl.owns(net.rtnl_guard)):
            below = self.k.dev.dev_get_by_index(net, iflink)
            return below is None or bool(below.carrier)
