"""Queueing and unregistration: patch 6 of the series (af3634d4ac65) and what it stands on.

Mirrors unregister_netdevice_queue, _queue_net, _queue_many_net, _many_net, _move_net and
unregister_netdevice_many_notify of net/core/dev.c in Linux 7.3, step by step.  A device of another
netns is linked to that netns' dev_unreg_head, and its work is queued; it is unregistered by whoever
next drops that netns' lock.  A pending device is still REGISTERED, listed and findable.

The kernel only warns when a device is queued twice and goes on (G.21); so does this model, and the
list damage that follows there is reported here as a finding.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .dev_flags import DevFlags
from .errors import KernelError
from .events import ALL
from .netdevice import NetDevice, RegState, UnregHead

if TYPE_CHECKING:
    from typing import Any

    from .net_namespace import Net

__all__ = ["DevUnregister"]


class DevUnregister(DevFlags):
    """Both unregister lists, and the unregistration of many devices at once."""

    # -- queueing --

    def unregister_netdevice(self, dev: NetDevice) -> None:
        """On the spot."""
        self.k.dev.unregister_netdevice_queue(dev, None)

    def unregister_netdev(self, dev: NetDevice) -> None:
        """With the lock of the device's netns around it (rtnl_net_dev_lock)."""
        k = self.k
        net = k.rtnetlink.rtnl_net_dev_lock(dev)
        if net is None:
            return  # it went with its netns
        try:
            self.unregister_netdevice_queue(dev, None)
        finally:
            k.rtnetlink.rtnl_net_dev_unlock(net)

    def unregister_netdevice_queue(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Put dev at the end of head; None: unregister it on the spot.  Locks: RTNL."""
        k = self.k
        with k.probe.fn("unregister_netdevice_queue", dev):
            k.ASSERT_RTNL()
            if dev.unreg_list_net is not None:
                self.warn_double_queue(dev, "unregister_netdevice_queue of a pending device")
            if head is not None:
                self.unreg_list_move(dev, head)
                return
            single = UnregHead("single")
            self.unreg_list_move(dev, single)
            self.unregister_netdevice_many(single)

    def unregister_netdevice_queued(self, dev: NetDevice) -> bool:
        """Is it on a kill list?  Does not see pending devices (G.21).  Locks: RTNL."""
        self.k.ASSERT_RTNL()
        return dev.unreg_list is not None

    def unregister_netdevice_queue_net(
        self, net: Net, dev: NetDevice, head: UnregHead | None
    ) -> None:
        """Queue dev where its own netns will unregister it; net is the one the caller holds.

        What happens depends on the regime; the caller does not.
        """
        self.k.regime.queue_net(net, dev, head)

    def unregister_netdevice_queue_net_delegating(
        self, net: Net, dev: NetDevice, head: UnregHead | None
    ) -> None:
        """Ours: on head.  Another netns': pending there, and its work is queued.

        dev->lock makes "which netns" one step with a move (G.4).
        """
        k = self.k
        with k.probe.fn("unregister_netdevice_queue_net", dev, qnet=net):
            with dev.lock:
                other = self.dev_net(dev)
                if other is not net:
                    self.queue_pending(other, dev)
                    return
            self.unregister_netdevice_queue(dev, head)

    def queue_pending(self, net: Net, dev: NetDevice) -> None:
        """Onto net's dev_unreg_head, with its work.  Locks: dev.lock."""
        k = self.k
        with net.dev_unreg_lock:
            if dev.unreg_list is not None or dev.unreg_list_net is not None:
                self.warn_double_queue(dev, "unregister_netdevice_queue_net of a queued device")
            self.pending_add(net, dev)
            k.count("delegated", dev)
            k.rtnl_work.rtnl_net_queue_work(net)

    def pending_add(self, net: Net, dev: NetDevice) -> None:
        """list_add_tail(unreg_list_net).  Locks: net.dev_unreg_lock."""
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

    def unregister_netdevice_queue_many_net(self, net: Net, head: UnregHead) -> None:
        """Move net's own devices from head to its pending list (patch 7); others stay (G.22).

        The caller drops net's lock next, which unregisters them.  As the regime says.
        """
        self.k.regime.queue_many_net(net, head)

    def unregister_netdevice_queue_many_net_pending(self, net: Net, head: UnregHead) -> None:
        """Linux 7.3's way, with the option."""
        with net.dev_unreg_lock:
            for dev in list(head.devs):
                if self.dev_net(dev) is net:
                    self.unreg_list_del(dev)
                    if dev.unreg_list_net is net:
                        self.pending_del(net, dev)
                    self.pending_add(net, dev)

    def take_own(self, net: Net, head: UnregHead) -> UnregHead:
        """net's own devices of head, on a list of their own."""
        own = UnregHead("own")
        for dev in list(head.devs):
            if self.dev_net(dev) is net:
                self.unreg_list_move(dev, own)
        return own

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
            for dev in drained:
                if dev.unreg_list is not None:
                    self.warn_double_queue(dev, "a drained device is on another kill list")
                self.unreg_list_move(dev, head)
            self.unregister_netdevice_many(head)

    def splice_pending(self, net: Net) -> list[NetDevice]:
        """Take the pending list away.  Locks: takes dev_unreg_lock."""
        with net.dev_unreg_lock:
            drained = net.dev_unreg_head
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
                self.pending_moved(new, dev)

    def pending_moved(self, net: Net, dev: NetDevice) -> None:
        """A pending device arrived on net's list; 7.3 does nothing about it (G.20)."""

    # -- list nodes --

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

    def warn_double_queue(self, dev: NetDevice, what: str) -> None:
        """DEBUG_NET_WARN_ON_ONCE, and the invariant it stands for."""
        self.k.report_invariant(f"{what}: {dev.name}", rule="double-queue", dev=dev)

    # -- unregistration --

    def unregister_netdevice_many(self, head: UnregHead) -> None:
        """Without a requester."""
        with self.k.probe.frame("unregister_netdevice_many"):
            self.unregister_netdevice_many_notify(head, 0)

    def unregister_netdevice_many_notify(self, head: UnregHead, portid: int) -> None:
        """Unregister every device of head; what follows without RTNL is netdev_run_todo's.

        Locks: RTNL (of each device's netns, where `--strict` asks).
        """
        k = self.k
        if not head.devs:
            return
        with k.probe.fn("unregister_netdevice_many_notify"), k.unregistering():
            k.ASSERT_RTNL()
            devs = self.check_and_dismantle(head)
            self.netif_close_many(devs)
            for dev in devs:
                self.unlist_and_mark(dev)
            k.rcu.flush_all_backlogs()
            k.rcu.synchronize_net()
            for dev in devs:
                self.unregister_one(dev, portid)
            k.rcu.synchronize_net()
            for dev in devs:
                self.forget_pending(dev)
                self.netdev_put(dev, dev.registered_tracker)
                self.net_set_todo(dev)
            k.dev_unreg_count_add(devs)
            for dev in devs:
                self.unreg_list_del(dev)

    def check_and_dismantle(self, head: UnregHead) -> list[NetDevice]:
        """Step 1: drop never-registered devices, BUG on any that is not REGISTERED."""
        k = self.k
        for dev in list(head.devs):
            if dev.reg_state is RegState.UNINITIALIZED:
                k.warn(f"unregister of {dev.name}, which was never registered", dev=dev)
                self.unreg_list_del(dev)
                continue
            k.strict_assert(dev, "unregister_netdevice_many_notify")
            dev.dismantle = True
            if dev.reg_state is not RegState.REGISTERED:
                k.bug(
                    f"unregister of {dev.name} in state {dev.reg_state.name}: unregistered twice",
                    dev=dev,
                )
        return list(head.devs)

    def unlist_and_mark(self, dev: NetDevice) -> None:
        """Step 3."""
        self.unlist_netdevice(dev)
        dev.unregister_count += 1
        if dev.unregister_count > 1:
            self.k.report_invariant(
                f"{dev.name} entered UNREGISTERING twice", rule="unregistered-twice", dev=dev
            )
        with dev.lock:
            dev.reg_state = RegState.UNREGISTERING

    def unregister_one(self, dev: NetDevice, portid: int) -> None:
        """Step 6: shut one device down and tell everybody."""
        k = self.k
        assert dev.netdev_ops is not None
        if dev.rx_queues:
            with k.netdev_lock_ops(dev):
                k.netdev_rx_queue.dev_memory_provider_uninstall(dev)
        outer = k.probe.current().unregistering
        outer.append(dev)
        try:
            k.notifier.call_netdevice_notifiers("UNREGISTER", dev)
        finally:
            outer.pop()
        k.cpu(k.timing.notifiers, "notifiers")
        msg: dict[str, Any] | None = None
        if dev.rtnl_link_ops is None or not dev.rtnl_link_initializing:
            msg = k.events.rtmsg_ifinfo_build_skb("DELLINK", dev, ALL, portid=portid)
        self.check_no_upper(dev)
        k.notifier.call_netdevice_notifiers("PRE_UNINIT", dev)
        k.strict_assert(dev, "ndo_uninit")
        dev.netdev_ops.ndo_uninit(dev)
        if msg is not None:
            k.events.rtmsg_ifinfo_send(msg)
        if dev.upper or dev.lower:
            k.warn(f"{dev.name} is unregistered with upper or lower devices linked", dev=dev)
        k.inet.unregister_sysfs(dev)
        k.cpu(k.timing.sysfs, "sysfs")

    def check_no_upper(self, dev: NetDevice) -> None:
        """invariant: uppers are gone from the adjacency before their lower's PRE_UNINIT."""
        if dev.upper:
            uppers = " ".join(adjacent.dev.name for adjacent in dev.upper)
            self.k.report_invariant(
                f"{dev.name} reaches PRE_UNINIT with upper devices linked: {uppers}",
                rule="upper-at-pre-uninit",
                dev=dev,
            )

    def forget_pending(self, dev: NetDevice) -> None:
        """Step 8's repair: a pending device that was unregistered directly leaves its list."""
        if not self.k.regime.delegates:
            return
        net = self.dev_net(dev)
        with net.dev_unreg_lock:
            if dev.unreg_list_net is not None:
                self.pending_del(net, dev)

    def net_set_todo(self, dev: NetDevice) -> None:
        """Onto net_todo_list, which the end of the section empties."""
        self.k.regime.todo().append(dev)

    def refuse_changelink(self, dev: NetDevice) -> None:
        """The kind has no changelink.  Raises: KernelError(EOPNOTSUPP)."""
        raise KernelError(errno.EOPNOTSUPP)
