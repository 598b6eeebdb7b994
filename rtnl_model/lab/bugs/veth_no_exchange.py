"""veth that reads its peer pointer and clears it, in two steps: hazard 3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.paired import PairPriv
from rtnl_model.kernel.links.veth import Veth

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from rtnl_model.kernel.netdevice import NetDevice, UnregHead

__all__ = ["ENTRY"]


class ReadThenClear(Veth):
    """dellink as it was before the exchange; only the hand-over to the other netns is kept."""

    def dellink(self, dev: NetDevice, head: UnregHead | None) -> None:
        """Queue dev whether or not the other end's dellink did."""
        with self.k.probe.fn(f"{self.kind}_dellink", dev):
            peer = dev.netdev_priv(PairPriv).peer.get()
            self.k.dev.unregister_netdevice_queue(dev, head)
            dev.netdev_priv(PairPriv).peer.set(None)
            if peer is None:
                return
            back = peer.netdev_priv(PairPriv).peer.get()
            self.queue_peer(dev, peer, head)
            peer.netdev_priv(PairPriv).peer.set(None)
            self.put_pair(dev, peer, back)


ENTRY = Entry(
    id="veth-no-exchange",
    title="veth deletes by reading and clearing the peer pointer instead of exchanging it",
    kind="hazard",
    what="Both ends' dellink may believe that the pair is theirs, and an end that is already"
    " pending in its own namespace is queued once more by its own dellink.",
    interleaving="T1 deletes one end and hands the other to its namespace; T2 deletes that other"
    " end before the work came to it.",
    symptom="list corruption, or BUG on reg_state when a device is unregistered a second time",
    source="d7fda2c776b2 (patch 8); hazard 3",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0 & ip -n right link del end1 & wait
""",
    expected=(
        Expected("warn", "queue"),
        Expected("invariant", "queue"),
        Expected("invariant", "twice"),
        Expected("invariant", "list"),
        Expected("warn", "list"),
        Expected("warn", "BUG"),
    ),
    setting=Setting(regime="pernet"),
    classes={"links.veth": ReadThenClear},
    search="explore",
    rounds=400,
)
