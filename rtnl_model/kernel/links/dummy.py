"""dummy: the simplest device there is (drivers/net/dummy.c).

It has no dellink of its own: rtnetlink gives such a kind unregister_netdevice_queue.  It asks for
the ops lock, so the events that lock_debug's table names run under its instance lock; that is what
makes I(lower) before pnodes_lock an order that every ipvlan on a dummy exercises.

Left out: packets, VFs, ethtool.
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


class Dummy(LinkDriver):
    """dummy_link_ops and dummy_netdev_ops."""

    kind: ClassVar[str] = "dummy"
    converted: ClassVar[bool] = True
    ops_locked: ClassVar[bool] = True
    lockdep_class: ClassVar[str | None] = "dummy"

    def setup(self, dev: NetDevice) -> None:
        """dummy_setup."""
        dev.needs_free_netdev = True
        dev.flags |= IFF_NOARP
        dev.min_mtu = dev.max_mtu = 0
        self.eth_hw_addr_random(dev)

    def validate(self, req: LinkRequest) -> None:
        """dummy_validate: a given address must be a unicast one."""
        if req.address is not None:
            if len(req.address.split(":")) != 6:
                raise KernelError(EINVAL)
            if not is_valid_ether_addr(req.address):
                raise KernelError(EADDRNOTAVAIL)
