"""netdev_run_todo finishes its devices strictly in order: hazard 24."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.dev_todo import DevTodo

from .entry import Entry, Expected

if TYPE_CHECKING:
    from lockcheck.sync import Refcount
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class FirstOnly(DevTodo):
    """Only the head of the list is waited for."""

    def wait_refs_once(self, devs: list[NetDevice], *, has_warned: bool) -> Refcount | None:
        """Whoever is behind it waits, though it may be free."""
        return super().wait_refs_once(devs[:1], has_warned=has_warned)


ENTRY = Entry(
    id="wait-in-order",
    title="a device that could be freed waits behind the one that waits for it",
    kind="known",
    what="The todo list is worked off in order; a lower in front waits for an upper behind it,"
    " whose destructor drops the reference.",
    interleaving="a lower and its upper are deleted in one batch, the lower first",
    symptom="unregister_netdevice: waiting for … to become free, for ever",
    source="faab39f63c1f; hazard 24",
    real_kernel="7.3-rc7 as it is, without the override: not seen in 150 rounds on 4 CPUs",
    scenario="""
ip link add low0 type dummy
ip link add upp0 link low0 type macvlan mode bridge
ip link set low0 group 9
ip link set upp0 group 9
ip link del group 9
""",
    expected=(Expected("hang", ""), Expected("deadlock", "")),
    classes={"dev_todo": FirstOnly},
)
