"""Taps without a global RTNL: a conversion in the series' manner.  Not upstream.

A tap is also a possible lower: who wants to put a port on it looks at its receive handler under its
instance lock, from whatever namespace, so the tap's own comes and goes under that lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..netdevice import RegState
from .ipvtap import Ipvtap
from .macvtap import Macvtap
from .tap import TapDriver

if TYPE_CHECKING:
    from ..netdevice import NetDevice
    from ..notifier import NotifierInfo

__all__ = ["IpvtapPernet", "MacvtapPernet"]


class TapPernet(TapDriver):
    """In front of 7.3's driver: the receive handler."""

    converted: ClassVar[bool] = True
    upstream: ClassVar[bool] = False

    def drop_handler(self, dev: NetDevice) -> None:
        """Under the instance lock, as whoever puts a port on it."""
        with dev.lock:
            super().drop_handler(dev)


class IpvtapPernet(TapPernet, Ipvtap):
    """Ours."""


class MacvtapPernet(TapPernet, Macvtap):
    """Ours: the rest of what changes is macvlan's."""

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """As 7.3's; the lower's end leaves the tap's receive handler to the tap's own."""
        going = event == "UNREGISTER" and dev.reg_state is RegState.UNREGISTERING
        if dev.rtnl_link_ops is self and going and dev.rx_handler is not None:
            self.drop_handler(dev)
        return super().netdev_event(event, dev, info)
