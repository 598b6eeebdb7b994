"""veth: virtual Ethernet pairs (drivers/net/veth.c), patch 8 of the series.

The whole of it is in `paired`: the exchange of the peer pointers and the tracked references.  No
pernet operations, no list, no notifier.  Left out: XDP, GRO, queues.
"""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EINVAL
from typing import TYPE_CHECKING, ClassVar

from ..errors import KernelError
from . import is_valid_ether_addr
from .paired import PairedDriver

if TYPE_CHECKING:
    from ..netdevice import NetDevice
    from ..rtnetlink_request import LinkRequest

ETH_MIN_MTU = 68
ETH_MAX_MTU = 65535


class Veth(PairedDriver):
    """veth_link_ops and veth_netdev_ops."""

    kind: ClassVar[str] = "veth"
    lockdep_class: ClassVar[str | None] = "veth"

    def validate(self, req: LinkRequest) -> None:
        """veth_validate: address and MTU of the first end.  Raises: KernelError."""
        if req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL)
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL)
        if req.mtu is not None and not ETH_MIN_MTU <= req.mtu <= ETH_MAX_MTU:
            raise KernelError(EINVAL)

    def setup(self, dev: NetDevice) -> None:
        """veth_setup: Ethernet with a random address."""
        super().setup(dev)
        self.eth_hw_addr_random(dev)
