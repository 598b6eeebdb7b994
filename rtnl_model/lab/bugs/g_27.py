"""G.27: two amts on one device, and only the first goes with it."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.27",
    title="amt deletes only the first of two devices that stand on a device which goes",
    kind="known",
    what="amt_device_event looks up one amt of the stream device, deletes it and returns.",
    interleaving="none needed; two amts on one device are enough",
    symptom="WARNING in unregister_netdevice_many_notify: the device still has an upper; the second"
    " amt is unregistered by the rebroadcast a second later and left on the todo list (G.12)",
    source="found by stress with all kinds; drivers/net/amt.c",
    real_kernel="7.3-rc7 on 2 CPUs: seen in 3 runs of 3.  WARNING at net/core/dev.c:12593 in"
    " unregister_netdevice_many_notify, at fs/kernfs/dir.c:1785 in kernfs_remove_by_name_ns, and at"
    " net/core/rtnetlink.c:141 in __rtnl_unlock",
    scenario="""
ip netns add left
ip -n left link add low0 type dummy
ip -n left addr add 10.0.0.1/24 dev low0
ip -n left link add amt0 type amt mode gateway local 10.0.0.1 discovery 10.0.0.2 dev low0
ip -n left link add amt1 type amt mode gateway local 10.0.0.1 discovery 10.0.0.2 dev low0
ip -n left link del low0
""",
    expected=(Expected("invariant", "upper devices linked"),),
    twin=Setting(fixes=("G.27",)),
)
