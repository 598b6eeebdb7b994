"""A namespace is held that nobody holds any more: hazard 11."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.regime import Regime

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from rtnl_model.kernel.net_namespace import Net

__all__ = ["ENTRY"]


class PlainIncrement(Regime):
    """net_passive_inc, as rtnl_net_dev_lock of 7.3 does it."""

    def hold_memory(self, net: Net) -> bool:
        """One more, whatever there was."""
        self.k.net_namespace.net_passive_inc(net)
        return True


ENTRY = Entry(
    id="dead-net-held",
    title="rtnl_net_dev_lock takes a reference on a namespace whose last one is gone",
    kind="hazard",
    what="Between the look at dev_net and the plain increment of the passive count nothing keeps"
    " the namespace.",
    interleaving="T1 unloads a card's driver and reads the card's namespace; cleanup_net sends the"
    " card home to init_net and drops the namespace's last reference; T1 counts up from zero",
    symptom="refcount warning; a mutex locked in memory that is being freed",
    source="hazard 11: the plain form is still there in 7.3, where the RCU section"
    " around the look does not keep the count above zero",
    scenario="""
ip netns add left
ip link add card0 type phys driver carddrv queues 2
ip link set card0 netns left
ip netns del left & rmmod carddrv & wait
""",
    expected=(Expected("invariant", "taken from zero"),),
    setting=Setting(regime="pernet"),
    classes={"regime": PlainIncrement},
    search="explore",
    rounds=600,
)
