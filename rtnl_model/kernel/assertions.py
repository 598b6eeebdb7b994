"""Assertions and findings: ASSERT_RTNL and its family, WARN, BUG, invariants, `--strict`.

The kernel's ASSERT_RTNL asks whether anybody holds the mutex; here every assertion asks whether the
*calling thread* does.  A broken one is a finding with the model's stack, never a crash; a BUG()
unwinds the request that hit it.

A finding carries `rule` (stable, for tests and the catalogue), `model_stack`, the device's history
where there is one, and `known` = "known:G.n" where the rule is a known defect of 7.3.
"""

from __future__ import annotations

import _thread
import functools
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from lockcheck import looking, sync
from lockcheck.sync import held_as

from .documents import Fields
from .errors import KernelBug
from .netdevice import NetDevice

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from lockcheck import Checker, RWLock
    from lockcheck.sync import Access

    from .net_namespace import Net
    from .probe import Probe
    from .regime import Regime
    from .rtnl import Rtnl

__all__ = ["Assertions"]

KERNEL: Final = __file__.removesuffix("assertions.py")
SYNC: Final = sync.__file__.removesuffix("__init__.py")


def in_kernel(frame: FrameType | None) -> bool:
    """Is the access made by a function of the kernel, not by somebody who looks at its objects?"""
    while frame is not None and frame.f_code.co_filename.startswith(SYNC):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(KERNEL)


class Assertions:
    """The part of `Kernel` that files findings."""

    probe: Probe
    regime: Regime
    fixed: frozenset[str]
    rtnl: Rtnl

    def __init__(self, chk: Checker, strict: str) -> None:
        self.chk = chk
        self.strict = strict
        """off, converted or all: whose devices must be under their own netns' lock."""
        self.kmsg: list[str] = []
        """The kernel's log, lines of level notice and above."""
        self.counts: dict[str, int] = {}
        """How often things happened (registered, freed, delegated …).  Covered by gate."""
        self.gate = _thread.allocate_lock()
        """Covers statistics only; not one of the model's locks."""

        chk.guards.on_breach = self.guard_breach

    # -- findings --

    def guard_breach(self, access: Access) -> bool:
        """An attribute is used without what its class says protects it (`guards`).

        Where no probed function is entered, a command's own calls of the kernel count; else nobody
        runs the kernel: a listing, a check, a test looks.
        """
        task = self.probe.current()
        if not task.stack and not (task.request and in_kernel(sys._getframe(3))):
            return True
        dev = access.owner if isinstance(access.owner, NetDevice) else None
        whose = dev.label if dev is not None else getattr(access.owner, "name", "")  # of any object
        self.file(
            "assertion",
            f"{access.name} of {whose or 'the kernel'} is {access.past} "
            f"without {access.needs} held",
            f"guard-{access.name}-{access.kind}",
            dev,
        )
        self.chk.guards.become_point(access.field)
        return True

    def holds_exclusively(self, rwsem: RWLock) -> bool:
        """Does the calling thread hold it for writing?"""
        return held_as(rwsem, self.chk.current(), write=True) is not None

    def file(self, kind: str, title: str, rule: str, dev: NetDevice | None, **data: object) -> None:
        """One finding, with the model's stack."""
        with looking(self.chk):
            self._file(kind, title, rule, dev, data)

    def _file(self, kind: str, title: str, rule: str, dev: NetDevice | None, data: Fields) -> None:
        task = self.probe.current()
        stack = self.probe.stack()
        lines = ["model stack: " + " < ".join(stack)] if stack else []
        if task.request:
            lines.append(f"request: {task.request}")
        if dev is not None:
            lines.append(
                f"{dev.label}: {dev.peek_state().name} in {dev.peek_net().label}, "
                f"references {dev.refcnt.value}: {', '.join(dev.holders())}"
            )
        known = data.pop("known", "")
        is_known = known and self.regime.name == "small" and known not in self.fixed
        tags = [f"known:{known}"] if is_known else []
        self.chk.report(
            kind,
            title,
            severity="certain",
            detail="\n".join(lines),
            fingerprint=f"{rule}@{'<'.join(stack[:6])}",
            rule=rule,
            model_stack=stack,
            device=dev.label if dev is not None else "",
            tags=tags,
            reporter=__file__,
            **data,
        )

    def report_invariant(
        self,
        title: str,
        *,
        rule: str,
        dev: NetDevice | None = None,
        kind: str = "invariant",
        known: str = "",
    ) -> None:
        """An invariant of the kernel does not hold."""
        self.file(kind, title, rule, dev, known=known)

    def warn(
        self, title: str, *, dev: NetDevice | None = None, rule: str = "warn", known: str = ""
    ) -> None:
        """WARN()."""
        self.kmsg.append(f"WARNING: {title}")
        self.file("warn", title, rule, dev, known=known)

    def bug(self, title: str, *, dev: NetDevice | None = None, rule: str = "bug") -> NoReturn:
        """BUG(): file it and unwind this request.  Raises: KernelBug."""
        self.kmsg.append(f"kernel BUG: {title}")
        self.file("invariant", title, rule, dev)
        raise KernelBug(title)

    def oops(self, error: Exception) -> None:
        """A broken structure, as a kernel without enough locking dies of one.

        Context: only where the kernel is not `sound`; in a sound one it is a defect of ours.
        """
        where = "?"
        trace = error.__traceback__
        while trace is not None:
            where = trace.tb_frame.f_code.co_name
            trace = trace.tb_next
        title = f"Oops in {where}: {type(error).__name__}: {error}"
        self.kmsg.append(title)
        self.file("invariant", title, f"oops-{where}", None)

    def killed_by_oops(self, target: Callable[..., object]) -> Callable[..., object]:
        """The body of a thread that an Oops ends."""

        @functools.wraps(target)
        def body(*args: object) -> None:
            try:
                target(*args)
            except Exception as error:
                self.oops(error)

        return body

    def printk(self, line: str, **_fields: object) -> None:
        """A line of the kernel's log."""
        self.kmsg.append(line)

    def count(self, what: str, _dev: NetDevice | None = None) -> None:
        """Statistics."""
        with self.gate:
            self.counts[what] = self.counts.get(what, 0) + 1

    # -- RTNL --

    def ASSERT_RTNL(self) -> None:
        """This thread holds RTNL (where there is none: a netns' lock, in a section)."""
        if not self.rtnl.is_rtnl_held():
            self.file("assertion", "ASSERT_RTNL() failed", "assert-rtnl", None)

    def ASSERT_RTNL_NET(self, net: Net) -> None:
        """This thread holds net's RTNL, and the global one where it exists."""
        if not self.rtnl.is_net_held(net):
            self.file(
                "assertion",
                f"ASSERT_RTNL_NET({net.name or 'init_net'}) failed",
                "assert-rtnl-net",
                None,
            )

    def assert_section(self) -> None:
        """Inside rtnl_lock … rtnl_unlock: what __rtnl_net_lock asserts as ASSERT_RTNL."""
        if self.regime.has_rtnl:
            self.ASSERT_RTNL()
        elif self.rtnl.section() is None:
            self.file("assertion", "per-netns lock outside a section", "assert-section", None)

    def netdev_assert_locked(self, dev: NetDevice, what: str) -> None:
        """This thread holds the device's instance lock."""
        if not self.rtnl.owns(dev.lock):
            self.file(
                "assertion",
                f"{what} of {dev.name} without its instance lock",
                "assert-instance",
                dev,
            )

    def netdev_ops_assert_locked(self, dev: NetDevice, what: str) -> None:
        """This thread holds the instance lock of an ops-locked device."""
        if dev.ops_locked:
            self.netdev_assert_locked(dev, what)

    def assert_instance_covers(self, dev: NetDevice, what: str) -> None:
        """What RTNL covers today is under the instance lock where there is no global RTNL."""
        if not self.regime.has_rtnl and not self.rtnl.owns(dev.lock):
            self.file(
                "assertion",
                f"{what} of {dev.name} without its instance lock",
                "assert-instance",
                dev,
            )

    def strict_assert(self, dev: NetDevice, what: str, known: str = "") -> None:
        """`--strict`: only a thread that owns the lock of the device's own netns may do this."""
        self.strict_assert_net(dev, dev.peek_net(), what, known)

    def strict_assert_net(self, dev: NetDevice, net: Net, what: str, known: str = "") -> None:
        """As strict_assert, for a netns that the device is about to enter."""
        if self.strict == "off" or not self.regime.has_net_locks:
            return
        if self.strict == "converted" and not dev.converted:
            return
        if not self.rtnl.is_net_held(net):
            self.file(
                "assertion",
                f"{what} of {dev.name} without the lock of its namespace {net.name or 'init_net'}",
                "strict-net",
                dev,
                known=known or ("G.22" if self.unregisters_unconverted() else ""),
            )

    def unregisters_unconverted(self) -> bool:
        """Is this thread inside the NETDEV_UNREGISTER of a device that is not converted?

        One of another netns is unregistered without that netns' lock, and so is a converted upper
        that lives beside it (G.22).
        """
        return not all(dev.converted for dev in self.probe.current().unregistering)

    def assert_no_lock_held(self, what: str) -> None:
        """invariant: no wait for references with RTNL, an instance or a driver lock held."""
        for hold in self.chk.held():
            lock = getattr(hold, "lock", hold)  # a hold's
            if lock.name in WAITABLE or hasattr(lock, "sync"):
                continue
            self.report_invariant(f"{what} with {lock.name} held", rule="wait-with-lock-held")


WAITABLE = frozenset({"pernet_ops_rwsem"})
"""What cleanup_net, module unload and notifier registration do hold while they wait."""
