"""What bareudp, geneve and pfcp share: a device here, its socket in a backend namespace elsewhere.

Mirrors patches 9 and 10 of the series (a278ea7ba32a, f1de92507a91) and geneve's follow-up
(cf31c7f186ed, 7df47efd6db1, ccb161b71a1f).  `priv.net` is chosen at creation and fixed for life;
the device may move.  The driver's list lives with the backend and has a mutex of its own, because
two namespaces' holders change it: the device's (dellink) and the backend's (exit_rtnl).  Whoever
takes a device off the list queues it; an entry that is off the list was queued by somebody else.

`BackendLists` is the list without a lock, which unconverted kinds have (`listed_tunnel`).

Test, removal and queueing happen in one critical section of that mutex, so a backend cannot finish
its exit between them.  Left out: packets, offload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lockcheck import guarded, shared

from ..guards import Bookkeeping, TheLock
from ..netdevice import RTNL_OF_AREA, PrivateArea
from . import LinkDriver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockcheck import Lock
    from lockcheck.sync import Host, Refcount

    from ..net_namespace import Net
    from ..netdevice import NetDevice, UnregHead


def _live_lock(data: BackendList) -> Lock | None:
    """What covers the list until the namespace's exit: then nobody else uses the backend."""
    return None if data.exited else data.list_lock


LIST_LOCK = TheLock(_live_lock, "RTNL (of a converted kind: the backend's lock)")


class BackendList:
    """net_generic() of one backend namespace: who has a socket here."""

    list_lock: Lock
    """RTNL where the kind is not converted, else a mutex of its own."""

    dev_list: guarded[list[NetDevice]] = guarded(LIST_LOCK)
    """Devices whose socket belongs here, wherever they live."""
    left_to_a_drain: Bookkeeping[Sequence[NetDevice]] = ()
    """Devices of this backend that a drain elsewhere was unregistering at the exit (G.15)."""
    exited: Bookkeeping[bool] = False
    """As `not alive`, for the guard of the list."""
    alive = shared(marked=True)
    """Until its namespace's exit.  Whoever uses the backend without its namespace's lock relies on
    the flush of that exit, nothing else."""

    def __init__(self, chk: Host, name: str, list_lock: Lock) -> None:
        self.chk = chk
        self.name = name
        self.list_lock = list_lock
        self.alive = True
        self.dev_list = []


class BackendNet(BackendList):
    """A list with a mutex of its own (struct bareudp_net, struct geneve_net)."""

    def __init__(self, lock: Lock) -> None:
        super().__init__(lock.chk, f"backend {lock.name}", lock)
        self.lock = lock
        """Protects: dev_list and every priv.listed of it.  Order: after the namespace's RTNL,
        before the instance lock that unregister_netdevice_queue_net takes; never inside itself."""
        self.users: Refcount
        """Only with the fix of G.15: the number of devices between their init and uninit."""


def _list_lock(priv: BackendPriv) -> Lock | None:
    """The mutex of the backend's list; None before there is a device to be on it."""
    if "net" not in vars(priv):
        return None
    data: BackendList = priv.net.generic[priv.netdev.kind]
    return data.list_lock


BACKEND_LOCK = TheLock(_list_lock, "the backend's lock")


class BackendPriv(PrivateArea):
    """netdev_priv() of a device with a backend."""

    net: guarded[Net] = guarded(RTNL_OF_AREA, reads="any")
    """The backend namespace, from newlink on; without a reference, as its exit unregisters this
    device."""
    listed = guarded[bool](BACKEND_LOCK, default=False)
    """priv.next is on the backend's list."""


class BackendLists(LinkDriver):
    """A list per backend namespace; what its end means for it."""

    pernet: ClassVar[str | None] = "subsys"

    def backend_list(self, net: Net) -> BackendList:
        """net_generic of a backend namespace."""
        data = self.net_generic(net)
        assert isinstance(data, BackendList)
        return data

    def assert_backend(self, dev: NetDevice, what: str) -> None:
        """dev uses its backend: report it when that namespace's exit was there before."""
        net = dev.netdev_priv(BackendPriv).net
        data = self.backend_list(net)
        if not data.alive:
            self.k.report_invariant(
                f"use after free: {what} of {dev.name} after the exit of {net.name}",
                rule="backend-freed",
                dev=dev,
                known="G.15" if dev in data.left_to_a_drain else "",
            )

    def exit_net(self, net: Net) -> None:
        """No device may still use this backend."""
        data = self.backend_list(net)
        data.left_to_a_drain = [
            dev
            for dev in self.k.dev_queue.draining
            if isinstance(dev.priv, BackendPriv) and dev.priv.net is net
        ]
        data.alive = False
        data.exited = True
        if data.dev_list:  # whoever queued a device had taken it off: a drain leaves none
            names = ", ".join(dev.name for dev in data.dev_list)
            self.k.warn(f"{self.kind}: list of {net.name} is not empty at its exit: {names}")

    def list_del_init(self, data: BackendList, dev: NetDevice) -> None:
        """Take dev off the list.  Locks: what covers the list."""
        if dev not in data.dev_list:
            self.k.bug(f"list_del corruption: {dev.name} is not on its backend's list", dev=dev)
        data.dev_list.remove(dev)
        dev.netdev_priv(BackendPriv).listed = False


class BackendDriver(BackendLists):
    """A converted kind: emptied by dellink or by the backend's exit, under the list's mutex."""

    converted: ClassVar[bool] = True
    lock_class: ClassVar[str] = ""
    """The kernel's name of the backend's mutex."""
    net_class: ClassVar[type[BackendNet]] = BackendNet

    # -- pernet operations --

    def init_net(self, net: Net) -> None:
        """Make the list and its mutex."""
        self.set_net_generic(net, self.net_class(self.k.make_lock(self.lock_class, net.label)))

    def backend(self, dev: NetDevice) -> BackendNet:
        """net_generic of the device's backend, never of dev_net(dev)."""
        data: BackendNet = self.net_generic(dev.netdev_priv(BackendPriv).net)
        return data

    def exit_rtnl(self, net: Net, head: UnregHead) -> None:
        """Queue every device whose backend dies, each to the namespace where it lives now.

        Locks: RTNL of net.
        """
        self.k.ASSERT_RTNL_NET(net)
        data: BackendNet = self.net_generic(net)
        with data.lock:
            for dev in list(data.dev_list):
                self.delete(data, dev, net, head)

    # -- list --

    def list_add(self, dev: NetDevice) -> None:
        """Publish dev on its backend's list."""
        data = self.backend(dev)
        with data.lock:
            data.dev_list.insert(0, dev)  # list_add: newest first
            dev.netdev_priv(BackendPriv).listed = True

    # -- dellink --

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Queue dev unless its backend's exit already did.  Locks: RTNL of dev_net(dev)."""
        with self.k.probe.fn(f"{self.kind}_dellink", dev):
            self.k.ASSERT_RTNL_NET(self.k.dev.dev_net(dev))
            data = self.backend(dev)
            with data.lock:
                if dev.netdev_priv(BackendPriv).listed:
                    self.delete(data, dev, self.k.dev.dev_net(dev), head)

    def delete(self, data: BackendNet, dev: NetDevice, net: Net, head: UnregHead | None) -> None:
        """Take dev off the list and queue it; `net` is locked by the caller.  Locks: data.lock."""
        self.k.chk.assert_held(data.lock)
        self.list_del_init(data, dev)
        self.k.dev.unregister_netdevice_queue_net(net, dev, head)
