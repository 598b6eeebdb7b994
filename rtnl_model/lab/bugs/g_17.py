"""G.17: one flush for the works of all namespaces."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.17",
    title="a stuck work of one namespace blocks the deletion of every other",
    kind="known",
    what="default_device_exit_batch flushes the whole workqueue, with pernet_ops_rwsem held for"
    " read.",
    interleaving="any namespace is deleted while some work waits for ever (G.5, a leak)",
    symptom="cleanup_net sleeps in the flush; behind the first writer of the rwsem nobody can"
    " create a namespace",
    source="recorded on 7.3-rc7; hazard 42, G.17",
    real_kernel="7.3-rc7 on 2 CPUs: seen in 2 rounds of 2. cleanup_net sleeps in"
    " __flush_workqueue, under default_device_exit_batch, as long as the work waits"
    " for end1 (G.5); another namespace could still be created meanwhile",
    scenario="""
ip netns add left
ip netns add right
ip netns add third
ip netns add other
ip -n left link add end0 type veth peer name end1 netns right
ip -n third link add upp0 link end1 link-netns right type ipvlan mode l2
( ip -n left link del end0; ip netns del other )
""",
    expected=(Expected("hang", ""), Expected("deadlock", "")),
    setting=Setting(workers="percpu", cpus=1),
    twin=Setting(workers="netns"),
)
