"""Link kinds: loading and unloading them (rtnl_link_register, rtnl_link_unregister).

Mirrors net/core/rtnetlink.c: link_ops_mutex, an SRCU per kind which pins it for its newlink users,
and the unregistration of every device of a kind in every namespace (patches 2 and 7), which holds
pernet_ops_rwsem for write and one RTNL section throughout.

Where RTNL does not exist a device may move behind the walk, so `pernet` walks until a look under
all namespaces' locks finds none, and waits for that kind's own count (kernel/README.md).
Left out: IFLA_INFO_SLAVE ops of their own.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from lockcheck import guarded

from .errors import KernelError
from .netdevice import UnregHead
from .rcu import Srcu, SrcuSection
from .rtnl import RtnlNets

if TYPE_CHECKING:
    from lockcheck import Lock

    from .kernel import Kernel
    from .links import LinkDriver

__all__ = ["RtnlLinkOps"]


class RtnlLinkOps:
    """Which kinds exist."""

    link_ops: guarded[dict[str, LinkDriver]] = guarded("link_ops_mutex")
    _srcu = guarded[dict[str, Srcu]]("link_ops_mutex", reads="any")

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.chk = k.chk
        self.link_ops_mutex: Lock = k.make_lock("link_ops_mutex", "rtnetlink")
        """Protects: link_ops.  Order: before everything; never held across another lock."""
        self.link_ops = {}
        self._srcu = {}

    def rtnl_link_ops_get(self, kind: str | None) -> tuple[LinkDriver, SrcuSection] | None:
        """The kind's driver, and a reader of its SRCU for the caller to enter.

        Loads its module where it is known and not loaded.
        """
        if kind is None:
            return None
        found = self.pinned(kind)
        if found is None and self.k.modules.request_module(kind):
            found = self.pinned(kind)
        return found

    def pinned(self, kind: str) -> tuple[LinkDriver, SrcuSection] | None:
        """Look it up and be its reader in one step, so that who unlists it waits for us."""
        with self.link_ops_mutex:
            ops = self.link_ops.get(kind)
            return None if ops is None else (ops, self.srcu(kind).reading())

    def srcu(self, kind: str) -> Srcu:
        """The SRCU that pins a kind."""
        return self._srcu[kind]

    def rtnl_link_register(self, ops: LinkDriver) -> None:
        """Make a kind known.  Raises: KernelError(EEXIST)."""
        with self.link_ops_mutex:
            if ops.kind in self.link_ops:
                raise KernelError(errno.EEXIST)
            self._srcu[ops.kind] = Srcu(self.k, "&ops->srcu", f"{ops.kind} srcu")
            self.link_ops[ops.kind] = ops

    def rtnl_link_unregister(self, ops: LinkDriver) -> None:
        """Unlist a kind, wait for its newlink users, unregister all its devices, wait for them."""
        k = self.k
        with self.link_ops_mutex:
            del self.link_ops[ops.kind]
        srcu = self.srcu(ops.kind)
        unlisted = srcu.generation
        srcu.synchronize_srcu()
        if not srcu.is_quiet(unlisted):
            k.report_invariant(
                f"{ops.kind} is unregistered while a newlink of the kind may be under way",
                rule="grace-period",
            )
        with k.pernet_ops_rwsem.writing():
            self.rtnl_lock_unregistering_all(ops)
            try:
                self.rtnl_link_unregister_nets(ops)
            finally:
                k.rtnl.rtnl_unlock()
            if not k.regime.has_rtnl:
                self.rtnl_link_unregister_rest(ops)

    def rtnl_link_unregister_nets(self, ops: LinkDriver) -> None:
        """One walk over all namespaces, each locked while it is looked at."""
        k = self.k
        list_kill = UnregHead("dev_kill_list")
        for net in k.net_namespace.for_each_net_exclusive():
            k.rtnl.rtnl_net_lock_nested(net)
            try:
                for dev in net.dev_list():
                    if dev.rtnl_link_ops is ops:
                        ops.dellink(dev, list_kill)
                k.dev.unregister_netdevice_queue_many_net(net, list_kill)
            finally:
                k.rtnl.rtnl_net_unlock_nested(net)
        k.dev.unregister_netdevice_many(list_kill)

    def rtnl_link_unregister_rest(self, ops: LinkDriver) -> None:
        """Without RTNL: walk again until nothing is left, then wait for the kind's count."""
        k = self.k
        while self.is_left(ops):
            k.rtnl.rtnl_lock()
            try:
                self.rtnl_link_unregister_nets(ops)
            finally:
                k.rtnl.rtnl_unlock()
        k.wait_unregistered(ops.kind)

    def is_left(self, ops: LinkDriver) -> bool:
        """Is a device of the kind left anywhere?  All namespaces are locked at once for the look.

        A walk that locks them in turn misses a device that moves from one that it has not seen yet
        to one that it has; a move holds both locks.
        """
        k = self.k
        nets = RtnlNets()
        nets.nets = k.rtnl.order(k.net_namespace.for_each_net_exclusive())
        k.rtnl.rtnl_nets_lock(nets)
        try:
            return any(dev.rtnl_link_ops is ops for net in nets.nets for dev in net.dev_list())
        finally:
            k.rtnl.rtnl_nets_unlock(nets)

    def rtnl_lock_unregistering_all(self, ops: LinkDriver) -> None:
        """Take RTNL at a moment when no unregistered device is unfinished."""
        k = self.k
        if not k.regime.has_rtnl:
            k.rtnl.rtnl_lock()
            return
        while True:
            k.rtnl.rtnl_lock()
            if k.dev_unreg_count() == 0:
                return
            k.rtnl.rtnl_unlock_raw()
            k.wait_unregistered(None)
