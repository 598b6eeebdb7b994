"""G.2: the port reference of an event is dropped without the lower's instance lock."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.2",
    title="ipvlan's event destroys the port while an upper is joining it",
    kind="candidate",
    what="ipvlan_device_event ends with a put that may be the last, outside I(lower).",
    interleaving="T deletes a lower whose uppers live in its own namespace: they are gone before"
    " the event ends, so its put destroys the port. S, inside I(lower), may still see it and count"
    " up from zero; in 7.3, and here, the lower's RTNL keeps S out.",
    symptom="refcount warning, use after free of the port",
    source="kernel-drivers G.2 (masked by RTNL)",
    scenario="""
ip netns add left
ip -n left link add low0 type veth peer name low1
ip -n left link add upp0 link low0 type ipvlan mode l2
ip -n left link del low0
""",
    expected=(
        Expected("assertion", "ipvlan_port_destroy"),
        Expected("warn", "addition on 0"),
    ),
    setting=Setting(regime="pernet"),
)
