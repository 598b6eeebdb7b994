"""Patch 7 reverted: a dying namespace's devices are unregistered after its lock was dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.regime import Regime

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import UnregHead

__all__ = ["ENTRY"]


class LeaveThemOnTheList(Regime):
    """unregister_netdevice_queue_many_net did not exist."""

    def unregister_netdevice_queue_many_net(self, net: Net, head: UnregHead | None) -> None:
        """Everything stays on the shared list."""


ENTRY = Entry(
    id="patch-7",
    title="the devices of dying namespaces are unregistered once for the batch, with no netns'"
    " lock",
    kind="patch",
    what="unregister_netdevice_many runs on the batch's list after the last namespace was"
    " unlocked.",
    interleaving="any deletion of a namespace with a device; any module unload",
    symptom="with the global RTNL none; without it, devices unregistered under no lock at all",
    source="d0008553a70a",
    scenario="""
ip netns add left
ip -n left link add low0 type dummy
ip netns del left
""",
    expected=(Expected("assertion", ""),),
    classes={"regime": LeaveThemOnTheList},
)
