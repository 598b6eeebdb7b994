"""Which known defect of Linux 7.3 explains a run that stands still.

A finding of `small` whose place in the code is a known defect is tagged where it is filed; a run
that got stuck has no such place, so its state is read: who waits, and for what. Only `small` has
known defects; everywhere else a stuck run counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtnl_model.kernel.links.ipvlan_port import IpvlPriv
from rtnl_model.kernel.netdevice import RegState
from rtnl_model.kernel.rtnl_work import PercpuWork

from .invariants import live_devs

if TYPE_CHECKING:
    from rtnl_model.kernel.kernel import Kernel

__all__ = ["tag_stuck"]


def tag_stuck(k: Kernel, report: Any) -> None:
    """Tag the report of a stuck run with the defect that explains it, if one does."""
    if k.regime.name != "small":
        return
    found = [
        bug
        for bug, explains in (
            ("G.14", drains_its_own_table(report)),
            ("G.1", has_late_upper(k)),
            ("G.5", has_work_behind_work(k)),
        )
        if explains and bug not in k.fixed
    ]
    if found:
        tags = list(report.data.get("tags", ()))
        report.data["tags"] = [*tags, *(f"known:{bug}" for bug in found)]


def has_work_behind_work(k: Kernel) -> bool:
    """A running work of a CPU waits, and another lies behind it (G.5)."""
    work = k.rtnl_work
    return isinstance(work, PercpuWork) and any(
        cpu.current is not None and cpu.items for cpu in work.cpus
    )


def has_late_upper(k: Kernel) -> bool:
    """A registered upper joined a lower that is gone already (G.1)."""
    for dev in live_devs(k):
        priv = dev.priv
        if not isinstance(priv, IpvlPriv) or priv.dying:
            continue
        if priv.phy_dev.peek_state() > RegState.REGISTERED:
            return True
    return False


def drains_its_own_table(report: Any) -> bool:
    """A sysctl handler waits for the users of the table it uses (G.14)."""
    return "sysctl table to leave" in report.title
