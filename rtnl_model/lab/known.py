"""Which known defect of Linux 7.3 explains a run that stands still.

A finding of `small` whose place in the code is a known defect is tagged where it is filed; a run
that got stuck has no such place, so its state is read: who waits for what, and what keeps it from
coming.  Every wait is explained for itself.  Threads that wait for references, or for the users of
a table to leave, are where a stuck run begins; whoever waits for a lock or a work of theirs is a
consequence.  The report is tagged only when every beginning has a known cause, and when everybody
else waits, at any distance, for one of these: a leak that hangs beside a known defect counts, and
so do threads that wait for each other.

Only `small` has known defects, and `pernet` those that `--workers percpu` puts back by itself: a
worker for every namespace is its fix of G.5 and G.17.  Everywhere else a stuck run counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck import looking
from rtnl_model.kernel.links.ipvlan_port import IpvlPriv
from rtnl_model.kernel.links.macsec import MacsecPriv
from rtnl_model.kernel.links.macvlan import MacvlanPriv
from rtnl_model.kernel.links.vlan import VlanPriv
from rtnl_model.kernel.netdevice import RegState
from rtnl_model.kernel.rtnl_work import PercpuWork

from .invariants import live_devs

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence
    from typing import Any

    from lockcheck import Report
    from rtnl_model.kernel.kernel import Kernel
    from rtnl_model.kernel.netdevice import NetDevice

__all__ = ["tag_predicted", "tag_stuck"]

OF_THE_WORKERS = frozenset({"G.5", "G.17"})
"""Defects of the works' queue by CPU, in any regime that has it."""
ORDERS = frozenset({"circular", "recursive", "wait-cycle"})
"""Kinds of reports about an order that was seen, whether or not anybody got stuck."""


def tag_stuck(k: Kernel, report: Report) -> None:
    """Tag the report of a stuck run with the defects that explain it, if they explain all of it."""
    small = k.regime.name == "small"
    if not small and not isinstance(k.rtnl_work, PercpuWork):
        return
    with looking(k.chk):
        causes = dict(causes_of(k))
        found = list(dict.fromkeys(bug for cause in causes.values() for bug in cause))
        if flush_waits(k):
            found.append("G.17")
    if not causes or not all(causes.values()) or not (small or OF_THE_WORKERS.issuperset(found)):
        return
    if not all_lead_to(report.data.get("waits", ()), causes):
        return
    tags = list(report.data.get("tags", ()))
    report.data["tags"] = [*tags, *(f"known:{bug}" for bug in found if bug not in k.fixed)]


def tag_predicted(k: Kernel, report: Report) -> None:
    """Tag an order between RTNL and a sysctl handler's section as G.14.

    The handlers of 7.3 take RTNL by trylock only, so just the drain that ends their section, which
    the fix of G.14 leaves to the work, can want anything that a waiter for their end holds.
    """
    if k.regime.name != "small" or "G.14" in k.fixed or report.kind not in ORDERS:
        return
    tags = list(report.data.get("tags", ()))
    if "sysctl " in report.title and "known:G.14" not in tags:
        report.data["tags"] = [*tags, "known:G.14"]


def all_lead_to(
    waits: Sequence[Mapping[str, Any]],  # rows of JSON
    beginnings: Container[str],
) -> bool:
    """Does whoever waits (`Report.data`) wait for one of these threads, at any distance?

    Or for something of which nobody knows who ends it, with no lock that another one wants.  Who
    wants a lock at the moment, for a rebroadcast, begins nothing: its holder may.
    """
    wanted = {name for row in waits if row["lock"] for name in row["of"]}
    led = {
        row["thread"]
        for row in waits
        if not row["lock"]
        and (row["thread"] in beginnings or not (row["of"] or row["thread"] in wanted))
    }
    for _round in waits:
        led.update(row["thread"] for row in waits if led.intersection(row["of"]))
    return all(row["thread"] in led for row in waits)


def causes_of(k: Kernel) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Threads whose waits a stuck run begins with, and the defects that explain each, or none."""
    for table in list(k.inet.dropping):
        yield table.waiting_thread, ("G.14",) if table.waiter in table.inside else ()
    groups = {pid: list(devs) for pid, devs in k.dev_todo.waiting.items() if devs}
    known: dict[int, tuple[str, ...]] = {}
    for _round in range(len(groups) + 1):  # a wait may be explained by another one's cause
        for pid, devs in groups.items():
            if not known.get(pid):
                known[pid] = cause_of_group(k, pid, devs, groups, known)
    for pid, causes in known.items():
        yield k.dev_todo.waiters[pid], causes


def cause_of_group(
    k: Kernel,
    pid: int,
    devs: list[NetDevice],
    groups: dict[int, list[NetDevice]],
    known: dict[int, tuple[str, ...]],
) -> tuple[str, ...]:
    """The defects that keep every device of one wait from being released; empty: not all."""
    causes: dict[str, list[str]] = {}
    for _round in devs:  # one device of the wait may be what holds another
        for dev in devs:
            if causes.get(dev.label):
                continue
            found = [bug for bug in ("G.1", "G.5", "G.12") if EXPLAINS[bug](k, pid, dev)]
            for other, theirs in groups.items():
                if other != pid and known.get(other) and any(stands_on(up, dev) for up in theirs):
                    found += known[other]
            for up in devs:
                if up is not dev and causes.get(up.label) and stands_on(up, dev):
                    found += causes[up.label]
            causes[dev.label] = found
    if not all(causes.values()):
        return ()
    found = [bug for each in causes.values() for bug in each]
    return tuple(dict.fromkeys(found))


def late_upper(k: Kernel, _pid: int, dev: NetDevice) -> bool:
    """A registered upper joined this lower, which is gone already (G.1)."""
    return any(
        isinstance(upper.priv, IpvlPriv) and upper.priv.phy_dev is dev and not upper.priv.dying
        for upper in live_devs(k)
        if dev.peek_state() > RegState.REGISTERED
    )


def work_behind_work(k: Kernel, pid: int, dev: NetDevice) -> bool:
    """What would let it go is pending behind the very work that waits, on the same CPU (G.5)."""
    work = k.rtnl_work
    if not isinstance(work, PercpuWork):
        return False
    for cpu in work.cpus:
        if cpu.task is None or cpu.task.pid != pid:
            continue
        behind = [upper for item in cpu.items for upper in list(item.net.dev_unreg_head)]
        if any(stands_on(upper, dev) for upper in behind):
            return True
    return behind_another(work, dev)


def behind_another(work: PercpuWork, dev: NetDevice) -> bool:
    """The same for a wait elsewhere: the work that would help lies behind one that waits."""
    waiting = work.k.dev_todo.waiting
    for cpu in work.cpus:
        if cpu.task is None or not waiting.get(cpu.task.pid):
            continue
        for item in cpu.items:
            if any(stands_on(upper, dev) for upper in list(item.net.dev_unreg_head)):
                return True
    return False


def orphan(k: Kernel, _pid: int, dev: NetDevice) -> bool:
    """What would let it go was drained by a rebroadcast and left to nobody (G.12)."""
    return any(
        k.rtnl.left.get(left) == "G.12" and (left is dev or stands_on(left, dev))
        for left in k.rtnl.net_todo_list
    )


EXPLAINS = {"G.1": late_upper, "G.5": work_behind_work, "G.12": orphan}


def stands_on(upper: NetDevice, lower: NetDevice) -> bool:
    """Does the end of `upper` let `lower` go, at any distance?"""
    seen: list[NetDevice] = []
    below = lower_of(upper)
    while below is not None and below not in seen:
        if below is lower:
            return True
        seen.append(below)
        below = lower_of(below)
    return False


def lower_of(dev: NetDevice) -> NetDevice | None:
    """The device that an upper stands on."""
    priv = dev.priv
    if isinstance(priv, IpvlPriv):
        return priv.phy_dev
    if isinstance(priv, MacvlanPriv):
        return priv.lowerdev
    return priv.real_dev if isinstance(priv, VlanPriv | MacsecPriv) else None


def flush_waits(k: Kernel) -> bool:
    """cleanup_net waits for the work of a namespace that is none of those that it ends (G.17)."""
    ending = k.netns_cleanup.flushing
    running = [work.net for work in k.rtnl_work.works if work.running]
    return bool(ending) and any(net not in ending for net in running)
