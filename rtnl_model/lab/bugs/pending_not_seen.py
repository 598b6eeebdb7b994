"""netkit converted with 7.3's guard, which does not see a pending device: hazard 8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.netkit_pernet import NetkitPernet, NetkitPernetPriv

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice, UnregHead

__all__ = ["ENTRY"]


class OldGuard(NetkitPernet):
    """Both ends go to their namespaces, and `queued` still means: on a kill list."""

    def delete_pair(self, net: Net, dev: NetDevice, head: UnregHead | None) -> None:
        """unregister_netdevice_queued instead of the pair's own mark."""
        shared = dev.netdev_priv(NetkitPernetPriv).shared
        with shared.lock:
            if self.already_queued(dev):
                return
            peer = self.forget_peer(shared, dev)
            self.k.dev.unregister_netdevice_queue_net(net, dev, head)
            if peer is not None and not self.already_queued(peer):
                self.k.dev.unregister_netdevice_queue_net(net, peer, head)


ENTRY = Entry(
    id="pending-not-seen",
    title="netkit's guard against queueing a device twice does not see a pending one",
    kind="hazard",
    what="unregister_netdevice_queued looks at the kill lists' node only. A netkit that another"
    " namespace's deletion left pending is put on a second list.",
    interleaving="T1 deletes the primary end, which leaves the other end pending in its namespace;"
    " before that one's work T2 unloads the card whose queue it leases, and the notifier meets it",
    symptom="a device on two lists: list corruption, or BUG on reg_state in the outer walk",
    source="hazard 8 and G.21",
    scenario="""
ip netns add left
ip netns add right
ip link add card0 type phys driver carddrv queues 4
ip -n left link add pod0 numrxqueues 4 type netkit mode l3 peer name pod1 numrxqueues 4 netns right
lease card0 queue 1 to right/pod1
ip -n left link del pod0 & rmmod carddrv & wait
""",
    expected=(
        Expected("invariant", "of a queued device"),
        Expected("invariant", "of a pending device"),
        Expected("invariant", "twice"),
    ),
    setting=Setting(regime="pernet"),
    classes={"links.netkit": OldGuard},
    search="explore",
    rounds=600,
)
