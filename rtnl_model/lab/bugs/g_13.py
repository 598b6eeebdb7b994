"""G.13: the peer's tracker is used after the reference that keeps the peer was dropped."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.13",
    title="veth's dellink ends with two puts in the wrong order",
    kind="candidate",
    what="The second put uses the tracker in the peer's private area; the first one let the peer"
    " go.",
    interleaving="T queues the peer to B; B's work unregisters it and waits for T's hold; T's"
    " first put; B's work frees the peer; T's second put",
    symptom="use after free of the tracker",
    source="G.13 (masked by RTNL)",
    real_kernel="7.3-rc7: not seen in 92 rounds on 4 CPUs (a kernel without a detector of use"
    " after free): RTNL hides it",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0
""",
    expected=(Expected("invariant", "use after free"),),
    setting=Setting(regime="pernet"),
    search="explore",
    rounds=600,
)
