"""G.2: the port reference of an event is dropped without the lower's instance lock."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.2",
    title="ipvlan's event may destroy the port without the lower's instance lock",
    kind="candidate",
    what="ipvlan_device_event ends with a put that may be the last, outside I(lower).",
    interleaving="none of its own. T deletes a lower whose uppers live in its own namespace: they"
    " are gone before the event ends, so its put destroys the port, and patch 12's rule is broken"
    " each time. But nobody can be joining that port then: who makes an upper holds the RTNL of"
    " the lower's namespace, as T does, or, through another upper that is flattened, the RTNL of"
    " that upper's namespace, and that upper's own count keeps the port. So 'addition on 0' needs"
    " a caller without the lower's lock, with G.1's mending (which refuses whoever comes after"
    " the lower was marked) or without it. The mending keeps the rule for whoever comes next.",
    symptom="with every namespace's RTNL held as it should be none; else refcount warning, use"
    " after free of the port",
    source="G.2 (masked by RTNL); four scripts with G.1 and G.2 let in, more than"
    " 10000 schedules, showed the missing lock and nothing else of it",
    real_kernel="7.3-rc7: no message in 82 rounds on 4 CPUs and 19 rounds on 2 CPUs; the missing"
    " lock itself cannot be seen from a shell",
    scenario="""
ip netns add left
ip -n left link add low0 type veth peer name low1
ip -n left link add upp0 link low0 type ipvlan mode l2
ip -n left link del low0
""",
    expected=(Expected("assertion", "ipvlan_port_destroy"),),
    setting=Setting(regime="pernet"),
)
