"""vlan as Linux 7.3 has it, under a kernel without the global RTNL."""

from __future__ import annotations

from rtnl_model.kernel.links.vlan import Vlan
from rtnl_model.kernel.overlay import Instead

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]


class Unconverted(Vlan):
    """In the conversion's place: 7.3's driver, which says of itself that it was converted."""

    converted = True


ENTRY = Entry(
    id="unconverted-vlan",
    title="vlan unregisters the uppers of a lower that goes, wherever they are",
    kind="hazard",
    what="The lower's UNREGISTER event deletes every upper and unregisters them in one nested call;"
    " the lower's table of VLANs has no lock of its own.",
    interleaving="any deletion of a lower with a vlan in another namespace",
    symptom="two namespaces' state changed under one lock",
    source="reading of net/8021q/vlan.c",
    setting=Setting(regime="pernet"),
    scenario="""
ip netns add left
ip netns add right
ip -n left link add low0 type dummy
ip -n right link add upp0 link low0 link-netns left type vlan id 10
ip -n left link del low0
""",
    expected=(Expected("assertion", ""),),
    classes={"links.vlan": Instead(Unconverted)},
)
