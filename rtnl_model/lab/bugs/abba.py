"""The conversion that must not be made: take the other namespace's lock where you stand."""

from __future__ import annotations

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]

ENTRY = Entry(
    id="naive",
    title="two namespaces' locks are taken in both orders",
    kind="hazard",
    what="A foreign device is unregistered under its netns' lock, taken while the own one is held.",
    interleaving="T1 deletes a pair from one side, T2 another pair from the other side",
    symptom="ABBA: both wait for ever",
    source="76aed95319da; hazard 1, @T2",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add ab0 type veth peer name ab1 netns right
ip -n right link add ba0 type veth peer name ba1 netns left
ip -n left link del ab0 & ip -n right link del ba0 & wait
""",
    expected=(
        Expected("recursive", "left"),
        Expected("circular", ""),
        Expected("deadlock", ""),
    ),
    setting=Setting(regime="naive"),
    twin=Setting(regime="pernet"),
)
