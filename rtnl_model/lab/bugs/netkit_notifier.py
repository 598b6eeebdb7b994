"""netkit without its notifier: a physical device that leased a queue is waited for in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.events import NOTIFY_DONE
from rtnl_model.kernel.links.netkit import Netkit

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.netdevice import NetDevice
    from rtnl_model.kernel.notifier import NotifierInfo

__all__ = ["ENTRY"]


class Deaf(Netkit):
    """netkit before eef51113f8: nobody hears the physical device go."""

    def netdev_event(self, event: str, dev: NetDevice, info: NotifierInfo) -> int:
        """Nothing to do."""
        return NOTIFY_DONE


ENTRY = Entry(
    id="netkit-notifier",
    title="netkit as before its notifier: a leased queue keeps the physical device for ever",
    kind="patch",
    what="Each leased queue holds the physical device, and only netkit's own uninit ends a lease;"
    " whoever uses the netkit keeps it, so nobody ends it when the device goes.",
    interleaving="none: the driver of the physical device is unloaded while a queue is leased",
    symptom="unregister_netdevice: waiting for … to become free, until somebody deletes the netkit",
    source="eef51113f8; reading of drivers/net/netkit.c",
    scenario="""
ip netns add left
ip netns add right
ip link add card0 type phys driver carddrv queues 4
ip -n left link add pod0 numrxqueues 4 type netkit mode l3 peer name pod1 numrxqueues 4 netns right
lease card0 queue 1 to right/pod1
rmmod carddrv
""",
    expected=(Expected("hang", ""), Expected("deadlock", "")),
    classes={"links.netkit": Deaf},
)
