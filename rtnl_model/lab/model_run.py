"""One script on one fresh kernel, from the checker to the document `rtnl-model/run/1`.

`ModelSetting` says which kernel (regime, workers, bugs, drivers …); `record` boots it, runs the
script with a watchdog beside it, joins every thread, whatever happened, and returns the document,
the findings and the checker.  `explore` and `stress` use `ModelSetting.kernel` with a conductor or
requesters of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import lockcheck
from lockcheck import Report, known_as
from lockcheck.conduct import Watchdog, abort
from rtnl_model.kernel.documents import Fields

from ..iproute.commands import Command, Script
from ..iproute.execute import Outcome
from ..iproute.run import ScriptRun
from ..iproute.script_error import nearest
from ..kernel.assembly import assemble
from ..kernel.kernel import Kernel
from ..kernel.links import LinkDriver
from ..kernel.links.drivers import driver_table
from ..kernel.regime import REGIMES
from ..kernel.timing import TIMINGS
from ..view.log_events import LogWriter
from ..view.trace import TraceWriter
from .catalogue import UnknownBug, applied, check_fixes
from .debts import owed
from .interrupts import ignore_interrupts
from .invariants import check_quiescence
from .known import tag_predicted, tag_stuck
from .own_drivers import drivers_of, refuse_duplicates
from .wrong_setting import WrongSetting

if TYPE_CHECKING:
    from argparse import Namespace

    from lockcheck import Conductor, Recorder

    from ..kernel.overlay import Composed, Overlay

__all__ = [
    "ModelSetting",
    "Recorded",
    "WrongSetting",
    "link_kinds",
    "record",
    "recorded",
    "run_document",
    "usable_kinds",
]

SCHEMA = "rtnl-model/run/1"
WATCH_SECONDS = 0.1
"""Between two looks of the watchdog; it takes several unchanged ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSetting:
    """Which kernel runs."""

    rtnl: str = "small"
    workers: str = "netns"
    cpus: int = 2
    strict: str = "converted"
    timing: str = "quick"
    bugs: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    """Fixes of `pernet` that are stacked in `small`."""
    driver_files: tuple[str, ...] = ()
    init_ifindex: int = 0
    """The next ifindex of the initial namespace after boot (a recording machine has a history)."""
    replace: bool = False
    """A driver of the user's may have the kind of one that exists."""

    @classmethod
    def from_args(cls, args: Namespace) -> ModelSetting:
        """From the common options of the command line. Raises: WrongSetting."""
        setting = cls(
            rtnl=args.rtnl or "small",
            workers=args.workers or "netns",
            cpus=args.cpus,
            strict=args.strict,
            timing=args.timing,
            bugs=tuple(args.bug),
            fixes=tuple(args.fix),
            driver_files=tuple(args.driver),
            replace=args.replace,
        )
        setting.check()
        return setting

    def check(self) -> None:
        """Raises: WrongSetting."""
        if self.timing not in TIMINGS:
            raise WrongSetting(
                f"unknown timing {self.timing!r}{nearest(self.timing, TIMINGS)}; "
                f"the timings are {', '.join(TIMINGS)}"
            )
        if self.fixes and self.rtnl != "small":
            holds = " (pernet has every fix)" if self.rtnl == "pernet" else ""
            raise WrongSetting(f"--fix is for --rtnl small, not {self.rtnl}{holds}")
        try:
            applied(self.bugs)
            check_fixes(self.fixes)
        except UnknownBug as error:
            raise WrongSetting(str(error)) from error
        table = driver_table(has_rtnl=REGIMES[self.rtnl].has_rtnl)
        refuse_duplicates(self.own_drivers(), {*table, "phys"}, replace=self.replace)

    def drivers(self) -> list[type[LinkDriver]]:
        """All drivers that its kernel has. Raises: WrongSetting."""
        table = driver_table(has_rtnl=REGIMES[self.rtnl].has_rtnl)
        return [*table.values(), *self.own_drivers()]

    def own_drivers(self) -> list[type[LinkDriver]]:
        """The user's drivers. Raises: WrongSetting."""
        return [driver for path in self.driver_files for driver in drivers_of(path)]

    def kernel(
        self,
        chk: lockcheck.Checker,
        overlays: Sequence[Overlay] = (),
        composed: Composed | None = None,
    ) -> Kernel:
        """A kernel that is not running yet, with more overlays on top. Raises: WrongSetting."""
        bugs = applied(self.bugs)
        return assemble(
            chk,
            self.rtnl,
            workers=self.workers,
            cpus=self.cpus,
            overlays=(*bugs.overlays, *overlays),
            without=bugs.without,
            fixes=self.fixes,
            timing=self.timing,
            strict=self.strict,
            drivers=tuple(self.own_drivers()),
            composed=None if self.driver_files else composed,  # their classes are new every time
        )

    def start(self, k: Kernel) -> None:
        """Boot it, with the history asked for."""
        k.start()
        k.init_net.next_ifindex = max(k.init_net.next_ifindex, self.init_ifindex)


def link_kinds(setting: ModelSetting) -> frozenset[str]:
    """Kinds that scripts can use in this setting (`phys` included)."""
    table = driver_table(has_rtnl=REGIMES[setting.rtnl].has_rtnl)
    own = [driver.kind for driver in setting.own_drivers()]
    return frozenset([*(d.kind for d in table.values() if d.kind), *own, "phys"])


def usable_kinds(setting: ModelSetting) -> frozenset[str]:
    """Kinds that scripts can use and that the regime does not refuse."""
    regime = REGIMES[setting.rtnl]
    table = driver_table(has_rtnl=regime.has_rtnl)
    table.update({driver.kind: driver for driver in setting.own_drivers()})
    refused = [d.kind for d in table.values() if regime.refuses_unconverted and not d.converted]
    return link_kinds(setting) - frozenset(refused)


@dataclass(slots=True)
class Recorded:
    """What a run left behind."""

    script: Script
    setting: ModelSetting
    document: Fields
    chk: lockcheck.Checker
    kernel: Kernel
    failed: list[Outcome] = field(default_factory=list)
    stopped_at: str = ""
    interrupted: bool = False
    timeline: Fields | None = None
    """By steps, of a run in logical time."""

    @property
    def findings(self) -> list[Fields]:
        """The document's findings."""
        found: list[Fields] = self.document["findings"]
        return found


def record(
    script: Script,
    setting: ModelSetting,
    *,
    keep_going: bool | None = None,
    seed: int = 0,
    on_outcome: Callable[[Command, Outcome], None] | None = None,
    trace: Collection[str] | None = None,
    write_trace: Callable[[str], object] | None = None,
    recorder: Recorder | None = None,
    logged: bool = False,
    conductor: Conductor | None = None,
) -> Recorded:
    """Run `script` on a fresh kernel.  Every thread is joined when this returns.

    `conductor`: one that does not schedule, only disturbs and records (`PerturbedConductor`).
    `logged`: say what happens as structlog events.
    `recorder` keeps who held and waited for what, for a report's time line.
    `trace` None: no probe lines; else those functions, an empty collection meaning all.
    Ctrl-C ends the run at once; the result is then marked interrupted.
    """
    chk = lockcheck.Checker(on_report="collect", conductor=conductor, recorder=recorder)
    k = setting.kernel(chk)
    run = ScriptRun(k, script, keep_going=keep_going, on_outcome=on_outcome)
    interrupted = False
    with ExitStack() as stack:
        if logged:
            stack.enter_context(LogWriter(k))
        if trace is not None and write_trace is not None:
            stack.enter_context(TraceWriter(k, write_trace, trace))
        stack.enter_context(
            Watchdog(
                chk,
                period=WATCH_SECONDS,
                on_stuck=lambda report: stuck(run, report),
                owed=lambda op: owed(k, op),
            )
        )
        try:
            setting.start(k)
            run.run()
            if run.hung is None:
                check_quiescence(k)
        except KeyboardInterrupt:
            ignore_interrupts()
            interrupted = True
            abort(chk)
        finally:
            end(k)
            run.wait_out_processes()
    return recorded(run, setting, seed=seed, interrupted=interrupted)


def recorded(
    run: ScriptRun, setting: ModelSetting, *, seed: int = 0, interrupted: bool = False
) -> Recorded:
    """What a run left behind, when nobody of it runs any more."""
    k = run.k
    for report in k.chk.reports:
        tag_predicted(k, report)
    document = {
        "schema": SCHEMA,
        "regime": setting.rtnl,
        "workers": setting.workers,
        "seed": seed,
        "script": run.script.name,
        "ops": run.ops,
        "findings": lockcheck.with_causes([finding(report) for report in k.chk.reports]),
        "stats": dict(sorted(k.counts.items())),
    }
    if run.hung is not None:
        document["hung"] = run.hung
    if interrupted:
        document["interrupted"] = True
    return Recorded(
        run.script,
        setting,
        document,
        k.chk,
        k,
        run.failed,
        run.stopped_at.text if run.stopped_at else "",
        interrupted,
    )


def stuck(run: ScriptRun, report: Report) -> None:
    """The watchdog's call: keep the world as it is, and say which known defect it is."""
    run.stuck()
    tag_stuck(run.k, report)


def end(k: Kernel) -> None:
    """Join every thread of the kernel; of an aborted run they have been unwound."""
    try:
        k.shutdown()
    except lockcheck.Unwind:
        pass


def run_document(script: Script, setting: ModelSetting) -> Fields:
    """The document of a run that nobody watches. Raises: KeyboardInterrupt, when all is joined."""
    done = record(script, setting)
    if done.interrupted:
        raise KeyboardInterrupt
    return done.document


def finding(report: Report) -> Fields:
    """A report in the document's shape, with its text and the tag of a known defect."""
    document: Fields = report.to_dict()
    document["text"] = str(report)
    if report.known:
        document["tag"] = known_as(document)
    return document
