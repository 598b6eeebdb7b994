"""ifb: a device to redirect packets to (drivers/net/ifb.c).

Its unregistration is the core's; only its queues are its own.  Left out: packets, the two devices
that the module makes by itself (the recording kernels are asked not to).
"""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EINVAL
from typing import TYPE_CHECKING, ClassVar

from ..errors import KernelError
from ..netdevice import IFF_NOARP
from . import LinkDriver, is_valid_ether_addr

if TYPE_CHECKING:
    from ..netdevice import NetDevice
    from ..rtnetlink_request import LinkRequest


class Ifb(LinkDriver):
    """ifb_link_ops and ifb_netdev_ops."""

    kind: ClassVar[str] = "ifb"
    converted: ClassVar[bool] = True

    def setup(self, dev: NetDevice) -> None:
        """ifb_setup."""
        dev.needs_free_netdev = True
        dev.flags |= IFF_NOARP
        dev.min_mtu = dev.max_mtu = 0
        self.eth_hw_addr_random(dev)

    def validate(self, req: LinkRequest) -> None:
        """ifb_validate: a given address must be a unicast one.  Raises: KernelError."""
        if req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL)
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL)
