"""ipvlan deletes its uppers whenever UNREGISTER comes, a mere move included: hazard 27."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.ipvlan import Ipvlan

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.links.ipvlan_port import IpvlPort
    from rtnl_model.kernel.netdevice import NetDevice, UnregHead

__all__ = ["ENTRY"]


class AnyUnregister(Ipvlan):
    """reg_state is not asked."""

    def handle_event(self, event: str, dev: NetDevice, port: IpvlPort, head: UnregHead) -> int:
        """UNREGISTER is taken for the end of the device."""
        if event == "UNREGISTER":
            self.delete_uppers(port, head)
            return 0
        return int(super().handle_event(event, dev, port, head))


ENTRY = Entry(
    id="moved-is-gone",
    title="ipvlan takes the UNREGISTER event of a move or of a rebroadcast for the lower's end",
    kind="hazard",
    what="The handler does not look at reg_state, as macsec's and vxlan's do not.",
    interleaving="a lower is moved to another namespace",
    symptom="uppers in other namespaces vanish although nobody deleted anything",
    source="hazard 27, G.9",
    scenario="""
ip netns add left
ip netns add right
ip netns add third
ip -n left link add low0 type dummy
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n left link set low0 netns third
""",
    expected=(Expected("outcome", "devices"),),
    classes={"links.ipvlan": AnyUnregister},
)
