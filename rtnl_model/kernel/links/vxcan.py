"""vxcan: virtual CAN pairs (drivers/net/can/vxcan.c, 703b31d21e52).

veth's scheme, word for word, on CAN devices; its instance lock stays in the default lock class.
Left out: CAN frames, the gateway's hop limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..netdevice import IFF_NOARP
from .paired import PairedDriver

if TYPE_CHECKING:
    from ..netdevice import NetDevice

CANFD_MTU = 72


class Vxcan(PairedDriver):
    """vxcan_link_ops and vxcan_netdev_ops."""

    kind: ClassVar[str] = "vxcan"

    def setup(self, dev: NetDevice) -> None:
        """vxcan_setup."""
        super().setup(dev)
        dev.type = "can"
        dev.mtu = CANFD_MTU
        dev.flags |= IFF_NOARP
