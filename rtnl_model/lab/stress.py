"""`rtnl-model stress`: many requesters, random legal operations, every invariant on.

A free run: requesters are real threads that issue `ip` commands as fast as they can; the watchdog
ends it when nobody can go on. Invariants are checked while it runs (in the kernel's files), and
twice when nothing moves: with the world as it is when the requesters stop, and after every
namespace was deleted, when nothing but init_net may be left. It stops at the first finding that
counts, unless asked to keep going, because a broken kernel breaks more.

The seed determines what each requester draws, not the order of threads: a second run with it is a
similar run, not the same.
"""

from __future__ import annotations

import _thread
import gc
import sysconfig
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lockcheck import Checker, Conductor, CountingRule, Unwind, counts, looking
from lockcheck.conduct import Watchdog, abort
from rtnl_model.iproute import parse_script
from rtnl_model.iproute.commands import Command, LinkAdd
from rtnl_model.iproute.execute import Outcome, execute
from rtnl_model.iproute.run import comm_of
from rtnl_model.kernel.documents import Fields
from rtnl_model.kernel.errors import KernelBug
from rtnl_model.kernel.kernel import Kernel

from .invariants import check_quiescence, live_nets
from .known import tag_predicted, tag_stuck
from .mix import DEFAULT_DRIVERS, MIXES, Mix, Requester, Targets, peer_of

if TYPE_CHECKING:
    from lockcheck import Recorder, Report

__all__ = ["Stress", "StressOptions", "StressResult"]

JOIN_SECONDS_MAX: Final = 30
"""What is alive after that is reported as a leaked thread."""
SWEEPS: Final = 3
"""Deletions after the load, one at a time."""
HISTORY: Final = 6
"""Last commands of each requester that are kept for the story of a finding."""
COLLECT_EVERY: Final = 1_000 if sysconfig.get_config_var("Py_GIL_DISABLED") else 0
"""Operations between two collections; 0: the interpreter's own.  A free-threaded one collects late,
and what is garbage by then lies between what is not: pages that are never given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StressOptions:
    """What is asked for."""

    seed: int
    seconds: float | None = None
    ops: int | None = None
    """At least one of the two limits is set."""
    netns: int = 8
    threads: int = 8
    drivers: tuple[str, ...] = DEFAULT_DRIVERS
    own: tuple[str, ...] = ()
    """Those of them that a file of the user's defines."""
    mix: Mix = field(default_factory=lambda: MIXES["default"])
    fault: float = 0.0
    """Share of registrations that fail."""
    fail_on: str = "possible"
    keep_going: bool = False
    """Do not stop at the first finding."""


@dataclass(slots=True)
class StressResult:
    """What came out."""

    options: StressOptions
    regime: str
    operations: int = 0
    refused: int = 0
    """Operations that the kernel refused, as it may: too late, a name taken."""
    seconds: float = 0.0
    registered: int = 0
    removed: int = 0
    delegated: int = 0
    sections_max: int = 0
    per_driver: dict[str, int] = field(default_factory=dict)
    """By kind: how often one was asked for."""
    never_made: dict[str, str] = field(default_factory=dict)
    """Kinds of the user's of which not one device was made -> the last refusal."""
    findings: list[Fields] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    history: dict[str, list[str]] = field(default_factory=dict)
    """Last commands of each requester, when something was found."""
    complete: bool = True
    """As many seconds or operations as were asked for."""
    hung: bool = False
    interrupted: bool = False
    leaked_threads: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.operations / self.seconds if self.seconds else 0.0

    @property
    def delegated_share(self) -> float:
        """Share of the removed devices that their own namespace was asked to remove."""
        return self.delegated / self.removed if self.removed else 0.0

    @property
    def counting(self) -> list[Fields]:
        """Findings that count: untagged, severe enough."""
        return CountingRule(self.options.fail_on).sort(self.findings)["counts"]

    def to_dict(self) -> Fields:
        """The document of --json."""
        return {
            "schema": "rtnl-model/stress/1",
            "regime": self.regime,
            "seed": self.options.seed,
            "netns": self.options.netns,
            "threads": self.options.threads,
            "drivers": list(self.options.drivers),
            "operations": self.operations,
            "refused": self.refused,
            "seconds": round(self.seconds, 3),
            "operations_per_second": round(self.rate, 1),
            "devices_registered": self.registered,
            "devices_removed": self.removed,
            "devices_delegated": self.delegated,
            "delegated_share": round(self.delegated_share, 4),
            "unregistering_sections_max": self.sections_max,
            "operations_per_driver": dict(sorted(self.per_driver.items())),
            "never_made": self.never_made,
            "complete": self.complete,
            "hung": self.hung,
            "interrupted": self.interrupted,
            "leaked_threads": self.leaked_threads,
            "findings": self.findings,
            "history": self.history,
        }


class Stress:
    """One run.  `boot(chk)` makes the kernel; it is started, and shut down, here."""

    def __init__(
        self,
        options: StressOptions,
        boot: Callable[[Checker], Kernel],
        conductor: Conductor | None = None,
    ) -> None:
        assert options.seconds is not None or options.ops is not None
        self.options = options
        self.boot = boot
        self.conductor = conductor
        self.names = [f"n{i}" for i in range(1, options.netns + 1)]
        self.targets = Targets()
        self.stopping = False
        self.deadline = float("inf")
        self._gate = _thread.allocate_lock()
        self._tickets = options.ops
        self.operations = 0
        """Covered by `_gate`."""
        self.refused = 0
        self.per_driver: Counter[str] = Counter()
        self.never_made = dict.fromkeys(options.own, "nobody asked for one")
        self.history: dict[str, list[str]] = {}
        self.recorder: Recorder | None = None
        """Set before `run` for a time line; it costs throughput."""
        self.k: Kernel
        self.chk: Checker

    # -- the run --

    def run(self) -> StressResult:
        """Stress, settle, tear down, account.  Never raises Unwind or KeyboardInterrupt."""
        before = {thread.ident for thread in threading.enumerate()}
        self.chk = Checker(on_report=self.heard, conductor=self.conductor, recorder=self.recorder)
        self.k = self.boot(self.chk)
        self.k.probe.enabled = False
        self.k.events.enabled = False
        result = StressResult(self.options, self.k.regime.name)
        began = time.monotonic()
        with Watchdog(self.chk, on_stuck=lambda report: tag_stuck(self.k, report)) as watchdog:
            try:
                self.phases(result, began)
            except Unwind:
                result.hung = True
            except KeyboardInterrupt:
                result.interrupted = True
                abort(self.chk)
        if watchdog.report is not None:
            result.hung = True
        result.seconds = result.seconds or time.monotonic() - began
        self.join_all(before)
        self.account(result)
        result.leaked_threads = [
            thread.name for thread in threading.enumerate() if thread.ident not in before
        ]
        return result

    def phases(self, result: StressResult, began: float) -> None:
        """Requesters, then quiescence, then the end of every namespace."""
        self.k.start()
        for name in self.names:
            self.issue(f"ip netns add {name}")
        began = time.monotonic()
        if self.options.seconds is not None:
            self.deadline = began + self.options.seconds
        try:
            self.requesters(result)
        finally:
            result.seconds = time.monotonic() - began
        self.settle()
        self.sweep()
        for name in self.names:
            if self.k.net_namespace.get(name) is not None:
                self.issue(f"ip netns del {name}")
        self.settle()
        with looking(self.chk):
            self.nothing_left()
        self.k.shutdown()

    def requesters(self, result: StressResult) -> None:
        """Start them, wait for all; an interrupt stops them at their next command."""
        threads = [
            self.chk.Thread(target=self.requester, args=(number,), name=f"requester {number}")
            for number in range(1, self.options.threads + 1)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            self.stopping = True
            result.interrupted = True
            for thread in threads:
                thread.join()

    def settle(self) -> None:
        """Wait until nothing moves, then check."""
        self.k.quiesce()
        check_quiescence(self.k)

    def sweep(self) -> None:
        """With nobody else about: what reaches into another namespace must settle by itself.

        Under load somebody else's unlock may do what was forgotten; here there is nobody else.
        """
        for _each in range(SWEEPS):
            line = next(self.reaching_out(), None)
            if line is None:
                return
            self.issue(line)
            self.settle()

    def reaching_out(self) -> Iterator[str]:
        """Commands that delete a device with its peer or an upper in another namespace."""
        for net in self.k.net_namespace.named().values():
            with looking(self.k.chk):
                devs = [(dev, [adjacent.dev for adjacent in dev.upper]) for dev in net.dev_list()]
            for dev, tied in devs:
                peer = peer_of(dev)
                if any(one.peek_net() is not net for one in (*tied, *([peer] if peer else []))):
                    yield f"ip -n {net.name} link del {dev.name}"

    def nothing_left(self) -> None:
        """Every namespace is gone but init_net, which has nothing but lo."""
        for net in live_nets(self.k):
            if net is not self.k.init_net:
                self.k.report_invariant(f"namespace {net.name} outlives its name", rule="net-left")
                continue
            for dev in net.dev_list():
                if dev.kind:
                    self.k.report_invariant(
                        f"{dev.name} came to init_net and stayed", rule="dev-left", dev=dev
                    )
        if self.k.dev_unreg_count():
            self.k.report_invariant(
                f"{self.k.dev_unreg_count()} devices were unregistered and never freed",
                rule="unreg-count",
            )

    # -- requesters --

    def requester(self, number: int) -> None:
        """One thread: commands until time, operations or patience end."""
        source = Requester(
            self.k,
            number,
            self.options.seed,
            names=self.names,
            drivers=self.options.drivers,
            own=self.options.own,
            mix=self.options.mix,
            targets=self.targets,
        )
        recent = self.history.setdefault(f"requester {number}", [])
        while not self.stopping and time.monotonic() < self.deadline and self.ticket():
            line = source.next_command()
            recent.append(line)
            del recent[:-HISTORY]
            try:
                self.issue(line)
            except KernelBug:
                recent.append("(the kernel killed it: BUG)")
            except Exception as error:
                if self.k.sound:
                    raise
                self.k.oops(error)
                recent.append("(the kernel killed it: Oops)")

    def ticket(self) -> bool:
        """May another operation begin?"""
        with self._gate:
            if self._tickets is None:
                return True
            if self._tickets:
                self._tickets -= 1
                return True
            return False

    def issue(self, line: str) -> None:
        """Run a line's commands on this thread, each as a process of its own."""
        for command in parse_script(line, kinds=self.options.drivers).commands():
            task = self.k.probe.new_task(comm_of(command))
            task.request = line
            self.k.probe.adopt(task)
            outcome = execute(self.k, command)
            self.count(command, outcome)

    def count(self, command: Command, outcome: Outcome) -> None:
        """Account for one operation."""
        with self._gate:
            self.operations += 1
            collect = COLLECT_EVERY and not self.operations % COLLECT_EVERY
            if outcome.rc:
                self.refused += 1
            if isinstance(command, LinkAdd) and command.kind:
                self.per_driver[command.kind] += 1
                if not outcome.rc:
                    self.never_made.pop(command.kind, None)
                elif command.kind in self.never_made:
                    self.never_made[command.kind] = " ".join(outcome.stderr.split())
        if collect:
            gc.collect()

    # -- findings --

    def heard(self, report: Report) -> None:
        """A finding: stop at the first that counts."""
        fail_on = self.options.fail_on
        if not self.options.keep_going and counts(report.severity, fail_on, report.known):
            self.stopping = True

    def account(self, result: StressResult) -> None:
        """Fill the result from the kernel's and our counters."""
        result.operations = self.operations
        result.refused = self.refused
        result.per_driver = dict(self.per_driver)
        result.never_made = dict(self.never_made)
        result.registered = self.k.counts.get("registered", 0)
        result.removed = self.k.counts.get("freed", 0)
        result.delegated = self.k.counts.get("delegated", 0)
        result.sections_max = self.k.sections_max
        result.reports = list(self.chk.reports)
        for report in result.reports:
            tag_predicted(self.k, report)
        result.findings = [report.to_dict() for report in result.reports]
        if result.findings:
            result.history = {name: list(lines) for name, lines in self.history.items()}
        result.complete = not (
            result.interrupted or result.hung or self.stopping or result.never_made
        )

    def join_all(self, before: set[int | None]) -> None:
        """After an abort every thread unwinds by itself: wait for the last."""
        for _second in range(JOIN_SECONDS_MAX):
            alive = [each for each in threading.enumerate() if each.ident not in before]
            if not alive:
                return
            threading.Thread.join(alive[0], 1.0)
            if self.chk.aborted:
                abort(self.chk)

    def describe(self) -> str:
        """For the progress line."""
        left = self.deadline - time.monotonic()
        ending = f", {left:.0f} s left" if 0 < left < 10**7 else ""
        return (
            f"{self.operations} operations, {self.refused} refused,"
            f" {len(self.chk.reports) if hasattr(self, 'chk') else 0} findings{ending}"
        )
