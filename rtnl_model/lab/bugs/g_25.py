"""G.25: ipvlan writes to uppers of other namespaces without their locks."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.25",
    title="ipvlan changes flags, mtu and address of uppers whose namespace is not locked",
    kind="fix",
    what="A change of mode through one upper calls dev_change_flags on all uppers of the port, and"
    " a change of the lower's mtu or address is written to all of them, wherever they live."
    " Before the address, notifiers are asked for each of them (NETDEV_PRE_CHANGEADDR).",
    interleaving="none needed; two uppers in two namespaces are enough",
    symptom="with the global RTNL none; without it a lost update of the upper's flags, and"
    " notifiers called for a device that its own namespace may be unregistering",
    source="reading of drivers/net/ipvlan/ipvlan_main.c",
    real_kernel="7.3-rc7, 1 run: requests in left alone give upp1, in right, another mtu, address"
    " and flags, with events in right.  The missing lock itself cannot be seen from a"
    " shell, and there was no message in 10 rounds of the loop below, as RTNL is held",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add low0 type dummy
ip -n left link add upp0 link low0 type ipvlan mode l2
ip -n right link add upp1 link low0 link-netns left type ipvlan mode l2
ip -n left link set low0 mtu 1400
ip -n left link set low0 address 02:00:00:00:00:01
ip -n left link set upp0 type ipvlan mode l3
""",
    expected=(Expected("assertion", "without the lock of its namespace right"),),
    setting=Setting(regime="pernet"),
)
