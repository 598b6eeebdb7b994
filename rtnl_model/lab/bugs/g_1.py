"""G.1: an upper attaches, through another upper, to a lower that is already going."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.1",
    title="ipvlan on an ipvlan attaches to a lower whose uppers were already collected",
    kind="candidate",
    what="ipvlan_link_new flattens to the real lower and looks neither at `dying` nor at its"
    " reg_state.",
    interleaving="T deletes the lower: its uppers are collected, one is pending in B; S, before B's"
    " work, makes another upper on the pending one; it joins the port that nobody scans"
    " again",
    symptom="unregister_netdevice: waiting for … until the new upper is deleted by hand",
    source="reproduced on 7.3-rc7; G.1, @T7",
    real_kernel="7.3-rc7, a loop on 2 CPUs: seen in round 12.  ip link del low0 sleeps in"
    " netdev_run_todo; unregister_netdevice: waiting for low0 to become free. Usage count = 3",
    scenario="""
ip netns add left
ip netns add right
ip netns add third
ip -n left link add low0 type dummy
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n left link del low0 &
ip -n third link add upp1 link upp0 link-netns right type ipvlan mode l2 || true &
wait
""",
    expected=(
        Expected("hang", ""),
        Expected("deadlock", ""),
        Expected("invariant", "attach"),
    ),
    setting=Setting(regime="pernet"),
    search="explore",
    rounds=2000,
)
