"""`struct net`: a namespace, its per-netns RTNL and pending list, its names, its nsids.

Mirrors net/core/net_namespace.c: preinit_net, copy_net_ns with setup_net, references, the nsid
tables.  The end of a namespace (cleanup_net) is in `netns_cleanup.py`, pernet operations in
`pernet.py`.

Left out: user namespaces and capabilities, sysctl, namespace file descriptors other than names.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lockcheck import guarded

from .errors import KernelError
from .guards import Bookkeeping, Inside, RtnlGuard, TheLock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lockcheck import Checker, Lock, RWLock, Thread
    from lockcheck.sync import Parking, Refcount

    from .kernel import Kernel
    from .netdevice import NetDevice
    from .notifier import NotifierBlock
    from .pernet import PernetOperations

__all__ = ["Net", "NetNamespace"]


def _known(net: Net) -> Net | None:
    """The namespace, once somebody else may know it: it is on net_namespace_list."""
    return net if net.public else None


def _net_rwsem(net: Net) -> RWLock | None:
    return net.net_rwsem if net.public else None


def _pernet_ops_rwsem(net: Net) -> RWLock | None:
    return net.pernet_ops_rwsem if net.public else None


RTNL_OF_NET = RtnlGuard(_known, "the namespace")


class Net:
    """One network namespace."""

    has_pending = guarded[bool]("dev_unreg_lock", reads="once")
    """!list_empty(&dev_unreg_head): rtnl_net_work_func reads it without any lock."""
    dev_unreg_head: guarded[list[NetDevice]] = guarded("dev_unreg_lock")
    nsids: guarded[dict[int, Net]] = guarded("nsid_lock")
    """nsid -> namespace, as seen from here."""
    devs: guarded[list[NetDevice]] = guarded(RTNL_OF_NET)
    """dev_base_head, in order of registration."""
    names: guarded[dict[str, NetDevice]] = guarded(RTNL_OF_NET, reads="any")
    indexes: guarded[dict[int, NetDevice]] = guarded(RTNL_OF_NET, reads="any")
    """Both tables are read under RCU, too: `tables` stands for such a look."""
    next_ifindex = guarded[int](RTNL_OF_NET, default=1)
    netdev_chain: guarded[tuple[NotifierBlock, ...]] = guarded(
        RTNL_OF_NET, reads="once", default=()
    )
    """Read by snapshot: an event of a lower may come from the namespace of its upper."""
    is_dying = guarded[bool](TheLock(_net_rwsem, "net_rwsem"), reads="once", default=False)
    listed = guarded[bool](TheLock(_net_rwsem, "net_rwsem"), default=False)
    """On net_namespace_list."""
    generic = guarded[dict[str, Any]](  # each its own
        TheLock(_pernet_ops_rwsem, "pernet_ops_rwsem"), reads="any"
    )  # each pernet operation's own
    """net_generic(): per driver; a driver uses its own between its init and its exit."""

    public: Bookkeeping[bool] = False
    """Others may know it: it has been listed."""
    cleaned: Bookkeeping[bool] = False
    """Its cleanup is over: nothing may be queued to it any more."""
    freed: Bookkeeping[bool] = False
    observed: Bookkeeping[bool] = False
    """The listener in the initial namespace has an nsid for it."""
    loopback_dev: NetDevice | None = None
    """Set by loopback's init, before the namespace is listed."""
    rtnl_guard: Lock
    """What RTNL of this namespace is here, for `guards`: the global mutex or this one's."""
    adjacent_guard: Lock
    """The same of upper and lower lists."""
    pernet_ops_rwsem: RWLock
    net_rwsem: RWLock

    def __init__(self, chk: Checker, name: str, addr: int, label: str) -> None:
        self.chk = chk
        self.name = name
        self.addr = addr
        """Stands for the address of struct net, by which locks are ordered; only grows."""
        self.label = label
        """Stable name of this object for locks and reports."""

        self.rtnl_mutex: Lock
        """Per-netns RTNL.  Protects: devs, their state, names, indexes, netdev_chain.
        Order: after rtnl_mutex; among netns: init_net first, then by addr.
        Helper: rtnl_net_lock."""
        self.dev_unreg_lock: Lock
        """Protects: dev_unreg_head, every unreg_list_net that names this netns.
        Order: leaf, inside dev.lock; two of them by addr."""
        self.dev_unreg_head = []
        self.has_pending = False
        self.nsid_lock: Lock
        """Protects: nsids.  Order: leaf."""
        self.nsids = {}

        self.count: Refcount
        """Main references: names, open requests, sockets.  Zero starts the cleanup."""
        self.passive: Refcount
        """Keeps the memory, not the namespace."""
        self.work: Any = None  # an RtnlWork, which imports this
        """The per-netns work (`rtnl_work`)."""
        self.worker: Thread | None = None
        """Its own worker thread, with `--workers netns`."""

        self.devs = []
        self.names = {}
        self.indexes = {}
        self.tables = chk.AtomicRef(f"device tables of {label}")
        """Stands for the two tables where they are looked up under RCU: the look-ups read it,
        whoever changes a table writes it first."""
        self.generic = {}

    def dev_list(self) -> list[NetDevice]:
        """A copy of the device list, for iterating and for listings."""
        return list(self.devs)

    def __repr__(self) -> str:
        return f"<net {self.label}>"


def _list_lock(self: NetNamespace) -> RWLock:
    rwsem: RWLock = self.k.pernet_ops_rwsem
    return rwsem if self.k.holds_exclusively(rwsem) else self.k.net_rwsem


class NetNamespace:
    """Namespaces: list, names, creation, nsids."""

    net_namespace_list = guarded[list[Net]](TheLock(_list_lock, "net_rwsem (or pernet_ops_rwsem)"))
    """Who holds pernet_ops_rwsem for writing may read it: nobody lists or unlists meanwhile."""
    _files = guarded[dict[str, Net]](Inside(lambda self: self.files), reads="any")
    _next_addr: Bookkeeping[int] = 0
    """Covered by gate."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.chk = k.chk
        self.net_namespace_list = []
        self.files: Parking = k.chk.Parking("/run/netns")
        """What user space sees: name -> namespace."""
        self._files = {}

    # -- names (user space's /run/netns) --

    def create(self, name: str) -> Net:
        """`ip netns add`.  Raises: KernelError(EEXIST), or what a failing pernet init said."""
        if not self.files.change(lambda: self._reserve(name)):
            raise KernelError(errno.EEXIST)
        try:
            net = self.copy_net_ns(name)
        except BaseException:
            self.files.change(lambda: self._files.pop(name, None))
            raise
        self.files.change(lambda: self._files.__setitem__(name, net))
        net.observed = True
        return net

    def _reserve(self, name: str) -> bool:
        if name in self._files:
            return False
        self._files[name] = self.k.init_net  # a name without a namespace yet
        return True

    def delete(self, name: str) -> None:
        """`ip netns del`: drop the name's reference.  Raises: KernelError(ENOENT)."""
        net = self.files.change(lambda: self._take_file(name))
        if net is None:
            raise KernelError(errno.ENOENT)
        self.put_net(net)

    def _take_file(self, name: str) -> Net | None:
        net = self._files.get(name)
        if net is None or net is self.k.init_net:
            return None
        return self._files.pop(name)

    def get(self, name: str) -> Net | None:
        """The namespace of that name, without a reference: for tests and listings."""
        net: Net | None = self.files.peek(lambda: self._files.get(name))
        return None if net is self.k.init_net else net

    def named(self) -> dict[str, Net]:
        """All names, in order of creation."""
        files: dict[str, Net] = self.files.peek(lambda: dict(self._files))
        return {name: net for name, net in files.items() if net is not self.k.init_net}

    @contextmanager
    def enter(self, name: str) -> Iterator[Net]:
        """setns: be in that namespace for a command; "" is the initial one.

        The task's reference keeps the namespace alive while the command runs.
        Raises: KernelError(ENOENT).
        """
        net = self.open(name)
        try:
            yield net
        finally:
            self.put_net(net)

    def open(self, name: str) -> Net:
        """A reference on a named namespace.  Raises: KernelError(ENOENT)."""
        if not name:
            self.k.init_net.count.inc()
            return self.k.init_net
        net: Net | None = self.files.peek(lambda: self._files.get(name))
        if net is None or net is self.k.init_net or not net.count.inc_not_zero():
            raise KernelError(errno.ENOENT)
        return net

    # -- creation --

    def preinit_net(self, name: str) -> Net:
        """Allocate a namespace with its locks, its lists and its work."""
        k = self.k
        with k.gate:
            self._next_addr += 1
            addr = self._next_addr
        label = k.label(name)
        net = Net(k.chk, name, addr, label)
        k.lifetime.net_made(net)
        net.rtnl_mutex = k.rtnl.make_net_lock(net)
        net.dev_unreg_lock = k.rtnl.make_dev_unreg_lock(net)
        net.nsid_lock = k.make_lock("&net->nsid_lock", label)
        net.count = k.chk.Refcount(f"net {label}", 1, net)
        net.passive = k.chk.Refcount(f"net {label} memory", 1, net)
        net.rtnl_guard = k.rtnl.rtnl_mutex if k.regime.has_rtnl else net.rtnl_mutex
        net.adjacent_guard = k.rtnl.rtnl_mutex if k.regime.has_rtnl else k.netdev_adjacent_lock
        net.pernet_ops_rwsem, net.net_rwsem = k.pernet_ops_rwsem, k.net_rwsem
        k.rtnl_work.preinit_net(net)
        return net

    def copy_net_ns(self, name: str) -> Net:
        """A new namespace.  Raises: KernelError from a pernet init."""
        k = self.k
        net = self.preinit_net(name)
        with k.pernet_ops_rwsem.reading(recursive=False):
            try:
                self.setup_net(net)
            except KernelError:
                k.rtnl_work.destroy_net(net)
                raise
        return net

    def setup_net(self, net: Net) -> None:
        """Run every pernet init, then list the namespace.  Raises: KernelError."""
        k = self.k
        done: list[PernetOperations] = []
        with k.probe.frame("setup_net"):
            try:
                for ops in k.pernet.operations():
                    self.ops_init(ops, net)
                    done.append(ops)
            except KernelError:
                net.is_dying = True
                self.k.netns_cleanup.ops_undo_list(done, [net], expedite=False)
                k.rcu.rcu_barrier()
                raise
            with k.net_rwsem.writing():
                self.net_namespace_list.append(net)
                net.listed = True
                net.public = True

    def ops_init(self, ops: PernetOperations, net: Net) -> None:
        """One pernet init."""
        if ops.init is not None:
            ops.init(net)

    # -- references --

    def get_net(self, net: Net) -> Net:
        """Take a main reference; the caller knows that there is one."""
        net.count.inc()
        return net

    def put_net(self, net: Net) -> None:
        """Drop a main reference; the last one queues cleanup_net."""
        if net.count.dec_and_test():
            self.k.netns_cleanup.cleanup_list_add(net)

    def net_passive_inc(self, net: Net) -> None:
        """Keep the memory: 7.3's plain increment, even from zero (hazard 11)."""
        if net.passive.inc() == 1:
            self.k.report_invariant(
                f"passive reference of netns {net.name} taken from zero", rule="passive-from-zero"
            )

    def net_passive_dec(self, net: Net) -> None:
        """Let the memory go."""
        if net.passive.dec_and_test():
            self.k.netns_cleanup.net_free(net)

    def for_each_net(self) -> list[Net]:
        """Every listed namespace, in list order."""
        with self.k.net_rwsem.reading():
            return list(self.net_namespace_list)

    def for_each_net_exclusive(self) -> list[Net]:
        """As for_each_net, where pernet_ops_rwsem is held for write: nobody lists or unlists."""
        self.k.chk.assert_held(self.k.pernet_ops_rwsem)
        return list(self.net_namespace_list)

    # -- nsids --

    def peernet2id(self, net: Net, peer: Net) -> int:
        """The nsid of peer as seen from net; -1: none."""
        with self.k.probe.frame("rtnl_net_getid"), net.nsid_lock:
            return self._find_nsid(net, peer)

    def peernet2id_alloc(self, net: Net, peer: Net) -> int:
        """As peernet2id; gives one where there was none and both are alive."""
        with net.nsid_lock:
            nsid = self._find_nsid(net, peer)
            if nsid < 0 and not net.is_dying and not peer.is_dying:
                nsid = self._alloc_nsid(net, peer)
            return nsid

    def rtnl_net_newid(self, net: Net, peer: Net, nsid: int = -1) -> int:
        """RTM_NEWNSID, which takes no RTNL.  Raises: KernelError(EEXIST)."""
        with self.k.probe.frame("rtnl_net_newid"), net.nsid_lock:
            if self._find_nsid(net, peer) >= 0 or nsid in net.nsids:
                raise KernelError(errno.EEXIST)
            if nsid >= 0:
                net.nsids[nsid] = peer
                return nsid
            return self._alloc_nsid(net, peer)

    def _find_nsid(self, net: Net, peer: Net) -> int:
        return next((nsid for nsid, other in net.nsids.items() if other is peer), -1)

    def _alloc_nsid(self, net: Net, peer: Net) -> int:
        nsid = 0
        while nsid in net.nsids:
            nsid += 1
        net.nsids[nsid] = peer
        return nsid
