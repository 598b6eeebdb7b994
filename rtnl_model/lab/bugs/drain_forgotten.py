"""The work takes and drops its namespace's lock, and does not drain: patch 6 less one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.rtnl_work import RtnlWork

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.net_namespace import Net

__all__ = ["ENTRY"]


class DropWithoutDrain(RtnlWork):
    """rtnl_net_work_func ends with a plain mutex_unlock."""

    def rtnl_net_work_func(self, net: Net) -> None:
        """Everything but unregister_netdevice_many_net."""
        k = self.k
        with k.probe.fn("rtnl_net_work_func", net=net):
            if not self.work_has_something(net):
                return
            k.rtnl.rtnl_net_lock(net)
            k.rtnl.net_release(net)
            k.rtnl.rtnl_unlock()


ENTRY = Entry(
    id="drain-forgotten",
    title="the work drops its namespace's lock without draining",
    kind="hazard",
    what="The unlock of rtnl_net_work_func is a plain mutex_unlock.",
    interleaving="any deletion that reaches into another namespace nobody else uses",
    symptom="the device stays pending; a lower that waits for it waits for ever",
    source="af3634d4ac65 (patch 6); reading of net/core/rtnetlink.c",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add low0 type dummy
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n left link del low0
""",
    expected=(
        Expected("invariant", "pending"),
        Expected("hang", ""),
        Expected("deadlock", ""),
    ),
    classes={"rtnl_work": DropWithoutDrain},
)
