"""veth exchanges its pointers but holds no reference on the peer: hazard 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.paired import PairPriv
from rtnl_model.kernel.links.veth import Veth

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class NoHolds(Veth):
    """The pointers are exchanged, nothing keeps the other end alive."""

    def publish(self, dev: NetDevice, peer: NetDevice) -> None:
        """The pointer alone."""
        dev.netdev_priv(PairPriv).peer.set(peer)

    def put_pair(self, dev: NetDevice, peer: NetDevice, back: NetDevice | None) -> None:
        """Nothing to drop."""

    def unpublish(self, dev: NetDevice) -> None:
        """Nothing to drop."""
        dev.netdev_priv(PairPriv).peer.xchg(None)


ENTRY = Entry(
    id="peer-not-held",
    title="veth takes the peer's pointer without a reference that comes with it",
    kind="hazard",
    what="Between the exchange of its own pointer and that of the peer's, nothing keeps the peer.",
    interleaving="T1 takes the pointer to the peer; T2, in the peer's namespace, deletes and"
    " frees the peer; T1 exchanges the pointer in the peer's private area",
    symptom="use after free",
    source="d7fda2c776b2 (patch 8); hazard 4",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0 & ip -n right link del end1 & wait
""",
    expected=(Expected("invariant", "use after free"),),
    setting=Setting(regime="pernet"),
    classes={"links.veth": NoHolds},
    also=("G.16",),
    search="explore",
    rounds=1500,
)
