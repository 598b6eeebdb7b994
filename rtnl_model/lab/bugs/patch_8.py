"""Patch 8 reverted: veth unregisters its peer on the spot, whatever namespace that is in."""

from __future__ import annotations

from typing import Any

from .entry import Entry, Expected

__all__ = ["ENTRY"]


def both_on_one_list(base: Any) -> Any:
    """veth_dellink before the series: plain pointers, no references, both ends on one list."""

    class Veth(base):  # type: ignore[misc]
        def hold_peer(self, peer: Any) -> None:
            """There was no reference."""

        def dellink(self, dev: Any, head: Any) -> None:
            """Clear both pointers, queue both ends."""
            with self.k.probe.fn(f"{self.kind}_dellink", dev):
                peer = dev.priv.peer.get()
                dev.priv.peer.set(None)
                self.k.dev.unregister_netdevice_queue(dev, head)
                if peer is not None:
                    peer.priv.peer.set(None)
                    self.k.dev.unregister_netdevice_queue(peer, head)

        def unpublish(self, dev: Any) -> None:
            """Error path: nothing to drop."""
            dev.priv.peer.set(None)

    return Veth


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
    classes={"links.veth": both_on_one_list},
)
