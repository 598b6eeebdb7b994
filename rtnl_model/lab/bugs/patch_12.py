"""Patch 12 reverted: ipvlan's init and uninit do not take the lower's instance lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.links.ipvlan import Ipvlan
from rtnl_model.kernel.links.ipvlan_port import IpvlPriv

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class NoInstanceLock(Ipvlan):
    """Joining and leaving the port rely on RTNL, which covers one namespace only."""

    def ndo_init(self, dev: NetDevice) -> None:
        """Is there a port?  Join it or make one."""
        with self.k.probe.fn("ipvlan_init", dev):
            priv = dev.netdev_priv(IpvlPriv)
            priv.port = self.port_join(priv.phy_dev)

    def ndo_uninit(self, dev: NetDevice) -> None:
        """The last one destroys it."""
        with self.k.probe.fn("ipvlan_uninit", dev):
            self.port_leave(dev.netdev_priv(IpvlPriv).port)

    def assert_port_locked(self, lower: NetDevice) -> None:
        """No lock to ask for."""

    def assert_destroy_locked(self, lower: NetDevice) -> None:
        """No lock to ask for."""


ENTRY = Entry(
    id="patch-12",
    title="the last upper leaves ipvlan's port while another upper joins it",
    kind="patch",
    what="'Is there a port' and counting up are two steps of ipvlan_init, and ipvlan_uninit of"
    " another namespace may destroy the port between them.",
    interleaving="T1 deletes the last upper in its namespace; T2 makes an upper in another, sees"
    " the port whose count T1 has just brought to zero, and counts up",
    symptom="with the global RTNL none; without it, refcount warning, an upper on a freed port",
    source="aabbdb8c76d7; reading of drivers/net/ipvlan",
    scenario="""
ip netns add left
ip netns add right
ip netns add third
ip -n left link add low0 type dummy
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n right link del upp0 &
ip -n third link add upp1 link low0 link-netns left type ipvlan mode l2 &
wait
""",
    expected=(
        Expected("warn", "addition on 0"),
        Expected("invariant", "port"),
        Expected("assertion", "NetDevice.rx_handler"),
    ),
    setting=Setting(regime="pernet"),
    classes={"links.ipvlan": NoInstanceLock},
    search="explore",
    rounds=400,
)
