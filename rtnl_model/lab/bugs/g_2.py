"""G.2: the port reference of an event is dropped without the lower's instance lock."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="G.2",
    title="ipvlan's event destroys the port while an upper is joining it",
    kind="candidate",
    what="ipvlan_device_event ends with a put that may be the last, outside I(lower).",
    interleaving="T: an event counts the port up; the last upper leaves; T's put takes it to"
    " zero; S, inside I(lower), still sees the port and counts up from zero",
    symptom="refcount warning, use after free of the port",
    source="kernel-drivers G.2 (masked by RTNL)",
    scenario="""
ip netns add left
ip netns add right
ip netns add third
ip -n left link add low0 type veth peer name low1
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n left link set low0 up &
ip -n right link del upp0 &
ip -n third link add upp1 link low0 link-netns left type ipvlan mode l2 &
wait
""",
    expected=(
        Expected("warn", "addition on 0"),
        Expected("invariant", ""),
    ),
    setting=Setting(regime="pernet"),
    search="explore",
    rounds=2000,
)
