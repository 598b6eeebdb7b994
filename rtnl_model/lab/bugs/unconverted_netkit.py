"""netkit as Linux 7.3 has it, under a kernel without the global RTNL."""

from __future__ import annotations

from rtnl_model.kernel.links.netkit import Netkit
from rtnl_model.kernel.overlay import Instead

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]


class Unconverted(Netkit):
    """In the conversion's place: 7.3's driver, which says of itself that it was converted."""

    converted = True


ENTRY = Entry(
    id="unconverted-netkit",
    title="netkit unregisters its peer, and a leased card's netkits, wherever they are",
    kind="hazard",
    what="Plain pointers and one kill list for both ends; the notifier unregisters the netkits of"
    " other namespaces on the spot.",
    interleaving="any deletion of a pair that spans two namespaces, or of a leased card",
    symptom="two namespaces' state changed under one lock, or under none",
    source="reading of drivers/net/netkit.c",
    setting=Setting(regime="pernet"),
    scenario="""
ip netns add left
ip netns add right
ip -n left link add pod0 type netkit mode l3 peer name pod1 netns right
ip -n left link del pod0
""",
    expected=(Expected("assertion", ""),),
    classes={"links.netkit": Instead(Unconverted)},
)
