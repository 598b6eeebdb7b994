"""A pending device that is moved stays on the list of the namespace it left: @T9, T10."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.dev_queue import DevQueue

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.net_namespace import Net
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["ENTRY"]


class NodeStays(DevQueue):
    """unregister_netdevice_move_net is not called."""

    def unregister_netdevice_move_net(self, old: Net, new: Net, dev: NetDevice) -> None:
        """Forgotten."""


ENTRY = Entry(
    id="move-leaves-pending",
    title="a move leaves the pending node of a device with the old namespace",
    kind="hazard",
    what="The pending list is of the netns, the device changes its netns, the node does not"
    " follow.",
    interleaving="T1 hands the peer to its namespace; T2 moves the peer before the work ran",
    symptom="the old namespace's work unregisters a device of another namespace",
    source="af3634d4ac65 (patch 6); @T9 and T10, G.4",
    scenario="""
ip netns add left
ip netns add third
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0 & ip -n right link set end1 netns third & wait
""",
    expected=(
        Expected("assertion", ""),
        Expected("invariant", "pending"),
    ),
    classes={"dev_queue": NodeStays},
    search="explore",
    rounds=600,
)
