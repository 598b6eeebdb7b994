"""Patch 1 reverted: rtnl_newlink does not lock the requester's namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.rtnl_newlink import RtnlNewlink

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.rtnetlink_request import LinkRequest

__all__ = ["ENTRY"]


class ThreeNets(RtnlNewlink):
    """struct rtnl_nets with peer, target and link netns only."""

    def nets_of(self, req: LinkRequest, tgt_net: Net, peer_net: Net | None) -> list[Net]:
        """The requester's is not one of them."""
        return [net for net in (peer_net, tgt_net, req.link_net) if net is not None]


ENTRY = Entry(
    id="patch-1",
    title="a tunnel is made with its socket in a namespace that nobody locked",
    kind="patch",
    what="Without IFLA_LINK_NETNSID the backend is the requester's namespace, which was not in"
    " the set.",
    interleaving="a tunnel is made from one namespace into another",
    symptom="with the global RTNL none; without it, the backend's list changes under no"
    " netns' lock",
    source="5ecbbb179e0c",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add tun0 netns right type bareudp dstport 6635 ethertype mpls_uc
""",
    expected=(Expected("assertion", ""), Expected("warn", "ASSERT")),
    classes={"rtnl_newlink": ThreeNets},
)
