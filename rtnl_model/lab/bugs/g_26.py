"""G.26: a netkit's end drops the last reference on a card whose lock it holds."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.26",
    title="a netkit ends its lease with the card's lock held, and the card may be freed under it",
    kind="fix",
    what="netdev_rx_queue_unlease drops the lease's reference on the physical device inside that"
    " device's instance lock.",
    interleaving="the card is removed and waits for the lease's reference; the netkit's namespace"
    " ends the lease; the card is freed; the netkit's thread unlocks the card",
    symptom="with the global RTNL none, for the card's own unregistration ends its leases; without"
    " it a mutex is unlocked in memory that is free",
    source="found by the check that no last reference is dropped under the device's own lock",
    real_kernel="7.3-rc7 on 2 CPUs: not seen in 38 rounds of a loop with netdevsim in which its"
    " removal raced with the end of the netkit (a kernel without a detector of use after free)",
    scenario="""
ip netns add left
ip netns add right
ip link add card0 type phys driver carddrv queues 4
ip -n left link add pod0 numrxqueues 4 type netkit mode l3 peer name pod1 numrxqueues 4 netns right
lease card0 queue 1 to right/pod1
rmmod carddrv
""",
    expected=(Expected("freed-held", "card0"),),
    setting=Setting(regime="pernet"),
    search="explore",
    rounds=600,
)
