"""G.3: an ipvlan is queued before its adjacency is cut."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.3",
    title="an upper's work may unregister it while it is still linked to its lower",
    kind="candidate",
    what="__ipvlan_link_delete queues the upper first and unlinks it from the lower afterwards.",
    interleaving="T queues the upper to C; C's work unregisters it; T unlinks",
    symptom="WARN: upper or lower still linked; both sides edit the adjacency lists",
    source="G.3 (masked by RTNL)",
    real_kernel="7.3-rc7: not seen in 160 rounds on 4 CPUs: RTNL hides it",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add low0 type dummy
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n left link del low0
""",
    expected=(Expected("warn", "linked"), Expected("invariant", "linked")),
    setting=Setting(regime="pernet"),
    search="explore",
    rounds=600,
)
