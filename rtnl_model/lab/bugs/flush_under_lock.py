"""The works are flushed before RTNL is dropped: hazard 17."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.netns_cleanup import NetnsCleanup

from .entry import Entry, Expected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtnl_model.kernel.net_namespace import Net

__all__ = ["ENTRY"]


class FlushFirst(NetnsCleanup):
    """Whoever drops the netns' lock of an exit batch has flushed before."""

    def default_device_exit_nets(self, nets: Sequence[Net]) -> None:
        """Flush inside default_device_exit_batch's own section."""
        super().default_device_exit_nets(nets)
        self.k.rtnl_work.rtnl_net_flush_workqueue()


ENTRY = Entry(
    id="flush-under-lock",
    title="default_device_exit_batch flushes the works inside its RTNL section",
    kind="hazard",
    what="rtnl_net_flush_workqueue is called with the mutex held that the works take.",
    interleaving="a namespace dies while another's work is queued",
    symptom="cleanup_net and the work wait for each other, RTNL is dead",
    source="hazard 17",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip netns add other
ip -n left link del end0 ; ip netns del other
""",
    expected=(Expected("circular", ""), Expected("deadlock", ""), Expected("hang", "")),
    classes={"netns_cleanup": FlushFirst},
)
