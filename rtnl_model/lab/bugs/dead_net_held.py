"""A namespace is held that nobody holds any more: hazard 11."""

from __future__ import annotations

from typing import Any

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]


def plain_increment(base: Any) -> Any:
    """net_passive_inc, as rtnl_net_dev_lock of 7.3 does it."""

    class Regime(base):  # type: ignore[misc]
        def hold_memory(self, net: Any) -> bool:
            """One more, whatever there was."""
            self.k.net_namespace.net_passive_inc(net)
            return True

    return Regime


ENTRY = Entry(
    id="dead-net-held",
    title="rtnl_net_dev_lock takes a reference on a namespace whose last one is gone",
    kind="hazard",
    what="Between the look at dev_net and the plain increment of the passive count nothing keeps"
    " the namespace.",
    interleaving="T1 unloads a card's driver and reads the card's namespace; cleanup_net sends the"
    " card home to init_net and drops the namespace's last reference; T1 counts up from zero",
    symptom="refcount warning; a mutex locked in memory that is being freed",
    source="kernel-core hazard 11: the plain form is still there in 7.3, where the RCU section"
    " around the look does not keep the count above zero",
    scenario="""
ip netns add left
ip link add card0 type phys driver carddrv queues 2
ip link set card0 netns left
ip netns del left & rmmod carddrv & wait
""",
    expected=(Expected("invariant", "taken from zero"),),
    setting=Setting(regime="pernet"),
    classes={"regime": plain_increment},
    search="explore",
    rounds=600,
)
