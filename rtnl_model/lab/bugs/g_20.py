"""G.20: a pending device moves, and nobody in its new namespace hears of it."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.20",
    title="a pending device arrives in a namespace whose work is not queued",
    kind="candidate",
    what="unregister_netdevice_move_net moves the node and queues no work.",
    interleaving="a mover that does not drain the new namespace when it drops its lock",
    symptom="the device stays pending in its new namespace",
    source="G.20; 7.3's own movers of these kinds drain, one that does not is added",
    real_kernel="7.3-rc7: no message in 86 rounds on 4 CPUs, with 7.3's own mover, which drains;"
    " where the device was pending was not looked at",
    scenario="""
ip netns add left
ip netns add right
ip netns add third
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0 & ip -n right link set end1 netns third & wait
""",
    expected=(Expected("invariant", "pending"),),
    setting=Setting(regime="pernet"),
    also=("mover-does-not-drain",),
    search="explore",
    rounds=300,
)
