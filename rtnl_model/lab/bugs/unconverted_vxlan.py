"""vxlan as Linux 7.3 has it, under a kernel without the global RTNL."""

from __future__ import annotations

from rtnl_model.kernel.links.vxlan import Vxlan
from rtnl_model.kernel.overlay import Instead

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]


class Unconverted(Vxlan):
    """In the conversion's place: 7.3's driver, which says of itself that it was converted."""

    converted = True


ENTRY = Entry(
    id="unconverted-vxlan",
    title="vxlan's backend unregisters devices of other namespaces itself",
    kind="hazard",
    what="The backend's exit calls dellink for each of its devices, in its own pass;"
    " the list has no lock of its own.",
    interleaving="any end of a namespace with a vxlan's socket, the device elsewhere",
    symptom="two namespaces' state changed under one lock",
    source="reading of drivers/net/vxlan/vxlan_core.c",
    setting=Setting(regime="pernet"),
    scenario="""
ip netns add left
ip netns add right
ip -n left link add tun0 netns right type vxlan id 5 remote 192.0.2.1 dstport 4789
ip netns del left
""",
    expected=(Expected("assertion", ""),),
    classes={"links.vxlan": Instead(Unconverted)},
)
