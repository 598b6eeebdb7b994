"""What virtual CAN devices share: frame sizes instead of an MTU, no address (linux/can/dev.h)."""

from __future__ import annotations

from errno import EBUSY, EINVAL
from typing import TYPE_CHECKING, ClassVar

from ..errors import KernelError
from ..netdevice import IFF_NOARP
from . import LinkDriver

if TYPE_CHECKING:
    from ..netdevice import NetDevice

__all__ = ["CanDriver"]

CAN_MTU = 16
CANFD_MTU = 72
CANXL_MTUS = range(76, 2061)


class CanDriver(LinkDriver):
    """The look of a CAN device, put in front of what else a kind is."""

    sets_mac_address: ClassVar[bool] = False

    def setup(self, dev: NetDevice) -> None:
        """A frame size, no link layer address."""
        super().setup(dev)
        dev.type = "can"
        dev.mtu = CANFD_MTU
        dev.min_mtu = dev.max_mtu = 0
        dev.addr_len = 0
        dev.flags |= IFF_NOARP
        dev.needs_free_netdev = True

    def ndo_change_mtu(self, dev: NetDevice, mtu: int) -> None:
        """One of the CAN frame sizes, and only while it is down.

        Raises: KernelError(EBUSY, EINVAL).
        """
        if dev.up:
            raise KernelError(EBUSY)
        if mtu not in (CAN_MTU, CANFD_MTU) and mtu not in CANXL_MTUS:
            raise KernelError(EINVAL)
        dev.mtu = mtu
