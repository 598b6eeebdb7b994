"""The work is queued before the device is on the list that it looks at: hazard 33."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.dev_queue import DevQueue

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class WorkFirst(DevQueue):
    """Both steps outside one spinlock, in the wrong order."""

    def queue_pending(self, net: Net, dev: NetDevice) -> None:
        """Queue the work, then add the device."""
        self.k.rtnl_work.rtnl_net_queue_work(net)
        with net.dev_unreg_lock:
            self.pending_add(net, dev)
            self.k.count("delegated", dev)


ENTRY = Entry(
    id="lost-wakeup",
    title="the work may look at the pending list before the device is on it",
    kind="hazard",
    what="rtnl_net_queue_work comes before the enqueue, and not under dev_unreg_lock.",
    interleaving="T queues the work; the work finds the list empty, without a lock, and returns;"
    " T adds",
    symptom="the device stays until somebody else happens to drop its namespace's lock",
    source="hazard 33",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0
""",
    expected=(Expected("invariant", "pending"),),
    classes={"dev_queue": WorkFirst},
    search="explore",
    rounds=300,
)
