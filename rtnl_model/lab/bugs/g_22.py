"""G.22: devices of other namespaces are left on the list of a namespace's end."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.22",
    title="the end of a namespace unregisters devices of other namespaces without their lock",
    kind="known",
    what="default_device_exit_batch hands a dying namespace's own devices to its own list; devices"
    " of other namespaces that an unconverted kind put on the shared list (a netkit peer, tunnels"
    " with their backend there) are unregistered after the loop, with rtnl_mutex alone, and so is"
    " whatever stands on them.",
    interleaving="none needed: a netkit pair over two namespaces, one of which is deleted",
    symptom="with RTNL none; without it, a converted upper (an ipvlan on the netkit) is"
    " unregistered by a thread that owns no lock of its namespace",
    source="G.22, reading of net/core/dev.c; found by fuzz in small",
    real_kernel="7.3-rc7: seen in the trace of 1 run of 1.  pod0 and upp0, both of right, are"
    " unregistered by cleanup_net of left under default_device_exit_batch, ipvlan_uninit included;"
    " the missing lock itself cannot be seen from a shell, and there was no message in 5 rounds of"
    " the loop below, as RTNL is held",
    scenario="""
ip netns add left
ip netns add right
ip -n right link add pod0 type netkit mode l2 peer name pod1 netns left
ip -n right link add upp0 link pod0 type ipvlan mode l2
ip netns del left
""",
    expected=(Expected("assertion", "without the lock of its namespace"),),
    twin=Setting(regime="pernet"),
)
