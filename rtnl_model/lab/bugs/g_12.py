"""G.12: the rebroadcast of a waiting device drains, and leaves what it drained to nobody."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.12",
    title="the rebroadcast unregisters a device and leaves it on the todo list",
    kind="known",
    what="netdev_wait_allrefs_any drops the netns' lock, which drains, and leaves with"
    " __rtnl_unlock.",
    interleaving="a work of B waits for a reference (G.5); T hands another device to B; the waiting"
    " work's rebroadcast unregisters it",
    symptom="WARNING in __rtnl_unlock, about every second; the device is freed by whoever comes"
    " next",
    source="recorded on 7.3-rc7; hazard 16, G.12",
    real_kernel="7.3-rc7 on 2 CPUs: seen in 2 rounds of 2, about every second.  WARNING at"
    " net/core/rtnetlink.c:141 in __rtnl_unlock, from netdev_run_todo in rtnl_net_work_func",
    scenario="""
ip netns add left
ip netns add right
ip netns add third
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link add two0 type veth peer name two1 netns right
ip -n third link add upp0 link end1 link-netns right type ipvlan mode l2
( ip -n left link del end0; ip -n left link del two0 )
""",
    expected=(Expected("warn", "todo list"),),
    setting=Setting(workers="percpu", cpus=1),
    twin=Setting(workers="netns"),
)
