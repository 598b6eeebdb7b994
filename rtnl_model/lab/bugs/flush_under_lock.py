"""The works are flushed before RTNL is dropped: hazard 17."""

from __future__ import annotations

from typing import Any

from .entry import Entry, Expected

__all__ = ["ENTRY"]


def flush_first(base: Any) -> Any:
    """Whoever drops the netns' lock of an exit batch has flushed before."""

    class NetnsCleanup(base):  # type: ignore[misc]
        def default_device_exit_nets(self, nets: Any) -> None:
            """Flush inside default_device_exit_batch's own section."""
            super().default_device_exit_nets(nets)
            self.k.rtnl_work.rtnl_net_flush_workqueue()

    return NetnsCleanup


ENTRY = Entry(
    id="flush-under-lock",
    title="default_device_exit_batch flushes the works inside its RTNL section",
    kind="hazard",
    what="rtnl_net_flush_workqueue is called with the mutex held that the works take.",
    interleaving="a namespace dies while another's work is queued",
    symptom="cleanup_net and the work wait for each other, RTNL is dead",
    source="kernel-core hazard 17",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip netns add other
ip -n left link del end0 ; ip netns del other
""",
    expected=(Expected("circular", ""), Expected("deadlock", ""), Expected("hang", "")),
    classes={"netns_cleanup": flush_first},
)
