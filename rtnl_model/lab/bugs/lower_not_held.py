"""ipvlan's uninit lets the lower be freed while it holds the lower's instance lock: hazard 25."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.ipvlan import Ipvlan
from rtnl_model.kernel.links.ipvlan_port import IpvlPriv

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class NoHold(Ipvlan):
    """The reference of the port is all that keeps the lower."""

    def ndo_uninit(self, dev: NetDevice) -> None:
        """Its last count drops that reference before the lock is released."""
        with self.k.probe.fn("ipvlan_uninit", dev):
            port = dev.netdev_priv(IpvlPriv).port
            with port.dev.lock:
                self.port_leave(port)


ENTRY = Entry(
    id="lower-not-held",
    title="ipvlan drops the last reference on the lower with the lower's instance lock held",
    kind="hazard",
    what="The last upper's uninit destroys the port, whose reference may be the last one on the"
    " lower; the temporary reference around the critical section is missing.",
    interleaving="T1 deletes the lower and waits for the port's reference; the upper's worker drops"
    " it and still holds the lower's lock; T1 frees the lower",
    symptom="a mutex is unlocked in memory that is free",
    source="aabbdb8c76d7 (patch 12), which has the hold for this reason",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add low0 type veth peer name low1
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n left link del low0
""",
    expected=(Expected("freed-held", "low0"),),
    setting=Setting(regime="pernet"),
    classes={"links.ipvlan": NoHold},
    search="explore",
    rounds=300,
)
