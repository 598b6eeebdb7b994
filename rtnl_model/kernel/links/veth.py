"""veth: virtual Ethernet pairs (drivers/net/veth.c), patch 8 of the series.

The whole of it is in `paired`: the exchange of the peer pointers and the tracked references.  No
pernet operations, no list, no notifier.  Left out: XDP, GRO, queues.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .paired import PairedDriver

if TYPE_CHECKING:
    from ..netdevice import NetDevice


class Veth(PairedDriver):
    """veth_link_ops and veth_netdev_ops."""

    kind: ClassVar[str] = "veth"
    lockdep_class: ClassVar[str | None] = "veth"

    def setup(self, dev: NetDevice) -> None:
        """veth_setup: Ethernet with a random address."""
        super().setup(dev)
        self.eth_hw_addr_random(dev)
