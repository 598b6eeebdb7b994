"""G.24: a worker that holds marks does not drain.

linkwatch and netdev_work take all their marks at once, and each mark holds a reference on its
device.  Linux 7.3 runs them in one RTNL section.  Without a global RTNL each mark is run under the
lock of its own device's namespace, and that unlock would unregister what is pending there and wait
for its references: one of them may belong to a mark further down the worker's own list, which it
comes to only when it is done waiting.  The device's own work does the drain instead; it was queued
together with the device.
"""

from __future__ import annotations

from ..linkwatch import Linkwatch
from ..netdev_work import NetdevWork
from ..overlay import Fix

__all__ = ["FIX"]


class LinkwatchDoesNotDrain(Linkwatch):
    """Waits for nobody's reference while it holds some."""

    def linkwatch_event(self) -> None:
        """As before; the namespaces' works drain."""
        with self.k.rtnl.leaving_drains():
            super().linkwatch_event()


class NetdevWorkDoesNotDrain(NetdevWork):
    """The same."""

    def netdev_work_proc(self) -> None:
        """As before; the namespaces' works drain."""
        with self.k.rtnl.leaving_drains():
            super().netdev_work_proc()


FIX = Fix(
    "G.24",
    "a worker that holds references does not drain",
    "A drain in linkwatch's or netdev_work's unlock waits for references that later marks hold.",
    {"linkwatch": LinkwatchDoesNotDrain, "netdev_work": NetdevWorkDoesNotDrain},
)
