"""lo: one loopback device in every namespace (drivers/net/loopback.c).

Made by a pernet *device* operation that is registered before all others, so in the reverse order of
a namespace's exit it is the last device operation; by then default_device_exit_batch has already
unregistered lo with everything else.  It has no rtnl_link_ops: `ip link del lo` is refused by the
core, and it may not leave its namespace.

Left out: the per-cpu statistics, and blackhole_netdev.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from . import LinkDriver

if TYPE_CHECKING:
    from ..net_namespace import Net
    from ..netdevice import NetDevice

LOOPBACK_MTU = 65536


class Loopback(LinkDriver):
    """loopback_ops and loopback_net_ops."""

    module: ClassVar[str] = "lo"
    converted: ClassVar[bool] = True
    pernet: ClassVar[str | None] = "device"
    lockdep_class: ClassVar[str | None] = "loopback"

    def setup(self, dev: NetDevice) -> None:
        """loopback_setup: never leaves its namespace, freed by netdev_run_todo."""
        dev.mtu = LOOPBACK_MTU
        dev.min_mtu = dev.max_mtu = 0
        dev.type = "loopback"
        dev.netns_immutable = True
        dev.needs_free_netdev = True

    def init_net(self, net: Net) -> None:
        """loopback_net_init: register_netdev takes RTNL and the namespace's lock by itself."""
        dev = self.k.dev.alloc_netdev(net, "lo", self)
        self.k.dev.register_netdev(dev)
        net.loopback_dev = dev
