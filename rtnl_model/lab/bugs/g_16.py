"""G.16: veth's winner is decided before the peer is queued, and its namespace dies between."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.16",
    title="a peer is queued to a namespace whose exit found nothing to do",
    kind="candidate",
    what="Both exchanges, then the enqueue: in between the peer's own dellink does nothing.",
    interleaving="T took both pointers; cleanup_net of the peer's namespace finds NULL, goes on and"
    " ends; T links the peer to the list of a freed namespace",
    symptom="use after free of struct net; WARN in netdev_exit",
    source="G.16 (masked by RTNL)",
    real_kernel="7.3-rc7: not seen in 127 rounds on 4 CPUs (a kernel without a detector of use"
    " after free): RTNL hides it",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0 & ip netns del right & wait
""",
    expected=(
        Expected("invariant", "cleanup is over"),
        Expected("invariant", "freed"),
        Expected("invariant", "pending"),
        Expected("warn", ""),
    ),
    setting=Setting(regime="pernet"),
    search="explore",
    rounds=2000,
)
