"""Patch 14 reverted: the lower's event unregisters every upper where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.ipvlan import Ipvlan

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.links.ipvlan_port import IpvlPort
    from rtnl_model.kernel.netdevice import UnregHead

__all__ = ["ENTRY"]


class DeleteInline(Ipvlan):
    """No `dying`, no hand-over: the nested unregistration from before the patch."""

    def delete_uppers(self, port: IpvlPort, head: UnregHead) -> None:
        """Every upper on the caller's list, whatever namespace it lives in."""
        for upper in list(port.ipvlans):
            self.delete_from_port(upper)
            self.k.dev.unregister_netdevice_queue(upper, head)
            self.unlink_upper(upper)


ENTRY = Entry(
    id="patch-14",
    title="ipvlan as before the series: uppers of other namespaces are unregistered by the"
    " lower's event",
    kind="patch",
    what="The lower's NETDEV_UNREGISTER puts every upper on one list and unregisters it there.",
    interleaving="any deletion of a lower with an upper in another namespace",
    symptom="with the global RTNL none; without it, an unbounded set of namespaces to lock at once",
    source="00a40d809207",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add low0 type dummy
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n left link del low0
""",
    expected=(Expected("assertion", ""),),
    classes={"links.ipvlan": DeleteInline},
)
