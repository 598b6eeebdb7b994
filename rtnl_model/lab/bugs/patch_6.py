"""Patch 6 reverted: there is no per-netns pending list, foreign devices go on the caller's list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.regime import Regime

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice, UnregHead

__all__ = ["ENTRY"]


class Alias(Regime):
    """unregister_netdevice_queue_net as an alias, as without the option; the netns locks stay."""

    def unregister_netdevice_queue_net(
        self, net: Net, dev: NetDevice, head: UnregHead | None
    ) -> None:
        """Ours or not, on the caller's list."""
        self.k.dev.unregister_netdevice_queue(dev, head)


ENTRY = Entry(
    id="patch-6",
    title="devices of other namespaces are unregistered by whoever met them",
    kind="patch",
    what="The netns locks exist, the hand-over does not.",
    interleaving="any deletion that reaches into another namespace",
    symptom="with the global RTNL none; without it, a device unregistered without its netns' lock",
    source="af3634d4ac65",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add low0 type dummy
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n left link del low0
""",
    expected=(Expected("assertion", ""),),
    classes={"regime": Alias},
)
