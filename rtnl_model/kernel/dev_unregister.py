"""Queueing and unregistration: patch 6 of the series (af3634d4ac65) and what it stands on.

Mirrors unregister_netdevice_queue, _queue_net, _queue_many_net, _many_net, _move_net and
unregister_netdevice_many_notify of net/core/dev.c in Linux 7.3, step by step.  A device of another
netns is linked to that netns' dev_unreg_head, and its work is queued; it is unregistered by whoever
next drops that netns' lock.  A pending device is still REGISTERED, listed and findable.

The kernel only warns when a device is queued twice and goes on (G.21); so does this model, and the
list damage that follows there is reported here as a finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .events import ALL
from .netdevice import NetDevice, RegState, UnregHead
from .rcu import LISTED, TORN_DOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .documents import Fields
    from .kernel import Kernel

__all__ = ["DevUnregister"]


class DevUnregister:
    """`k.dev_unregister`."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

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
            self.k.dev_flags.netif_close_many(devs)
            for dev in devs:
                self.unlist_and_mark(dev)
            k.rcu.flush_all_backlogs()
            k.rcu.synchronize_net()
            for dev in devs:
                self.unregister_one(dev, portid)
            k.rcu.synchronize_net()
            for dev in devs:
                self.k.dev_queue.forget_pending(dev)
                k.rcu.assert_elapsed(dev, TORN_DOWN, "the end of registration")
                self.k.dev.netdev_put(dev, dev.registered_tracker)
                self.net_set_todo(dev)
            k.dev_unreg_count_add(devs)
            for dev in devs:
                self.k.dev_queue.unreg_list_del(dev)

    def check_and_dismantle(self, head: UnregHead) -> list[NetDevice]:
        """Step 1: drop never-registered devices, BUG on any that is not REGISTERED."""
        k = self.k
        for dev in list(head.devs):
            if dev.reg_state is RegState.UNINITIALIZED:
                k.warn(f"unregister of {dev.name}, which was never registered", dev=dev)
                self.k.dev_queue.unreg_list_del(dev)
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
        self.k.dev_names.unlist_netdevice(dev)
        self.k.rcu.into_backlog(dev)
        dev.unregister_count += 1
        if dev.unregister_count > 1:
            self.k.report_invariant(
                f"{dev.name} entered UNREGISTERING twice", rule="unregistered-twice", dev=dev
            )
        with dev.lock:
            dev.reg_state = RegState.UNREGISTERING

    def unregister_one(self, dev: NetDevice, portid: int) -> None:
        """Step 6: shut one device down and notify everybody."""
        k = self.k
        assert dev.netdev_ops is not None
        k.rcu.assert_flushed(dev, "NETDEV_UNREGISTER")
        k.rcu.assert_elapsed(dev, LISTED, "NETDEV_UNREGISTER")
        if dev.rx_queues:
            with k.netdev_lock_ops(dev):
                k.netdev_rx_queue.dev_memory_provider_uninstall(dev)
        k.netdev_work.netdev_work_cancel(dev)
        outer = k.probe.current().unregistering
        outer.append(dev)
        try:
            k.notifier.call_netdevice_notifiers("UNREGISTER", dev)
        finally:
            outer.pop()
        k.cpu(k.timing.notifiers, "notifiers")
        msg: Fields | None = None
        if dev.rtnl_link_ops is None or not dev.rtnl_link_initializing:
            msg = k.events.rtmsg_ifinfo_build_skb("DELLINK", dev, ALL, portid=portid)
        self.check_no_upper(dev)
        k.notifier.call_netdevice_notifiers("PRE_UNINIT", dev)
        k.strict_assert(dev, "ndo_uninit")
        dev.netdev_ops.ndo_uninit(dev)
        if msg is not None:
            k.events.rtmsg_ifinfo_send(msg)
        uppers, lowers = k.dev_links.uppers(dev), k.dev_links.lowers(dev)
        if uppers or lowers:
            known = self.known_left(uppers) if uppers else ""
            k.warn(
                f"{dev.name} is unregistered with upper or lower devices linked",
                dev=dev,
                known=known,
            )
        k.inet.unregister_sysfs(dev)
        k.cpu(k.timing.sysfs, "sysfs")
        k.rcu.retire(dev, TORN_DOWN)

    def check_no_upper(self, dev: NetDevice) -> None:
        """invariant: uppers are gone from the adjacency before their lower's PRE_UNINIT."""
        uppers = self.k.dev_links.uppers(dev)
        if uppers:
            names = " ".join(upper.name for upper in uppers)
            self.k.report_invariant(
                f"{dev.name} reaches PRE_UNINIT with upper devices linked: {names}",
                rule="upper-at-pre-uninit",
                dev=dev,
                known=self.known_left(uppers),
            )

    def known_left(self, uppers: Sequence[NetDevice]) -> str:
        """The known defect that leaves an upper linked: amt takes only its first one (G.27)."""
        return "G.27" if all(upper.kind == "amt" for upper in uppers) else ""

    def net_set_todo(self, dev: NetDevice) -> None:
        """Onto net_todo_list, which the end of the section empties."""
        dev.torn_down = True
        self.k.rtnl.todo().append(dev)
