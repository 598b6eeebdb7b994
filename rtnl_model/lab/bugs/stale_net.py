"""rtnl_net_dev_lock does not look again after it has locked: hazard 10."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.rtnl import Rtnl

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class LockOnce(Rtnl):
    """The namespace that the device was in a moment ago is good enough."""

    def rtnl_net_dev_lock(self, dev: NetDevice) -> Net | None:
        """Read dev_net, lock it."""
        net = self.k.dev.dev_net(dev)
        if not self.k.regime.hold_memory(net):
            return None
        self.rtnl_net_lock(net)
        return net


ENTRY = Entry(
    id="stale-net",
    title="rtnl_net_dev_lock locks the namespace that a device has left",
    kind="hazard",
    what="dev_net is read before the lock that keeps the device there is held, and not again.",
    interleaving="T1 unloads a card's driver and reads the card's namespace; T2 moves the card;"
    " T1 locks the old namespace and unregisters the card in the new one",
    symptom="with the global RTNL none; without it, a device unregistered without its netns' lock",
    source="65161fb544aa, d4c6bfc83936; hazard 10",
    scenario="""
ip netns add left
ip link add card0 type phys driver carddrv queues 2
rmmod carddrv & ip link set card0 netns left || true & wait
""",
    expected=(Expected("assertion", "without the lock of its namespace"),),
    setting=Setting(regime="pernet"),
    classes={"rtnl": LockOnce},
    search="explore",
    rounds=600,
)
