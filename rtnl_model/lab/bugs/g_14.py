"""G.14: a sysctl handler drains the device whose table it is using."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.14",
    title="a sysctl handler unregisters its own device and waits for itself",
    kind="known",
    what="Handlers of net.ipv6.conf.DEV take RTNL by trylock while they count as users of the"
    " device's table, and drop it, which drains.",
    interleaving="T hands the device to B; a handler of that device wins RTNL before B's work; its"
    " unlock unregisters the device, whose table waits for its users",
    symptom="the handler sleeps for ever with RTNL held: nothing that needs RTNL works any more",
    source="recorded on 7.3-rc7; hazard 36, G.14",
    real_kernel="7.3-rc7, a loop on 2 CPUs: seen in round 8. 12 seconds later sysctl still sleeps"
    " in drop_sysctl_table, under addrconf_ifdown, unregister_netdevice_many_net and"
    " rtnl_net_unlock; the work sleeps in rtnl_net_work_func; the kernel's log had"
    " nothing by then",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0 &
ip netns exec right sysctl net.ipv6.conf.end1.addr_gen_mode || true &
wait
""",
    expected=(Expected("deadlock", ""), Expected("hang", ""), Expected("circular", "")),
    setting=Setting(regime="pernet"),
    search="explore",
    rounds=2000,
)
