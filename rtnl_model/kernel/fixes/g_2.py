"""G.2: the port reference of an event is dropped under the lower's instance lock.

The event's reference may be the last one (all uppers lived in the lower's own namespace and are
gone by then), so the put destroys the port.  ipvlan_init decides under the lower's instance lock
whether there is a port to join; one that ran beside the put would count up from zero, in a port
that is being freed.  The namespaces' locks alone keep it away (the catalogue's page says how); this
keeps patch 12's rule whole, so that nobody needs to know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..links.ipvlan import Ipvlan
from ..overlay import Fix

if TYPE_CHECKING:
    from ..links.ipvlan_port import IpvlPort

__all__ = ["FIX"]


class EventPutIsLocked(Ipvlan):
    """The port of an event is put under the lower's instance lock."""

    def put_event_port(self, port: IpvlPort) -> None:
        """Under I(lower), which an ops-locked lower's sender already holds."""
        lower = port.dev
        if self.k.rtnl.owns(lower.lock):
            super().put_event_port(port)
            return
        tracker = self.k.dev.netdev_hold(lower, "ipvlan_device_event")
        with lower.lock:
            super().put_event_port(port)
        self.k.dev.netdev_put(lower, tracker)


FIX = Fix(
    "G.2",
    "an event's last put of a port is exclusive with its first use",
    "The put at the end of ipvlan_device_event may destroy the port without I(lower).",
    {"links.ipvlan": EventPutIsLocked},
)
