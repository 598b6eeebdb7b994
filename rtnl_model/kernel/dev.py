"""`k.dev`: network devices, from allocation to release.

Mirrors net/core/dev.c.  The parts stand in files of their own and are joined here:

* `dev_register`   alloc_netdev, register_netdevice, free_netdev, references
* `dev_unregister` queueing (patch 6) and unregister_netdevice_many_notify
* `dev_todo`       netdev_run_todo and netdev_wait_allrefs_any (patches 5 and 6)
* `dev_netns`      __dev_change_net_namespace
* `dev_links`      upper and lower devices, masters, rx handlers
* `dev_flags`      up, down, name, mtu, address, carrier

Left out: the data path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .dev_netns import DevNetns

if TYPE_CHECKING:
    from .net_namespace import Net
    from .netdevice import NetDevice

__all__ = ["Dev"]


class Dev(DevNetns):
    """net/core/dev.c, whole."""

    def dev_get_by_name(self, net: Net, name: str) -> NetDevice | None:
        """__dev_get_by_name.  Locks: RTNL of net, or the caller only looks."""
        net.tables.get()
        return net.names.get(name)

    def dev_get_by_index(self, net: Net, ifindex: int) -> NetDevice | None:
        """__dev_get_by_index."""
        net.tables.get()
        return net.indexes.get(ifindex)
