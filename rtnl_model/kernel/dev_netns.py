"""Moving a device to another namespace: __dev_change_net_namespace.

Mirrors net/core/dev.c in Linux 7.3.  The instance lock makes the switch of nd_net one step with
queueing; a pending device's node follows it, and no work is queued for the new namespace (G.20),
since every mover in 7.3 that can meet a pending device holds the new namespace's lock and drains
it.

Left out: following notifiers (`_dev_net`), sysfs ownership, altnames.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .errors import KernelError
from .events import ALL
from .netdevice import NetDevice, RegState
from .rcu import LISTED, OLD_NET

if TYPE_CHECKING:
    from .kernel import Kernel
    from .net_namespace import Net

__all__ = ["DevNetns"]


class DevNetns:
    """`k.dev_netns`."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    def dev_change_net_namespace(
        self, dev: NetDevice, net: Net, pattern: str | None, new_ifindex: int = 0
    ) -> None:
        """__dev_change_net_namespace.

        Locks: RTNL of both namespaces (7.3 asserts ASSERT_RTNL only).  Raises: KernelError.
        """
        k = self.k
        with k.probe.fn("__dev_change_net_namespace", dev):
            k.ASSERT_RTNL()
            old = self.k.dev.dev_net(dev)
            self.check_may_move(dev)
            if net is old:
                return
            k.strict_assert_net(dev, net, "__dev_change_net_namespace")
            new_name = self.check_target(dev, net, pattern)
            new_ifindex = self.target_ifindex(dev, net, new_ifindex)
            self.leave(dev, old, net, new_ifindex)
            self.switch(dev, old, net)
            dev.ifindex = new_ifindex
            self.k.dev.unregister_netdevice_move_net(old, net, dev)
            if new_name:
                dev.name = new_name
            self.arrive(dev, net)

    def check_may_move(self, dev: NetDevice) -> None:
        """Raises: KernelError(EINVAL)."""
        if dev.netns_immutable:
            raise KernelError(errno.EINVAL, "The interface netns is immutable")
        if dev.reg_state is not RegState.REGISTERED:
            raise KernelError(errno.EINVAL, "The interface isn't registered yet")

    def check_target(self, dev: NetDevice, net: Net, pattern: str | None) -> str:
        """The new name, or "" to keep it.  Raises: KernelError(EEXIST, EINVAL)."""
        if dev.name not in net.names:
            return ""
        if pattern is None:
            raise KernelError(
                errno.EEXIST, "An interface with the same name exists in the target netns"
            )
        try:
            return self.k.dev_names.dev_prep_valid_name(net, pattern, errno.EEXIST)
        except KernelError as error:
            raise KernelError(
                error.errno,
                f"Unable to use '{pattern}' for the new interface name in the target netns",
            ) from error

    def target_ifindex(self, dev: NetDevice, net: Net, wanted: int) -> int:
        """The ifindex in the new namespace; its own unless that is taken.  Raises: KernelError."""
        if wanted:
            if wanted in net.indexes:
                raise KernelError(errno.EBUSY, "The ifindex is already in use in the target netns")
            return wanted
        if dev.ifindex in net.indexes:
            return self.k.dev_names.dev_new_index(net)
        return dev.ifindex

    def leave(self, dev: NetDevice, old: Net, net: Net, new_ifindex: int) -> None:
        """Close it, take it off its namespace's list, notify everybody that it goes."""
        k = self.k
        self.k.dev_flags.netif_close_many([dev])
        self.k.dev_names.unlist_netdevice(dev)
        with dev.lock:
            dev.moving_ns = True
        k.rcu.synchronize_net()
        k.rcu.assert_elapsed(dev, LISTED, "NETDEV_UNREGISTER")
        k.notifier.call_netdevice_notifiers("UNREGISTER", dev)
        dev.torn_down = True
        k.rcu.rcu_barrier()
        k.rcu.assert_callbacks_done(dev, "the move goes on")
        k.events.rtmsg_ifinfo("DELLINK", dev, ALL, new_net=net, new_ifindex=new_ifindex)
        k.inet.unregister_sysfs(dev)

    def switch(self, dev: NetDevice, old: Net, net: Net) -> None:
        """nd_net, under the instance lock."""
        with dev.lock:
            dev.net = net
        self.k.rcu.retire(dev, OLD_NET)

    def arrive(self, dev: NetDevice, net: Net) -> None:
        """List it in its new namespace and notify everybody."""
        k = self.k
        with dev.lock:
            dev.moving_ns = False
        dev.torn_down = False
        self.k.dev_names.list_netdevice(net, dev)
        with k.netdev_lock_ops(dev):
            k.notifier.call_netdevice_notifiers("REGISTER", dev)
        k.events.rtmsg_ifinfo("NEWLINK", dev, ALL)
        k.rcu.synchronize_net()
