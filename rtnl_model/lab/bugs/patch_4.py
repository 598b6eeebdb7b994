"""Patch 4 reverted: devices of a dying namespace go home to init_net under neither netns' lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.netns_cleanup import NetnsCleanup

from .entry import Entry, Expected, Setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtnl_model.kernel.net_namespace import Net

__all__ = ["ENTRY"]


class NoLocks(NetnsCleanup):
    """default_device_exit_net under RTNL alone."""

    def default_device_exit_nets(self, nets: Sequence[Net]) -> None:
        """Move them all."""
        for net in nets:
            self.default_device_exit_net(net)


ENTRY = Entry(
    id="patch-4",
    title="devices that go home to init_net are moved without either netns' lock",
    kind="patch",
    what="default_device_exit_net runs outside init_net's and the dying namespace's lock.",
    interleaving="a namespace with a physical device dies",
    symptom="with the global RTNL none; without it, init_net's device list is changed under"
    " no lock",
    source="2b12ec257849",
    scenario="""
ip netns add left
ip link add nic0 type phys driver nicdrv queues 2
ip link set nic0 netns left
ip netns del left
""",
    expected=(Expected("assertion", ""),),
    setting=Setting(regime="pernet"),
    classes={"netns_cleanup": NoLocks},
)
