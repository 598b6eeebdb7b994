"""G.5: a work that waits for what only a work behind it on the same CPU can give."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.5",
    title="works of one CPU run one at a time, and one of them waits for a later one",
    kind="known",
    what="rtnl_net is a per-CPU workqueue with one active item; a work queued from a running"
    " work lies behind it.",
    interleaving="T hands v2 to B; B's work unregisters it, hands its upper to C, and waits for the"
    " upper's reference; C's work is queued behind B's. No race is needed.",
    symptom="unregister_netdevice: waiting for … to become free, until somebody locks C",
    source="recorded on 7.3-rc7; hazard 19, G.5",
    real_kernel="7.3-rc7 on 2 CPUs: seen in 3 rounds of 3.  unregister_netdevice: waiting for end1"
    " to become free. Usage count = 2; it ends when the upper's namespace is locked and unlocked."
    " The loop below stops in its first round and shows the work in msleep, under"
    " netdev_run_todo and rtnl_net_work_func, with cleanup_net behind it in __flush_workqueue"
    " (G.17)",
    scenario="""
ip netns add left
ip netns add right
ip netns add third
ip -n left link add end0 type veth peer name end1 netns right
ip -n third link add upp0 link end1 link-netns right type ipvlan mode l2
ip -n left link del end0
""",
    expected=(Expected("hang", ""), Expected("deadlock", "")),
    setting=Setting(workers="percpu", cpus=1),
    twin=Setting(workers="netns"),
)
