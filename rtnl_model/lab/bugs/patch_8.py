"""Patch 8 reverted: veth unregisters its peer on the spot, whatever namespace that is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.paired import PairPriv
from rtnl_model.kernel.links.veth import Veth

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.netdevice import NetDevice, UnregHead

__all__ = ["ENTRY"]


class BothOnOneList(Veth):
    """veth_dellink before the series: plain pointers, no references, both ends on one list."""

    def publish(self, dev: NetDevice, peer: NetDevice) -> None:
        """The pointer alone: there was no reference."""
        dev.netdev_priv(PairPriv).peer.set(peer)

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Clear both pointers, queue both ends."""
        with self.k.probe.fn(f"{self.kind}_dellink", dev):
            peer = dev.netdev_priv(PairPriv).peer.get()
            dev.netdev_priv(PairPriv).peer.set(None)
            self.k.dev.unregister_netdevice_queue(dev, head)
            if peer is not None:
                peer.netdev_priv(PairPriv).peer.set(None)
                self.k.dev.unregister_netdevice_queue(peer, head)

    def unpublish(self, dev: NetDevice) -> None:
        """Error path: nothing to drop."""
        dev.netdev_priv(PairPriv).peer.set(None)


ENTRY = Entry(
    id="patch-8",
    title="veth as before the series: the peer is unregistered by the caller, without its netns'"
    " lock",
    kind="patch",
    what="dellink puts both ends on the caller's list, though the caller owns one namespace only.",
    interleaving="any deletion of a pair that spans two namespaces",
    symptom="with the global RTNL none; without it, two namespaces' state changed under one lock",
    source="d7fda2c776b2",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0
""",
    expected=(Expected("assertion", ""),),
    classes={"links.veth": BothOnOneList},
)
