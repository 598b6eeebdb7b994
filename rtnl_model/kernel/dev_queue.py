"""Two lists of devices to unregister: a thread's own, and the pending list of a namespace.

Mirrors unregister_netdevice_queue, _many_net, _move_net and what unregister_netdevice_queue_net
(patch 6 of the series, af3634d4ac65) stands on, of net/core/dev.c in Linux 7.3.  A device of
another netns is linked to that netns' dev_unreg_head, and its work is queued; it is unregistered by
whoever next drops that netns' lock.  A pending device is still REGISTERED, listed and findable.
What unregister_netdevice_queue_net and _queue_many_net do is the regime's (`regime`).

The kernel only warns when a device is queued twice and goes on (G.21); so does this model, and the
list damage that follows there is reported here as a finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck import looking

from .guards import Bookkeeping
from .netdevice import NetDevice, UnregHead

if TYPE_CHECKING:
    from .kernel import Kernel
    from .net_namespace import Net

__all__ = ["DevQueue"]


class DevQueue:
    """`k.dev_queue`: both unregister lists."""

    draining: Bookkeeping[list[NetDevice]]
    """Devices that a drain has taken off a pending list and is unregistering, outside the works: no
    flush waits for it."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.draining = []

    # -- on the spot --

    def unregister_netdevice(self, dev: NetDevice) -> None:
        """On the spot."""
        self.k.dev.unregister_netdevice_queue(dev, None)

    def unregister_netdev(self, dev: NetDevice) -> None:
        """With the lock of the device's netns around it (rtnl_net_dev_lock)."""
        k = self.k
        net = k.rtnl.rtnl_net_dev_lock(dev)
        if net is None:
            return  # it went with its netns
        try:
            self.unregister_netdevice_queue(dev, None)
        finally:
            k.rtnl.rtnl_net_dev_unlock(net)

    # -- the list of a thread --

    def unregister_netdevice_queue(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Put dev at the end of head; None: unregister it on the spot.  Locks: RTNL."""
        k = self.k
        with k.probe.fn("unregister_netdevice_queue", dev):
            k.ASSERT_RTNL()
            with looking(k.chk):  # DEBUG_NET_WARN_ON_ONCE has no lock
                pending = dev.unreg_list_net is not None
            if pending:
                self.warn_double_queue(dev, "unregister_netdevice_queue of a pending device")
            if head is not None:
                self.unreg_list_move(dev, head)
                return
            single = UnregHead("single")
            self.unreg_list_move(dev, single)
            self.k.dev.unregister_netdevice_many(single)

    def unregister_netdevice_queued(self, dev: NetDevice) -> bool:
        """Is it on a kill list?  Does not see pending devices (G.21).  Locks: RTNL."""
        self.k.ASSERT_RTNL()
        return dev.unreg_list is not None

    def unreg_list_move(self, dev: NetDevice, head: UnregHead) -> None:
        """list_move_tail(unreg_list)."""
        self.unreg_list_del(dev)
        head.devs.append(dev)
        dev.unreg_list = head

    def unreg_list_del(self, dev: NetDevice) -> None:
        """list_del_init(unreg_list)."""
        head = dev.unreg_list
        if head is not None:
            head.devs.remove(dev)
            dev.unreg_list = None

    def take_own(self, net: Net, head: UnregHead) -> UnregHead:
        """net's own devices of head, on a list of their own."""
        own = UnregHead("own")
        for dev in list(head.devs):
            if self.k.dev.dev_net(dev) is net:
                self.unreg_list_move(dev, own)
        return own

    def warn_double_queue(self, dev: NetDevice, what: str) -> None:
        """DEBUG_NET_WARN_ON_ONCE, and the invariant it stands for."""
        self.k.report_invariant(f"{what}: {dev.name}", rule="double-queue", dev=dev)

    # -- the pending list of a namespace --

    def queue_pending(self, net: Net, dev: NetDevice) -> None:
        """Onto net's dev_unreg_head, with its work.  Locks: dev.lock, so that it stays net's."""
        k = self.k
        k.netdev_assert_locked(dev, "unregister_netdevice_queue_net")
        with net.dev_unreg_lock:
            if dev.unreg_list is not None or dev.unreg_list_net is not None:
                self.warn_double_queue(dev, "unregister_netdevice_queue_net of a queued device")
            self.pending_add(net, dev)
            k.count("delegated", dev)
            k.rtnl_work.rtnl_net_queue_work(net)

    def pending_add(self, net: Net, dev: NetDevice) -> None:
        """list_add_tail(unreg_list_net).  Locks: net.dev_unreg_lock."""
        self.k.lifetime.assert_net_alive(net, "dev_unreg_head")
        if net.cleaned:
            self.k.report_invariant(
                f"{dev.name} is queued to namespace {net.name}, whose cleanup is over",
                rule="pending-on-freed-netns",
                dev=dev,
            )
        net.dev_unreg_head.append(dev)
        dev.unreg_list_net = net
        net.has_pending = True

    def pending_del(self, net: Net, dev: NetDevice) -> None:
        """list_del(unreg_list_net).  Locks: net.dev_unreg_lock."""
        if dev in net.dev_unreg_head:
            net.dev_unreg_head.remove(dev)
        dev.unreg_list_net = None
        net.has_pending = bool(net.dev_unreg_head)

    def unregister_netdevice_many_net(self, net: Net) -> None:
        """The drain: unregister what is pending on net, once, not in a loop.

        Locks: net's RTNL (nothing asserts it in 7.3).
        """
        k = self.k
        drained = self.splice_pending(net)
        if not drained:
            return
        with k.probe.fn("unregister_netdevice_many_net", net=net):
            head = UnregHead("drained")
            elsewhere = [] if k.rtnl_work.is_current() else list(drained)
            self.draining += elsewhere
            for dev in drained:
                if dev.unreg_list is not None:
                    self.warn_double_queue(dev, "a drained device is on another kill list")
                self.unreg_list_move(dev, head)
            self.k.dev.unregister_netdevice_many(head)
            for dev in elsewhere:
                self.draining.remove(dev)

    def splice_pending(self, net: Net) -> list[NetDevice]:
        """Take the pending list away.  Locks: takes dev_unreg_lock."""
        with net.dev_unreg_lock:
            drained = list(net.dev_unreg_head)
            if drained:
                net.dev_unreg_head = []
                net.has_pending = False
                for dev in drained:
                    dev.unreg_list_net = None
        return drained

    def unregister_netdevice_move_net(self, old: Net, new: Net, dev: NetDevice) -> None:
        """A pending device moves with its node; no work is queued for new (G.20).

        Two dev_unreg_locks nest by address (the kernel says so with a subclass, here it is the
        class's compare function, which holds for any number of namespaces).
        """
        if not self.k.regime.delegates:
            return
        first, second = sorted((old, new), key=lambda net: net.addr)
        with first.dev_unreg_lock, second.dev_unreg_lock:
            if dev.unreg_list_net is old:
                self.pending_del(old, dev)
                self.pending_add(new, dev)

    def forget_pending(self, dev: NetDevice) -> None:
        """Step 8's repair: a pending device that was unregistered directly leaves its list."""
        if not self.k.regime.delegates:
            return
        net = self.k.dev.dev_net(dev)
        with net.dev_unreg_lock:
            if dev.unreg_list_net is not None:
                self.pending_del(net, dev)
