"""One of the two references of a veth pair is never dropped: hazard 34."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.paired import PairPriv
from rtnl_model.kernel.links.veth import Veth

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class ForgetOnePut(Veth):
    """dellink drops its hold on the peer and forgets the peer's hold on the device."""

    def put_pair(self, dev: NetDevice, peer: NetDevice, back: NetDevice | None) -> None:
        """The hold on peer is dropped, the one on dev forgotten."""
        self.k.dev.netdev_put(peer, dev.netdev_priv(PairPriv).peer_tracker)


ENTRY = Entry(
    id="reference-leaked",
    title="veth's dellink forgets to drop the reference that the peer had on the device",
    kind="hazard",
    what="The winner of the exchange must drop both holds; this one drops only its own.",
    interleaving="any deletion of a pair",
    symptom="unregister_netdevice: waiting for … to become free, for ever; in a work it blocks"
    " every later deletion of a namespace behind the flush",
    source="hazards 5 and 34",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0
""",
    expected=(Expected("hang", ""), Expected("deadlock", ""), Expected("leak", "")),
    classes={"links.veth": ForgetOnePut},
)
