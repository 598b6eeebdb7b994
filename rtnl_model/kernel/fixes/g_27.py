"""G.27: amt takes every device that stands on a stream device which goes, not only the first.

amt_device_event looks for *an* amt of the stream device, deletes it and is done.  A second one
stays linked to a device that is gone; only the rebroadcast, a second later, comes for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..links.amt import Amt
from ..overlay import Fix

if TYPE_CHECKING:
    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo

__all__ = ["FIX"]


class TakesEveryUpper(Amt):
    """Until none is left."""

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """As before, for each."""
        result = super().netdev_event(event, dev, info)
        while event == "UNREGISTER" and self.amt_lookup_upper_dev(dev) is not None:
            result = super().netdev_event(event, dev, info)
        return result


FIX = Fix(
    "G.27",
    "amt takes every device of a stream device that goes",
    "Two amts on one device: the second stays linked to a device that is unregistered.",
    {"links.amt": TakesEveryUpper},
)
