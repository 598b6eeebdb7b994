"""A request drops several namespaces' locks without draining them: hazard 44."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.rtnl import Rtnl

from .entry import Entry, Expected

if TYPE_CHECKING:
    from rtnl_model.kernel.rtnl import RtnlNets

__all__ = ["ENTRY"]


class DropOnly(Rtnl):
    """rtnl_nets_unlock as a plain unlock, as those movers have it that hold RTNL alone."""

    def rtnl_nets_unlock(self, nets: RtnlNets) -> None:
        """Drop the locks, end the section."""
        for net in nets.nets:
            self.net_release(net)
        self.rtnl_unlock()


ENTRY = Entry(
    id="mover-does-not-drain",
    title="a mover drops the new namespace's lock without draining it",
    kind="hazard",
    what="The pending node moves with its device; only the mover's unlock would unregister it.",
    interleaving="T1 hands the peer to its namespace; T2 moves the peer before the work ran",
    symptom="the device stays pending in its new namespace, whose work nobody queued",
    source="hazard 44; wireless, ieee802154 and netvsc move under plain RTNL",
    scenario="""
ip netns add left
ip netns add right
ip netns add third
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0 & ip -n right link set end1 netns third & wait
""",
    expected=(Expected("invariant", "pending"),),
    classes={"rtnl": DropOnly},
    search="explore",
    rounds=300,
)
