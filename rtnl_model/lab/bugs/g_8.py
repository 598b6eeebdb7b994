"""G.8: the L3S hook counter of a namespace is a plain integer."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.8",
    title="two L3S ports of one namespace count their hooks without a common lock",
    kind="candidate",
    what="ipvl_nf_hook_refcnt is changed under the pnodes_lock, or the instance lock, of"
    " different ports.",
    interleaving="the last uppers of two lowers in one namespace go at once, each in a namespace"
    " of its own",
    symptom="lost update: hooks stay, or go too early; WARN at the namespace's exit",
    source="G.8 (masked by RTNL), @T11",
    real_kernel="7.3-rc7: not seen in 109 rounds on 4 CPUs: RTNL hides it",
    scenario="""
ip netns add left
ip netns add right
ip netns add third
ip -n left link add low0 type dummy
ip -n left link add low1 type dummy
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l3s
ip -n third link add upp1 link low1 link-netns left type ipvlan mode l3s
ip -n right link del upp0 & ip -n third link del upp1 & wait
""",
    expected=(Expected("race", ""), Expected("invariant", "L3S"), Expected("warn", "nf hook")),
    setting=Setting(regime="pernet", races=True),
    search="explore",
    rounds=600,
)
