"""vxcan: virtual CAN pairs (drivers/net/can/vxcan.c, 703b31d21e52).

veth's scheme, word for word, on CAN devices; its instance lock stays in the default lock class.
Left out: CAN frames, the gateway's hop limit.
"""

from __future__ import annotations

from errno import EBUSY, EINVAL
from typing import TYPE_CHECKING, ClassVar

from ..errors import KernelError
from ..netdevice import IFF_NOARP
from .paired import PairedDriver

if TYPE_CHECKING:
    from ..netdevice import NetDevice

CAN_MTU = 16
CANFD_MTU = 72
CANXL_MTUS = range(76, 2061)


class Vxcan(PairedDriver):
    """vxcan_link_ops and vxcan_netdev_ops."""

    kind: ClassVar[str] = "vxcan"
    sets_mac_address: ClassVar[bool] = False

    def setup(self, dev: NetDevice) -> None:
        """vxcan_setup."""
        super().setup(dev)
        dev.type = "can"
        dev.mtu = CANFD_MTU
        dev.min_mtu = dev.max_mtu = 0
        dev.addr_len = 0
        dev.flags |= IFF_NOARP

    def ndo_change_mtu(self, dev: NetDevice, mtu: int) -> None:
        """vxcan_change_mtu: one of the CAN frame sizes, and only while it is down.

        Raises: KernelError(EBUSY, EINVAL).
        """
        if dev.up:
            raise KernelError(EBUSY)
        if mtu not in (CAN_MTU, CANFD_MTU) and mtu not in CANXL_MTUS:
            raise KernelError(EINVAL)
        dev.mtu = mtu
