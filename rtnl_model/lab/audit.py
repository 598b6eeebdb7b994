"""`rtnl-model audit`: what RTNL alone protects in Linux 7.3.

In `small` every namespace has its own RTNL inside the global one, and 7.3 still touches objects of
namespaces whose own lock it does not hold.  Each such access is fine today, because `rtnl_mutex` is
held, and is what a kernel without it would have to change.  The audit runs scripts under the
controlled scheduler, and a stress, with every access of a guarded attribute looked at, and gathers
those that `rtnl_mutex` covers and the owner's `net->rtnl_mutex` does not.

An access that another lock covers as well (an instance lock, a port's mutex) is not RTNL's alone
and is not listed.  A lockless read that the declaration allows (READ_ONCE, RCU) is: what it reads
may change under it once RTNL is gone; its guard says so.

Left out: what no script here reaches; a list is never longer than what was run.
"""

from __future__ import annotations

import _thread
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as made_by
from types import FrameType
from typing import TYPE_CHECKING, Final

from lockcheck import Checker
from lockcheck.explore import Limits, RandomWalk, Session
from lockcheck.sync import Field, GuardedField, held_as
from rtnl_model.kernel.documents import Fields

from ..iproute.commands import Script
from ..kernel.guards import Both, RtnlGuard, TheLock
from ..kernel.kernel import Kernel
from ..kernel.net_namespace import Net
from ..kernel.netdevice import NetDevice
from .explore import ModelSubject, ModelWorld
from .model_run import ModelSetting
from .stress import Stress, StressOptions

if TYPE_CHECKING:
    from lockcheck.conduct import ControlledConductor
    from lockcheck.sync import Access, ThreadState

__all__ = ["SCHEMA", "Audit", "Entry", "audit", "document"]

SCHEMA: Final = "rtnl-model/audit/1"
SCHEDULES: Final = 6
"""Of each script: enough that works run in their own threads and in others'."""
STRESS_OPS: Final = 400
STRESS_NETNS: Final = 4

KERNEL_NAME: Final = re.compile(
    r"^(__)?(addrconf|bareudp|call|cleanup|default|dev|do|ethnl|free|geneve|inet|ip|ipvlan|ipvtap|"
    r"linkwatch|list|macvlan|macvtap|netdev|netif|netkit|nsim|ops|pfcp|register|rtmsg|rtnetlink|"
    r"rtnl|unlist|unregister|update|veth|vlan|vxcan|xsk)_\w+$"
)
"""Python functions that carry the kernel's own name; others stand for the one around them."""
STANDS_FOR: Final = {
    "raw_dev_change_flags": "__dev_change_flags",
    "raw_dev_open": "__dev_open",
    "ipvlan_link_delete_locked": "__ipvlan_link_delete",
    "inetdev_event": "addrconf_notify",
    "unregister_sysctl_table": "addrconf_ifdown",
    "Ipvlan.netdev_event": "ipvlan_device_event",
    "Macvlan.netdev_event": "macvlan_device_event",
    "Netkit.netdev_event": "netkit_notifier",
    "Vlan.netdev_event": "vlan_device_event",
}
"""Where ours has another name."""
HELPERS: Final = frozenset(
    """
    call_checked default_device_exit_nets dev_is_registered dev_list dev_net list_add list_del_init
    netdev_adjacent netdev_event netdev_lock_ops netdev_lock_rx netdev_priv register_card
    register_end register_link register_notifier register_pernet register_port rtnl_newlink_locked
    rtnl_newlink_pinned rtnl_release rtnl_unlock_raw unlist_and_mark unregister_card unregister_link
    unregister_notifier unregister_one unregister_pernet unregister_sysfs unregister_uppers
    vlan_info vlan_info_of xsk_queues
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
"""Accessors, and steps of ours that only look like the kernel's: who calls them is meant."""
OPERATIONS: Final = frozenset(
    {"dellink", "changelink", "ndo_init", "ndo_open", "ndo_stop", "ndo_uninit", "priv_destructor"}
)
"""What a driver has under one name each: the probe's frame, the innermost, has the kernel's."""


@dataclass(slots=True)
class Entry:
    """One kind of access: a function, an attribute, read or write."""

    function: str
    field: str
    kind: str
    guard: str
    """What would have to be held, in the declaration's words."""
    held: list[str]
    """Lock classes that the thread held instead, outermost first."""
    seen: int = 0
    script: str = ""
    """Where it was seen first: a script, and a token that shows it again."""
    token: str = ""
    path: list[str] = made_by(default_factory=list)
    """The model's call stack, innermost first."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Entries of one key are one."""
        return (self.function, self.field, self.kind)

    def to_dict(self) -> Fields:
        """The document's shape."""
        return {
            "function": self.function,
            "field": self.field,
            "kind": self.kind,
            "guard": self.guard,
            "held": self.held,
            "seen": self.seen,
            "script": self.script,
            "token": self.token,
            "path": self.path,
        }


class Audit:
    """The list as it grows."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str, str], Entry] = {}
        self.script = ""
        """What runs now."""
        self.fresh: list[Entry] = []
        """Seen for the first time in the present schedule."""
        self.runs = 0
        self._gate = _thread.allocate_lock()
        self._looking: set[int] = set()
        """Threads that look: what a guard reads to find its lock is no access of the kernel's."""

    def watch(self, chk: Checker, kernel: Callable[[], Kernel | None]) -> None:
        """Look at every access of a checker's fields."""
        Field.audited = True

        def look(access: Access) -> None:
            k = kernel()
            thread = _thread.get_ident()
            if k is not None and thread not in self._looking:
                self._looking.add(thread)
                try:
                    self.look(k, access)
                finally:
                    self._looking.discard(thread)

        chk.guards.on_access = look

    def look(self, k: Kernel, access: Access) -> None:
        """Is this one RTNL's alone?"""
        if not rtnl_alone(k, access):
            return
        frame = sys._getframe(3)
        function = function_of(frame, k)
        if not function:
            return
        key = (function, access.name, access.kind)
        with self._gate:
            entry = self.entries.get(key)
            if entry is None:
                entry = self.entries[key] = self.entry(k, access, function)
                self.fresh.append(entry)
            entry.seen += 1

    def entry(self, k: Kernel, access: Access, function: str) -> Entry:
        """A new line of the list."""
        held = [str(hold.lock.cls.name) for hold in access.ts.stack()]
        note = "; READ_ONCE to read" if access.field.once else ""
        return Entry(
            function,
            access.name,
            access.kind,
            f"{words_of(access.field)}{note}",
            held,
            script=self.script or k.probe.current().request,
            path=k.probe.stack(),
        )

    def sorted(self) -> list[Entry]:
        """By function and kind, the functions seen most often first."""
        total: dict[str, int] = {}
        for entry in self.entries.values():
            total[entry.function] = total.get(entry.function, 0) + entry.seen
        return sorted(
            self.entries.values(),
            key=lambda e: (-total[e.function], e.function, e.kind, -e.seen, e.field),
        )


def rtnl_alone(k: Kernel, access: Access) -> bool:
    """Is rtnl_mutex held, the owner's net->rtnl_mutex not, and no other lock that would do?"""
    ts, owner, write = access.ts, access.owner, access.write
    if held_as(k.rtnl.rtnl_mutex, ts, write) is None:
        return False
    net = net_of(k, access.field.guard, owner, ts, write)
    return net is not None and held_as(net.rtnl_mutex, ts, write) is None


def net_of(k: Kernel, guard: object, owner: object, ts: ThreadState, write: bool) -> Net | None:
    """The namespace whose RTNL the guard asks for; None where it asks for something else."""
    if isinstance(guard, RtnlGuard | TheLock) and guard.live is not None and not guard.live(owner):
        return None
    if isinstance(guard, RtnlGuard):
        return guard.net_of(owner)
    if isinstance(guard, TheLock):
        return net_of_owner(owner) if guard.lock_of(owner) is k.rtnl.rtnl_mutex else None
    if isinstance(guard, Both):
        first, second = (net_of(k, one, owner, ts, write) for one in (guard.one, guard.other))
        other = guard.other if first is not None else guard.one
        if not write and other.held(owner, ts, write) is not None:
            return None
        return first or second
    return None


def net_of_owner(owner: object) -> Net | None:
    """The namespace that an object belongs to, where it is one of a device."""
    for _ in range(4):
        if isinstance(owner, NetDevice):
            return owner.peek_net() if owner.is_public else None
        if isinstance(owner, Net):
            return owner
        values = vars(owner)
        owner = values.get("netdev") or values.get("dev") or values.get("real_dev")
        if owner is None:
            return None
    return None


def words_of(declared: GuardedField) -> str:
    """The guard as the class body says it."""
    guard = declared.guard
    if isinstance(guard, RtnlGuard):
        return f"RTNL of {guard.whose}"
    if isinstance(guard, TheLock):
        return guard.said
    return "RTNL of dev.net and dev->lock"


def function_of(frame: FrameType | None, k: Kernel) -> str:
    """The kernel function that the access stands in; empty outside the kernel."""
    task = k.probe.current()
    if not task.stack and not task.request:
        return ""
    while frame is not None:
        code = frame.f_code
        name = code.co_name
        if name in OPERATIONS:
            break
        known = STANDS_FOR.get(code.co_qualname) or STANDS_FOR.get(name)
        if known:
            return known
        if KERNEL_NAME.match(name) and name not in HELPERS:
            return name
        frame = frame.f_back
    return task.stack[-1] if task.stack else ""


class AuditSubject(ModelSubject):
    """A script whose every access is looked at."""

    audit: Audit

    def world(self, conductor: ControlledConductor) -> ModelWorld:
        """A world with the audit's eyes."""
        world = super().world(conductor)
        self.audit.watch(world.chk, lambda: world.k)
        return world

    def kept(self, conductor: ControlledConductor) -> ModelWorld:
        """A fresh one each time: the audit looks from the boot on."""
        return self.world(conductor)


def audit(
    scripts: Sequence[Script],
    setting: ModelSetting,
    *,
    seed: int = 1,
    schedules: int = SCHEDULES,
    stress_ops: int = 0,
    on_script: Callable[[str], object] | None = None,
) -> Audit:
    """Run everything and gather the list."""
    found = Audit()
    for script in scripts:
        if on_script is not None:
            on_script(script.name)
        found.script = script.name
        audit_script(found, script, setting, seed, schedules)
    found.script = ""
    if stress_ops:
        if on_script is not None:
            on_script("stress")
        audit_stress(found, setting, seed, stress_ops)
    return found


def audit_script(
    found: Audit, script: Script, setting: ModelSetting, seed: int, schedules: int
) -> None:
    """Some schedules of a script; what a schedule shows for the first time gets its token."""
    subject = AuditSubject(script, setting)
    subject.audit = found
    with Session(subject, limits=Limits(shrink=False)) as session:
        for run in range(schedules):
            found.fresh = []
            session.run_one(RandomWalk(seed), run)
            found.runs += 1
            if not found.fresh:
                continue
            fresh, record = found.fresh, tuple(session.conductor.record)
            seen = {entry.key: entry.seen for entry in found.entries.values()}
            token, _report = session.tokenise(record, ("audit", ""))
            for entry in found.entries.values():
                entry.seen = seen.get(entry.key, entry.seen)  # the replay counts nothing
            for entry in fresh:
                entry.token = str(token)


def audit_stress(found: Audit, setting: ModelSetting, seed: int, ops: int) -> None:
    """Random commands of many threads, in a free run."""
    kernels: list[Kernel] = []

    def boot(chk: Checker) -> Kernel:
        k = setting.kernel(chk)
        kernels.append(k)
        found.watch(chk, lambda: k if k.started else None)
        return k

    options = StressOptions(seed=seed, ops=ops, netns=STRESS_NETNS, threads=4, keep_going=True)
    Stress(options, boot).run()
    found.runs += 1


def document(found: Audit) -> Fields:
    """`rtnl-model/audit/1`."""
    return {
        "schema": SCHEMA,
        "regime": "small",
        "runs": found.runs,
        "entries": [entry.to_dict() for entry in found.sorted()],
    }
