"""Names, indexes and the list of the devices of a namespace.

Mirrors list_netdevice, unlist_netdevice, __dev_get_by_name, __dev_get_by_index, dev_change_name and
the allocation of names and indexes of net/core/dev.c.

Left out: alternative names, hash buckets.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .errors import KernelError
from .rcu import LISTED

if TYPE_CHECKING:
    from .kernel import Kernel
    from .net_namespace import Net
    from .netdevice import NetDevice

__all__ = ["DevNames"]

IFNAMSIZ = 16


class DevNames:
    """`k.dev_names`."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    def list_netdevice(self, net: Net, dev: NetDevice) -> None:
        """Onto the netns' list and into its tables.  Locks: RTNL of net."""
        net.tables.set(dev)
        net.devs.append(dev)
        net.names[dev.name] = dev
        net.indexes[dev.ifindex] = dev
        dev.listed = True

    def unlist_netdevice(self, dev: NetDevice) -> None:
        """Off the list and out of the name and index tables.  Locks: RTNL of its netns."""
        net = self.k.dev.dev_net(dev)
        net.tables.set(dev)
        if net.devs[-1] is dev:  # a dying namespace goes newest first: no search
            net.devs.pop()
        else:
            net.devs.remove(dev)
        net.indexes.pop(dev.ifindex, None)
        if net.names.get(dev.name) is dev:
            del net.names[dev.name]
        dev.listed = False
        self.k.rcu.retire(dev, LISTED)

    def dev_get_by_name(self, net: Net, name: str) -> NetDevice | None:
        """__dev_get_by_name, dev_get_by_name_rcu.  Locks: RTNL of net, or an RCU read side."""
        self.k.rcu.rcu_dereference_check(self.k.rtnl.owns(net.rtnl_guard), "a table of names")
        net.tables.get()
        return net.names.get(name)

    def dev_get_by_index(self, net: Net, ifindex: int) -> NetDevice | None:
        """__dev_get_by_index, dev_get_by_index_rcu.  Locks: RTNL of net, or an RCU read side."""
        self.k.rcu.rcu_dereference_check(self.k.rtnl.owns(net.rtnl_guard), "a table of indexes")
        net.tables.get()
        return net.indexes.get(ifindex)

    # -- names --

    def dev_valid_name(self, name: str) -> bool:
        """Not empty, not `.` or `..`, short, no slash, colon or blank."""
        return (
            bool(name)
            and len(name.encode("utf-8", "surrogatepass")) < IFNAMSIZ
            and name not in (".", "..")
            and "/" not in name
            and ":" not in name
            and name.split() == [name]
        )

    def dev_get_valid_name(self, net: Net, dev: NetDevice) -> None:
        """Give dev its name, which may be a pattern.  Raises: KernelError.

        The netns' RTNL keeps it free until list_netdevice.
        """
        dev.name = self.dev_prep_valid_name(net, dev.name, errno.EEXIST)

    def dev_prep_valid_name(self, net: Net, name: str, dup_errno: int) -> str:
        """The name to use in net for a wanted name or pattern.  Raises: KernelError."""
        if not self.dev_valid_name(name):
            raise KernelError(errno.EINVAL)
        if "%" in name:
            return self.dev_alloc_name(net, name)
        if name in net.names:
            raise KernelError(dup_errno)
        return name

    def dev_alloc_name(self, net: Net, pattern: str) -> str:
        """The lowest free number of `NAME%d`.  Raises: KernelError(EINVAL, ENFILE)."""
        at = pattern.find("%")
        if pattern[at : at + 2] != "%d" or "%" in pattern[at + 2 :]:
            raise KernelError(errno.EINVAL)
        for n in range(32768):
            name = f"{pattern[:at]}{n}{pattern[at + 2 :]}"
            if name not in net.names:
                if not self.dev_valid_name(name):
                    raise KernelError(errno.EINVAL)
                return name
        raise KernelError(errno.ENFILE)

    def dev_change_name(self, dev: NetDevice, name: str) -> None:
        """Rename.  Locks: RTNL of its netns.  Raises: KernelError(EINVAL, EEXIST)."""
        k = self.k
        k.ASSERT_RTNL()
        net = self.k.dev.dev_net(dev)
        old = dev.name
        if old == name:
            return
        new = self.dev_prep_valid_name(net, name, errno.EEXIST)
        net.tables.set(dev)
        net.names.pop(old, None)
        net.names[new] = dev
        dev.name = new
        try:
            k.notifier.call_checked("CHANGENAME", dev, old_name=old)
        except KernelError:
            net.tables.set(dev)
            net.names.pop(new, None)
            net.names[old] = dev
            dev.name = old
            raise

    # -- indexes --

    def dev_index_reserve(self, net: Net, dev: NetDevice) -> int:
        """Keep the ifindex asked for, or take the next one.  Raises: KernelError(EBUSY)."""
        if dev.ifindex:
            if dev.ifindex in net.indexes:
                raise KernelError(errno.EBUSY)
            return dev.ifindex
        return self.dev_new_index(net)

    def dev_new_index(self, net: Net) -> int:
        """The next free ifindex, cyclic."""
        while net.next_ifindex in net.indexes:
            net.next_ifindex += 1
        ifindex = net.next_ifindex
        net.next_ifindex += 1
        return ifindex
