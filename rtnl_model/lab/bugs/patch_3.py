"""Patch 3 reverted: nobody is asked to unregister what is pending in another namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.rtnl_work import RtnlWork

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.net_namespace import Net

__all__ = ["ENTRY"]


class NoWork(RtnlWork):
    """The pending list exists, the work does not."""

    def rtnl_net_queue_work(self, net: Net) -> None:
        """There is none."""


ENTRY = Entry(
    id="patch-3",
    title="a device is left pending in its namespace, and no work is queued",
    kind="patch",
    what="Without rtnl_work only a chance user of that namespace's RTNL drains its list.",
    interleaving="any deletion that reaches into another namespace",
    symptom="the device stays, registered and usable; if it is an upper, its lower waits for ever",
    source="c6cfaf97837e",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0
""",
    expected=(Expected("invariant", "pending"),),
    classes={"rtnl_work": NoWork},
)
