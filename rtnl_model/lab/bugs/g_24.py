"""G.24: a worker's unlock waits for references that the worker itself holds."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.24",
    title="linkwatch waits for a reference that its own next mark holds",
    kind="fix",
    what="linkwatch takes all marked devices at once, each with a reference, and locks the"
    " namespace of one after the other; the unlock drains and waits for references.",
    interleaving="both uppers of a lower lose their carrier and are marked; the lower is deleted,"
    " which leaves them pending in their namespace; linkwatch is there before that one's work and"
    " unregisters both, while the second one's mark is still in its hands",
    symptom="unregister_netdevice: waiting for … to become free, for ever; no link event is ever"
    " handled again",
    source="found by exploration; no kernel has it, as 7.3 runs all marks in one RTNL section",
    real_kernel="7.3-rc7: not seen in 25 rounds on 2 CPUs, nor expected: it runs all marks in one"
    " RTNL section",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add low0 type veth peer name low1
ip -n left link set low0 up
ip -n left link set low1 up
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n right link add upp1 link low0 link-netns left type ipvlan mode l2
ip -n left link set low1 down & ip -n left link del low0 & wait
""",
    expected=(Expected("deadlock", "waits for refs of"),),
    setting=Setting(regime="pernet"),
    search="explore",
    rounds=1500,
)
