"""netdev_run_todo finishes its devices strictly in order: hazard 24."""

from __future__ import annotations

from typing import Any

from .entry import Entry, Expected

__all__ = ["ENTRY"]


def first_only(base: Any) -> Any:
    """Only the head of the list is waited for."""

    class DevTodo(base):  # type: ignore[misc]
        def wait_refs_once(self, devs: list[Any], *, told: bool) -> Any:
            """Whoever is behind it waits, though it may be free."""
            return super().wait_refs_once(devs[:1], told=told)

    return DevTodo


ENTRY = Entry(
    id="wait-in-order",
    title="a device that could be freed waits behind the one that waits for it",
    kind="known",
    what="The todo list is worked off in order; a lower in front waits for an upper behind it,"
    " whose destructor drops the reference.",
    interleaving="a lower and its upper are deleted in one batch, the lower first",
    symptom="unregister_netdevice: waiting for … to become free, for ever",
    source="faab39f63c1f; kernel-core hazard 24, kernel-drivers E9 and E10",
    scenario="""
ip link add low0 type dummy
ip link add upp0 link low0 type macvlan mode bridge
ip link set low0 group 9
ip link set upp0 group 9
ip link del group 9
""",
    expected=(Expected("hang", ""), Expected("deadlock", "")),
    classes={"dev_todo": first_only},
)
