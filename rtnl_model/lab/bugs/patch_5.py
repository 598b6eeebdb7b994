"""Patch 5 reverted: NETDEV_UNREGISTER is sent again without the device's netns' lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.dev_todo import DevTodo

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class UnderRtnlAlone(DevTodo):
    """The rebroadcast of netdev_wait_allrefs_any before the series."""

    def netdev_rebroadcast(self, devs: list[NetDevice]) -> list[NetDevice]:
        """RTNL, no netns lock."""
        k = self.k
        with k.probe.frame("netdev_wait_allrefs_any"):
            k.rtnl.rtnl_lock()
            try:
                for dev in devs:
                    k.notifier.call_netdevice_notifiers("UNREGISTER", dev)
            finally:
                k.rtnl.rtnl_unlock_raw()
            k.rcu.rcu_barrier()
        return []


ENTRY = Entry(
    id="patch-5",
    title="the rebroadcast of a waiting device runs without its netns' lock",
    kind="patch",
    what="netdev_wait_allrefs_any calls the notifier chain under RTNL alone.",
    interleaving="a device waits for its references for longer than a second",
    symptom="with the global RTNL none; without it, notifiers run under no lock",
    source="0fa296dd520e",
    scenario="""
ip netns add left
ip netns add right
ip netns add third
ip -n left link add end0 type veth peer name end1 netns right
ip -n third link add upp0 link end1 link-netns right type ipvlan mode l2
ip -n left link del end0
""",
    expected=(Expected("assertion", ""),),
    setting=Setting(workers="percpu", cpus=1),
    classes={"dev_todo": UnderRtnlAlone},
)
