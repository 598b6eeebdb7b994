"""The hand-over reads the device's namespace before it takes the device's lock: hazard 10."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.regime import Regime

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice, UnregHead

__all__ = ["ENTRY"]


class ReadFirst(Regime):
    """dev_net is looked up, then the lock is taken."""

    def unregister_netdevice_queue_net(
        self, net: Net, dev: NetDevice, head: UnregHead | None
    ) -> None:
        """The namespace may change between the look and the enqueue."""
        with self.k.probe.fn("unregister_netdevice_queue_net", dev, qnet=net):
            other = self.k.dev.dev_net(dev)
            if other is net:
                self.k.dev.unregister_netdevice_queue(dev, head)
                return
            with dev.lock:
                self.k.dev_queue.queue_pending(other, dev)


ENTRY = Entry(
    id="net-read-unlocked",
    title="unregister_netdevice_queue_net reads dev_net before it takes dev->lock",
    kind="hazard",
    what="'Which netns' and the enqueue are two steps.",
    interleaving="T1 reads the peer's namespace; T2 moves the peer; T1 queues it where it was",
    symptom="a device pending in a namespace it is not in; its new namespace never unregisters it",
    source="hazards 10 and 29; G.4",
    scenario="""
ip netns add left
ip netns add right
ip netns add third
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0 & ip -n right link set end1 netns third & wait
""",
    expected=(
        Expected("assertion", ""),
        Expected("invariant", "pending"),
    ),
    setting=Setting(regime="pernet"),
    classes={"regime": ReadFirst},
    search="explore",
    rounds=1500,
)
