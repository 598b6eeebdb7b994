"""Patch 10 reverted: a dying backend unregisters bareudp devices of other namespaces itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.bareudp import Bareudp

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.links.backend import BackendNet
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice, UnregHead

__all__ = ["ENTRY"]


class QueueHere(Bareudp):
    """The list's mutex stays (patch 9); the device goes to whoever asks, not to its namespace."""

    def delete(self, data: BackendNet, dev: NetDevice, net: Net, head: UnregHead | None) -> None:
        """Take it off the list and put it on the caller's."""
        self.list_del_init(data, dev)
        self.k.dev.unregister_netdevice_queue(dev, head)


ENTRY = Entry(
    id="patch-10",
    title="bareudp as before the series: the backend's exit unregisters devices of other"
    " namespaces",
    kind="patch",
    what="exit_rtnl queues devices on cleanup_net's own list, wherever they live.",
    interleaving="a namespace dies that holds the socket of a device elsewhere",
    symptom="with the global RTNL none; without it, a device unregistered without its netns' lock",
    source="f1de92507a91",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add tun0 netns right type bareudp dstport 6635 ethertype mpls_uc
ip netns del left
""",
    expected=(Expected("assertion", ""),),
    classes={"links.bareudp": QueueHere},
)
