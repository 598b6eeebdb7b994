"""ipvlan whose dellink does not ask whether the lower's event was there first: no `dying`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.ipvlan import Ipvlan

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class WithoutDying(Ipvlan):
    """The flag is not read."""

    def is_dying(self, dev: NetDevice) -> bool:
        """Nobody asks."""
        return False


ENTRY = Entry(
    id="ipvlan-no-dying",
    title="ipvlan's dellink works on an upper that the lower's unregistration took already",
    kind="hazard",
    what="An upper that is pending in its namespace is still registered and found by name; its"
    " dellink unlinks it from the port, frees its dev_id and queues it a second time.",
    interleaving="T1 deletes the lower; T2 deletes the upper by name before the upper's work ran.",
    symptom="list_del corruption on the port's list, double free of the dev_id, a device queued"
    " twice",
    source="00a40d809207 (patch 14); @T17",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add low0 type dummy
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n left link del low0 & ip -n right link del upp0 & wait
""",
    expected=(
        Expected("warn", "list_del corruption"),
        Expected("invariant", "list_del corruption"),
        Expected("warn", "queue"),
        Expected("invariant", "queue"),
    ),
    setting=Setting(regime="pernet"),
    classes={"links.ipvlan": WithoutDying},
    search="explore",
    rounds=400,
)
