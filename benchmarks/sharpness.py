"""How sharp the instrument is: what is noticed when a lock, a hold, a wait or a drain is missing.

Every mutant of the model (`rtnl_model.lab.mutants`) is searched with a fixed budget: schedules of
the topologies that reach it, then a stress.  Caught is a mutant with a finding that the model
without it does not have; in `small` also one that puts a new line on the audit's list, for there
RTNL covers what the namespaces' locks no longer do.  A miss has its reason beside it, as far as a
program can say it: nothing reaches the place, or so many schedules that do are clean.

It takes long, so it runs when it is named, not with the others:

    python -m benchmarks sharpness --quick     every eighth mutant
    python -m benchmarks sharpness             all of them, in pernet and in small
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from benchmarks.crew import crew
from benchmarks.table import Table
from lockcheck import Checker
from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy
from rtnl_model.iproute import load_script
from rtnl_model.iproute.commands import Script
from rtnl_model.kernel.links.drivers import driver_table
from rtnl_model.kernel.lock_order import LOCKS
from rtnl_model.lab.audit import Audit, AuditSubject
from rtnl_model.lab.explore import ModelSubject, ModelWorld
from rtnl_model.lab.model_run import ModelSetting, link_kinds
from rtnl_model.lab.mutants import (
    CLASSES,
    Mutant,
    apply,
    mutants,
    note_lock_classes,
    without_lock_class,
)
from rtnl_model.lab.reach import reaching
from rtnl_model.lab.stress import Stress, StressOptions
from rtnl_model.lab.topologies import topology, topology_names

if TYPE_CHECKING:
    from benchmarks.bench import Run

__all__ = ["DESCRIPTION", "run"]

DESCRIPTION = "mutants of the model that are noticed: caught and missed, by class"

REGIMES: Final = ("pernet", "small")
TARGETS: Final = {"pernet": 95, "small": 85}
SCHEDULES: Final = 14
"""Of each script."""
SCRIPTS_MAX: Final = 7
SECONDS_MAX: Final = 25.0
"""For one mutant."""
KILLED_AFTER: Final = 20.0
"""Seconds beyond that: a free run that spins is ended by nothing else."""
STRESS_OPS: Final = 120
BASELINE_SCHEDULES: Final = 30
QUICK_EACH: Final = 8
REFUSED: Final = {"pernet": frozenset({"T6", "T14", "T17-vlan"}), "small": frozenset[str]()}
"""With a kind that has no conversion."""
NO_CODE: Final = frozenset({"net_cleanup_work", "&ops->srcu", "(wq_completion)rtnl_net",
                            "(work_completion)(&net->rtnl_work)"})  # fmt: skip
"""Pseudo-locks: they exclude nobody as it is."""
ABSENT: Final = "no such lock in this build"
READERS_WRITERS: Final = frozenset({"pernet_ops_rwsem", "net_rwsem"})
"""Not made by `Lock`; their sections are mutants one by one."""


@dataclass(slots=True)
class Verdict:
    """What became of a mutant."""

    mutant: Mutant
    regime: str
    caught: bool
    how: str
    """The first finding's title, or the reason of the miss."""
    scripts: list[str] = field(default_factory=list)
    schedules: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Task:
    """One search."""

    mutant: Mutant
    regime: str
    scripts: tuple[str, ...]
    seed: int
    known: frozenset[tuple[str, str, str]]
    """The audit's list without any mutant."""


def run(run: Run) -> None:
    """Every mutant in both builds, in parallel processes."""
    chosen = [*lock_classes(), *mutants()]
    if run.quick:
        chosen = chosen[::QUICK_EACH]
    for regime in REGIMES:
        verdicts = search(run, regime, [each for each in chosen if built(each, regime)])
        verdicts = [verdict for verdict in verdicts if verdict.how != ABSENT]
        run.table(table_of(regime, verdicts))
        for verdict in verdicts:
            if not verdict.caught:
                run.note(f"missed in {regime}: {verdict.mutant.name}: {verdict.how}")
        run.data(regime, [asdict(verdict) for verdict in verdicts])


def lock_classes() -> list[Mutant]:
    """One for each class of the table that is a real mutex."""
    names = [name for rule in LOCKS for name in rule.classes]
    return [
        Mutant("lock class", "", name, 0, "")
        for name in names
        if name not in NO_CODE | READERS_WRITERS
    ]


def built(mutant: Mutant, regime: str) -> bool:
    """Is the mutated function part of this build at all?"""
    pernet = regime == "pernet"
    if mutant.file.startswith("fixes/"):
        return pernet
    if not mutant.file.startswith("links/"):
        return True
    cls_name, method = mutant.function.split(".")
    for driver in driver_table(has_rtnl=not pernet).values():
        if pernet and not driver.converted and driver.kind:
            continue  # refused
        if runs_in(driver, cls_name, method):
            return True
    return not any(runs_in(driver, cls_name, method) for driver in every_driver())


def runs_in(driver: type, cls_name: str, method: str) -> bool:
    """Does a driver get to that method: nothing above it takes its place without calling it?"""
    for cls in driver.__mro__:
        found = vars(cls).get(method)
        if cls.__name__ == cls_name:
            return found is not None
        if isinstance(found, FunctionType) and "super" not in found.__code__.co_names:
            return False
    return False


def every_driver() -> list[type]:
    """7.3's and the conversions."""
    return [driver for has in (True, False) for driver in driver_table(has_rtnl=has).values()]


def search(run: Run, regime: str, chosen: Sequence[Mutant]) -> list[Verdict]:
    """Run every mutant's search; the baseline must be clean."""
    names = [name for name in topology_names() if name not in REFUSED[regime]]
    processes = max(1, (os.cpu_count() or 2) // 2)
    everybody = partial(crew, processes=processes, seconds=SECONDS_MAX + KILLED_AFTER)
    run.progress(f"sharpness {regime}: what each topology reaches")
    reached = {
        names[number]: places or frozenset()
        for number, places in everybody(partial(reaching, regime), names)
    }
    known: frozenset[tuple[str, str, str]] = frozenset()
    if regime == "small":
        for _number, listed in everybody(partial(audited, regime, run.seed), names):
            known |= listed or frozenset()
    tasks = [Task(mutant, regime, fitting(mutant, reached), run.seed, known) for mutant in chosen]
    found: dict[int, Verdict] = {}
    for number, verdict in everybody(judge, tasks):
        found[number] = verdict or Verdict(
            chosen[number], regime, True, "it never ends: killed", list(tasks[number].scripts)
        )
        caught = sum(each.caught for each in found.values())
        run.progress(f"sharpness {regime}: {len(found)}/{len(tasks)}, {caught} caught")
    return [found[number] for number in range(len(tasks))]


def fitting(mutant: Mutant, reached: dict[str, frozenset[str]]) -> tuple[str, ...]:
    """The topologies that come by the mutant's function: those with most to do first."""
    names = [
        name for name, places in reached.items() if not mutant.file or mutant.function in places
    ]
    names.sort(key=lambda name: (not concurrent(name), name))
    return tuple(names[:SCRIPTS_MAX] if mutant.file else names)


def concurrent(name: str) -> bool:
    """Has it commands that run at once?"""
    return "& wait" in topology(name)


def setting_of(regime: str) -> ModelSetting:
    """Which kernel is searched."""
    return ModelSetting(rtnl=regime, timing="zero")


def script_of(name: str, setting: ModelSetting) -> Script:
    """A topology."""
    return load_script(f"@{name}", topology=topology, kinds=link_kinds(setting))


def audited(regime: str, seed: int, name: str) -> frozenset[tuple[str, str, str]]:
    """What the audit lists of a topology without a mutant."""
    found = Audit()
    setting = setting_of(regime)
    subject = AuditSubject(script_of(name, setting), setting)
    subject.audit = found
    with Session(subject, limits=Limits(shrink=False)) as session:
        strategy = make_strategy("portfolio", seed)
        for number in range(BASELINE_SCHEDULES):
            session.run_one(strategy, number)
    return frozenset(found.entries)


class MutantSubject(AuditSubject):
    """A script on a kernel that lacks a lock class, where that is the mutant."""

    lock_class: str = ""

    def world(self, conductor: ControlledConductor) -> ModelWorld:
        """Take the class away before the kernel is made."""
        world = (
            super().world(conductor) if self.audit.script else ModelSubject.world(self, conductor)
        )
        if self.lock_class:
            without_lock_class(world.chk, self.lock_class)
        return world


def judge(task: Task) -> Verdict:
    """Search one mutant, in a process of its own."""
    began = time.monotonic()
    hits: list[int] = []
    if task.mutant.file:
        apply(task.mutant, lambda: hits.append(1))
    elif not exists(task):
        return Verdict(task.mutant, task.regime, False, ABSENT)
    verdict = Verdict(task.mutant, task.regime, False, "", list(task.scripts))
    for title, schedules in searched(task, hits):
        verdict.schedules += schedules
        if title:
            verdict.caught, verdict.how = True, title
            break
        if time.monotonic() - began > SECONDS_MAX:
            break
    if not verdict.caught:
        verdict.how = (
            f"{verdict.schedules} schedules of {len(task.scripts)} topologies and a stress clean"
            if task.scripts
            else "no topology reaches it, and a stress is clean"
        )
    verdict.seconds = round(time.monotonic() - began, 2)
    return verdict


class AskingSubject(ModelSubject):
    """A script on a kernel whose requests for locks are noted."""

    asked: set[str]

    def world(self, conductor: ControlledConductor) -> ModelWorld:
        """Listen before the kernel is made."""
        world = super().world(conductor)
        note_lock_classes(world.chk, self.asked)
        return world

    def kept(self, conductor: ControlledConductor) -> ModelWorld:
        """A fresh one each time."""
        return self.world(conductor)


def exists(task: Task) -> bool:
    """Is a lock of the class made in any of the topologies?"""
    for name in task.scripts:
        setting = setting_of(task.regime)
        subject = AskingSubject(script_of(name, setting), setting)
        subject.asked = set()
        with Session(subject, limits=Limits(shrink=False)) as session:
            session.run_one(make_strategy("random", task.seed), 0)
        if task.mutant.function in subject.asked:
            return True
    return False


def searched(task: Task, hits: list[int]) -> Iterator[tuple[str, int]]:
    """(What was found, schedules) after each piece of the search."""
    for name in task.scripts:
        setting = setting_of(task.regime)
        subject = MutantSubject(script_of(name, setting), setting)
        subject.audit = Audit()
        subject.audit.script = name if task.regime == "small" else ""
        subject.lock_class = "" if task.mutant.file else task.mutant.function
        with Session(subject, limits=Limits(shrink=False)) as session:
            strategy = make_strategy("portfolio", task.seed)
            for number in range(SCHEDULES):
                session.run_one(strategy, number)
                title = noticed(session, subject.audit, task, hits)
                yield title, 1
                if title:
                    return
    yield stressed(task, hits), 0


def noticed(session: Session, audit: Audit, task: Task, hits: list[int]) -> str:
    """What the run just ended shows that the model without the mutant does not."""
    if hits:
        return "the assertion fires"
    for finding in session.findings:
        if not finding.known:
            return finding.report.title
    fresh = sorted(set(audit.entries) - task.known)
    if fresh:
        function, name, kind = fresh[0]
        return f"audit: {kind} of {name} in {function}()"
    return ""


def stressed(task: Task, hits: list[int]) -> str:
    """A short stress; the title of what it found."""
    options = StressOptions(seed=task.seed, ops=STRESS_OPS, netns=4, threads=4)

    def boot(chk: Checker) -> Any:
        if not task.mutant.file:
            without_lock_class(chk, task.mutant.function)
        return setting_of(task.regime).kernel(chk)

    result = Stress(options, boot).run()
    if hits:
        return "the assertion fires in a stress"
    for found in result.counting:
        return f"stress: {found['title']}"
    return "stress: it hangs" if result.hung else ""


def table_of(regime: str, verdicts: Sequence[Verdict]) -> Table:
    """Caught and missed, by class."""
    table = Table(
        f"mutants noticed in {regime}", ["class", "mutants", "caught", "missed", "percent"]
    )
    total, caught = Counter[str](), Counter[str]()
    for verdict in verdicts:
        total[verdict.mutant.kind] += 1
        caught[verdict.mutant.kind] += verdict.caught
    for kind in (*(kind for kind in CLASSES if total[kind]), "all"):
        n = total.total() if kind == "all" else total[kind]
        good = caught.total() if kind == "all" else caught[kind]
        table.add(kind, n, good, n - good, round(100 * good / n, 1) if n else 0.0)
    table.notes.append(f"target: {TARGETS[regime]} percent; each miss is explained below")
    return table
