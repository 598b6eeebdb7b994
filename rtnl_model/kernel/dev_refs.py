"""The namespace a device is in, and references on devices, each with its tracker.

Mirrors dev_net, netdev_hold and netdev_put of include/linux/netdevice.h.  A tracker says who holds
a reference, so that a report of a wait for references names the holders.

Left out: dev_hold and dev_put without a tracker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .netdevice import NetDevice, RefTracker, RegState

if TYPE_CHECKING:
    from .kernel import Kernel
    from .net_namespace import Net

__all__ = ["DevRefs"]


class DevRefs:
    """`k.dev_refs`."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    def dev_net(self, dev: NetDevice) -> Net:
        """The namespace a device is in now.

        Who holds that namespace's RTNL reads plainly: nobody can move the device meanwhile.
        """
        here = dev.peek_net()
        if self.k.rtnl.is_net_held(here):
            return here
        net: Net = dev.net
        return net

    def dev_is_registered(self, dev: NetDevice) -> bool:
        """REGISTERED now.

        Who holds its namespace's RTNL reads plainly: unregistration begins under that.
        """
        if self.k.rtnl.is_net_held(dev.peek_net()):
            return dev.peek_state() is RegState.REGISTERED
        return dev.reg_state is RegState.REGISTERED

    def netdev_hold(self, dev: NetDevice | None, what: str) -> RefTracker | None:
        """Take a tracked reference; None is a no-op."""
        if dev is None:
            return None
        if dev.freed:
            self.k.report_invariant(
                f"reference taken on freed device {dev.name} ({what})",
                rule="use-after-free",
                dev=dev,
            )
        dev.refcnt.inc()
        tracker = RefTracker(dev, what)
        dev.trackers.append(tracker)
        return tracker

    def netdev_get_by_index(
        self, net: Net, ifindex: int, what: str
    ) -> tuple[NetDevice, RefTracker | None] | tuple[None, None]:
        """Look a device up without RTNL, and hold it before it can be freed (RCU)."""
        k = self.k
        with k.rcu.reading():
            dev = k.dev.dev_get_by_index(net, ifindex)
            if dev is None:
                return None, None
            return dev, self.netdev_hold(dev, what)

    def netdev_put(self, dev: NetDevice | None, tracker: RefTracker | None) -> None:
        """Drop it again; None is a no-op."""
        if dev is None:
            return
        if tracker is None or not tracker.live or tracker.dev is not dev:
            self.k.report_invariant(
                f"reference on {dev.name} dropped without a live tracker",
                rule="ref-tracker",
                dev=dev,
            )
        else:
            tracker.live = False
            dev.trackers.remove(tracker)
        left = dev.refcnt.dec()
        if left == 1:
            self.k.lifetime.last_put(dev)
        if left < 1:
            self.k.report_invariant(
                f"reference count of {dev.name} fell below its own", rule="ref-underflow", dev=dev
            )
