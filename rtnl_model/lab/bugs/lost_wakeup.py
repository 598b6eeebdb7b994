"""The work is queued before the device is on the list that it looks at: hazard 33."""

from __future__ import annotations

from typing import Any

from .entry import Entry, Expected

__all__ = ["ENTRY"]


def work_first(base: Any) -> Any:
    """Both steps outside one spinlock, in the wrong order."""

    class DevQueue(base):  # type: ignore[misc]
        def queue_pending(self, net: Any, dev: Any) -> None:
            """Queue the work, then add the device."""
            self.k.rtnl_work.rtnl_net_queue_work(net)
            with net.dev_unreg_lock:
                self.pending_add(net, dev)
                self.k.count("delegated", dev)

    return DevQueue


ENTRY = Entry(
    id="lost-wakeup",
    title="the work may look at the pending list before the device is on it",
    kind="hazard",
    what="rtnl_net_queue_work comes before the enqueue, and not under dev_unreg_lock.",
    interleaving="T queues the work; the work finds the list empty, without a lock, and returns;"
    " T adds",
    symptom="the device stays until somebody else happens to drop its namespace's lock",
    source="kernel-core hazard 33",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0
""",
    expected=(Expected("invariant", "pending"),),
    classes={"dev_queue": work_first},
    search="explore",
    rounds=300,
)
