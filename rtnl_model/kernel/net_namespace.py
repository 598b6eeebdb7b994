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

from lockcheck.sync.shared import shared

from .errors import KernelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lockcheck import Checker
    from lockcheck.sync import Lock, Parking, Refcount, Thread

    from .kernel import Kernel
    from .netdevice import NetDevice
    from .notifier import NotifierBlock

__all__ = ["Net", "NetNamespace"]


class Net:
    """One network namespace."""

    has_pending = shared(marked=True)
    """!list_empty(&dev_unreg_head): written under dev_unreg_lock, read by rtnl_net_work_func
    without any lock."""

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
        self.dev_unreg_head: list[NetDevice] = []
        self.has_pending = False
        self.nsid_lock: Lock
        """Protects: nsids.  Order: leaf."""
        self.nsids: dict[int, Net] = {}
        """nsid -> namespace, as seen from here."""

        self.count: Refcount
        """Main references: names, open requests, sockets.  Zero starts the cleanup."""
        self.passive: Refcount
        """Keeps the memory, not the namespace."""
        self.work: Any = None
        """The per-netns work (`rtnl_work`)."""
        self.worker: Thread | None = None
        """Its own worker thread, with `--workers netns`."""

        self.devs: list[NetDevice] = []
        """dev_base_head, in order of registration."""
        self.names: dict[str, NetDevice] = {}
        self.indexes: dict[int, NetDevice] = {}
        self.tables = chk.AtomicRef(f"device tables of {label}")
        """Stands for the two tables where they are looked up under RCU: the look-ups read it,
        whoever changes a table writes it first."""
        self.next_ifindex = 1
        self.netdev_chain: tuple[NotifierBlock, ...] = ()
        self.generic: dict[str, Any] = {}
        """net_generic(): per driver."""
        self.loopback_dev: NetDevice | None = None

        self.is_dying = False
        self.listed = False
        """On net_namespace_list."""
        self.cleaned = False
        """Its cleanup is over: nothing may be queued to it any more."""
        self.freed = False
        self.observed = False
        """The listener in the initial namespace has an nsid for it."""

    def dev_list(self) -> list[NetDevice]:
        """A copy of the device list, for iterating and for listings."""
        return list(self.devs)

    def __repr__(self) -> str:
        return f"<net {self.label}>"


class NetNamespace:
    """Namespaces: list, names, creation, nsids."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.net_namespace_list: list[Net] = []
        """Covered by net_rwsem."""
        self.files: Parking = k.chk.Parking("/run/netns")
        """What user space sees: name -> namespace."""
        self._files: dict[str, Net] = {}
        self._next_addr = 0

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
        self._next_addr += 1
        addr = self._next_addr
        label = k.label(name)
        net = Net(k.chk, name, addr, label)
        net.rtnl_mutex = k.rtnl.make_net_lock(net)
        net.dev_unreg_lock = k.rtnl.make_dev_unreg_lock(net)
        net.nsid_lock = k.make_lock("&net->nsid_lock", label)
        net.count = k.chk.Refcount(f"net {label}", 1, net)
        net.passive = k.chk.Refcount(f"net {label} memory", 1, net)
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
        done: list[Any] = []
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

    def ops_init(self, ops: Any, net: Net) -> None:
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
        with net.nsid_lock:
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
        with net.nsid_lock:
            if self._find_nsid(net, peer) >= 0 or nsid in net.nsids:
                raise KernelError(errno.EEXIST)
            if nsid >= 0:
                net.nsids[nsid] = peer
                return nsid
            return self._alloc_nsid(net, peer)

    def get_net_ns_by_id(self, net: Net, nsid: int) -> Net | None:
        """The namespace that nsid names in net."""
        with net.nsid_lock:
            return net.nsids.get(nsid)

    def _find_nsid(self, net: Net, peer: Net) -> int:
        return next((nsid for nsid, other in net.nsids.items() if other is peer), -1)

    def _alloc_nsid(self, net: Net, peer: Net) -> int:
        nsid = 0
        while nsid in net.nsids:
            nsid += 1
        net.nsids[nsid] = peer
        return nsid
