"""A namespace is freed while its work is still queued or running: hazard 21."""

from __future__ import annotations

from rtnl_model.kernel.rtnl_work import RtnlWork

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]


class NoFlush(RtnlWork):
    """Step 8 of default_device_exit_batch does nothing."""

    def rtnl_net_flush_workqueue(self) -> None:
        """Forgotten."""


ENTRY = Entry(
    id="netns-freed-pending",
    title="cleanup_net does not flush the works, so a namespace goes while its work is queued",
    kind="hazard",
    what="The work holds no reference on its namespace; the flush is all that keeps it off a"
    " dead one.",
    interleaving="T hands a device to a namespace that dies; cleanup_net drains it, and is done"
    " before the work ran",
    symptom="use after free of struct net in rtnl_net_work_func",
    source="hazards 21 and 22",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0 & ip netns del right & wait
""",
    expected=(
        Expected("invariant", "pending"),
        Expected("invariant", "freed"),
        Expected("invariant", "use after free"),
    ),
    setting=Setting(regime="pernet"),
    classes={"rtnl_work": NoFlush},
    search="explore",
    rounds=800,
)
