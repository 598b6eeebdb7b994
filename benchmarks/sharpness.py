"""How sharp the instrument is: what is noticed when a lock, a hold, a wait or a drain is missing.

Every mutant of the model (`rtnl_model.lab.mutants`) is searched with a fixed budget: schedules of
the scripts that come by its place (topologies first), then two stresses.  Caught is a mutant with a
finding that the model without it does not have; in `small` also one that puts a new line on the
audit's list, for there RTNL covers what the namespaces' locks no longer do.  A miss has its reason
beside it, decided by the program where a program can (`rtnl_model.lab.equivalent`).

Controls are searches of the same kind in which nothing is missing: they must find nothing.

It takes long, so it runs when it is named, not with the others:

    python -m benchmarks sharpness --quick     every eighth mutant
    python -m benchmarks sharpness             all of them, in pernet and in small
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.crew import crew
from benchmarks.table import Table
from lockcheck import Checker
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy
from rtnl_model.iproute.commands import Par
from rtnl_model.kernel.kernel import Kernel
from rtnl_model.lab.builds import built
from rtnl_model.lab.mix import parse_mix
from rtnl_model.lab.model_run import ModelSetting, usable_kinds
from rtnl_model.lab.mutants import (
    CLASSES,
    Mutant,
    apply,
    lock_class,
    mutants,
    without_lock_class,
)
from rtnl_model.lab.reach import ChangedSubject, Seen, reaching, script_named, script_names
from rtnl_model.lab.stress import Stress, StressOptions
from rtnl_model.lab.stress_boot import stress_kernel

if TYPE_CHECKING:
    from benchmarks.bench import Run

__all__ = ["DESCRIPTION", "run"]

DESCRIPTION = "mutants of the model that are noticed: caught and missed, by class"

REGIMES: Final = ("pernet", "small")
TARGETS: Final = {"pernet": 95, "small": 85}
ROUNDS: Final = (
    (0, 8, 3, "zero"), (8, 36, 2, "zero"), (0, 8, 16, "zero"), (0, 12, 5, "quick")
)  # fmt: skip
"""(From which script, to which, schedules of each, timing): many before any has many."""
SCRIPTS_MAX: Final = 36
SECONDS_MAX: Final = 25.0
"""For the schedules of one mutant."""
KILLED_AFTER: Final = 30.0
"""Seconds beyond that: a free run that spins is ended by nothing else."""
STRESSES: Final = ((160, 0.0, "default"), (120, 0.15, "default"))
"""(Operations, share of registrations that fail, mix)."""
CHUNK: Final = 9
"""Scripts that one process looks at."""
QUICK_EACH: Final = 8
CONTROLS: Final = 12
PSEUDO: Final = frozenset({"net_cleanup_work", "&ops->srcu", "(wq_completion)rtnl_net",
                           "(work_completion)(&net->rtnl_work)"})  # fmt: skip
"""They exclude nobody as it is."""
CONTROL: Final = "control"


@dataclass(frozen=True, slots=True)
class Stack:
    """What else is taken away, where two places do the same and one alone is not missed."""

    mutants: tuple[tuple[str, str], ...] = ()
    """(kind, function)."""
    bugs: tuple[str, ...] = ()
    """Pages of the catalogue."""


STACKS: Final[Mapping[tuple[str, str], Stack]] = {
    ("drain", "Linkwatch.linkwatch_sync_dev"): Stack((("drain", "DevTodo.netdev_rebroadcast"),)),
    ("drain", "DevTodo.netdev_rebroadcast"): Stack((("drain", "Linkwatch.linkwatch_sync_dev"),)),
    ("drain", "MoveQueuesWork.unregister_netdevice_move_net"): Stack(
        bugs=("mover-does-not-drain",)
    ),
}
"""Judged behind something that would do its work; with that alone gone a control must be clean."""
MEETS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("wait", "Inet.unregister_sysctl_table"): ("G.14",),
    ("put", "NetdevWork.netdev_work_cancel"): ("T36", "T13"),
    ("put", "Linkwatch.linkwatch_fire_event"): ("T32", "T33"),
}
"""Scripts to begin with, where nearly every script comes by and few have two threads there."""
EXPLAINED: Final[Mapping[tuple[str, str], str]] = {
    ("wait", "DevTodo.netdev_rebroadcast"): "a repeated NETDEV_UNREGISTER queues no callback in"
    " this model, so the barrier behind it has nothing to wait for",
    ("lock", "DevFlags.dev_open"): "in pernet no driver opens an ops-locked device, as masters are"
    " refused: the lock is none",
    ("lock", "VlanPernet.vlan_vid_del"): "only a registration that fails behind vlan_vid_add comes"
    " here, which a stress with faults seldom has",
    ("put", "PairedDriver.unpublish"): "only a failing init_queues comes here, and nothing makes"
    " it fail",
    ("wait", "NetNamespace.setup_net"): "only a failing pernet init comes here, and nothing makes"
    " it fail",
}
"""Why a miss is one, where no program decides it."""


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
    stack: Stack = Stack()


def run(run: Run) -> None:
    """Every mutant in both builds, in parallel processes."""
    for regime in REGIMES:
        verdicts = search(run, regime)
        run.table(table_of(regime, verdicts))
        for verdict in verdicts:
            if not verdict.caught and verdict.mutant.kind != CONTROL:
                run.note(f"missed in {regime}: {verdict.mutant.name}: {verdict.how}")
        run.data(regime, [asdict(verdict) for verdict in verdicts])


def search(run: Run, regime: str) -> list[Verdict]:
    """Run every mutant's search."""
    everybody = partial(
        crew,
        processes=max(1, (os.cpu_count() or 2) // 2),
        seconds=SECONDS_MAX + KILLED_AFTER,
    )
    run.progress(f"sharpness {regime}: what each script comes by")
    names = script_names(setting_of(regime))
    chunks = [names[at :: len(names) // CHUNK + 1] for at in range(len(names) // CHUNK + 1)]
    reached: dict[str, Seen] = {}
    for number, found in everybody(partial(reaching, regime), chunks):
        if found is None:
            run.note(f"{regime}: no time for the scripts {' '.join(chunks[number])}")
        reached.update(found or {})
    seen = {
        name: reached[name]
        for name in names
        if name in reached and usable(run, regime, name, reached[name])
    }
    tasks = tasks_of(regime, seen, run.seed, quick=run.quick)
    found: dict[int, Verdict] = {}
    for number, verdict in everybody(judge, tasks):
        task = tasks[number]
        found[number] = verdict or Verdict(
            task.mutant, regime, True, "it never ends: killed", list(task.scripts)
        )
        caught = sum(each.caught for each in found.values())
        run.progress(f"sharpness {regime}: {len(found)}/{len(tasks)}, {caught} caught")
    return [found[number] for number in range(len(tasks))]


def usable(run: Run, regime: str, name: str, seen: Seen) -> bool:
    """A script that finds something of the kernel as it is cannot judge a mutant."""
    for title in sorted(seen.findings):
        run.note(f"{regime}: script {name} is left out: without any mutant it finds {title}")
    return not seen.findings


def tasks_of(regime: str, seen: Mapping[str, Seen], seed: int, *, quick: bool) -> list[Task]:
    """A search for each mutant that this build has, and the controls."""
    places: frozenset[str] = frozenset().union(*(each.places for each in seen.values()))
    known = frozenset().union(*(each.audited for each in seen.values()))
    kind = lock_class("").name
    classes = sorted(place.removeprefix(kind) for place in places if place.startswith(kind))
    chosen = [lock_class(name) for name in classes if name not in PSEUDO]
    chosen += [mutant for mutant in mutants() if built(mutant, regime)]
    if quick:
        chosen = chosen[::QUICK_EACH]
    tasks = [
        Task(mutant, regime, fitting(mutant, seen), seed, known, stack_of(mutant, regime))
        for mutant in chosen
    ]
    every = len(tasks) // CONTROLS or 1
    controls = [
        Task(Mutant(CONTROL, "", task.mutant.name, 0, ""), regime, task.scripts, seed, known)
        for task in tasks[every // 2 :: every]
    ]
    controls += [
        Task(Mutant(CONTROL, "", task.mutant.name, 0, ""), regime, task.scripts, seed, known,
             task.stack)
        for task in tasks if task.stack != Stack()
    ]  # fmt: skip
    return tasks + controls


def stack_of(mutant: Mutant, regime: str) -> Stack:
    """What is taken away with it."""
    stack = STACKS.get((mutant.kind, mutant.function), Stack())
    return stack if regime == "pernet" or not stack.bugs else Stack()


def fitting(mutant: Mutant, seen: Mapping[str, Seen]) -> tuple[str, ...]:
    """The scripts that come by the mutant's place: those in which commands meet first."""
    order = list(seen)
    there = [name for name in order if mutant.name in seen[name].places]
    there.sort(key=lambda name: (not meeting(name), order.index(name)))
    near = [name for name in order if mutant.function in seen[name].places and name not in there]
    first = [name for name in MEETS.get((mutant.kind, mutant.function), ()) if name in order]
    rest = [name for name in (*there, *near) if name not in first]
    return tuple([*first, *rest][:SCRIPTS_MAX])


def meeting(name: str) -> bool:
    """Has it commands that run at once?  (So have all that are drawn.)"""
    setting = setting_of("small")
    return any(isinstance(step, Par) for step in script_named(name, setting).steps)


def setting_of(regime: str, timing: str = "zero", bugs: tuple[str, ...] = ()) -> ModelSetting:
    """Which kernel is searched."""
    return ModelSetting(rtnl=regime, timing=timing, bugs=bugs)


class MutantSubject(ChangedSubject):
    """A script on a kernel that lacks a lock class, where that is the mutant."""

    lock_class: str = ""

    def change(self, chk: Checker) -> None:
        """Take the class away."""
        if self.lock_class:
            without_lock_class(chk, self.lock_class)


def judge(task: Task) -> Verdict:
    """Search one mutant, in a process of its own."""
    began = time.monotonic()
    hits: list[int] = []
    for each in mutants():
        if (each.kind, each.function) in task.stack.mutants:
            apply(each, lambda: None)
    if task.mutant.file:
        apply(task.mutant, lambda: hits.append(1))
    verdict = Verdict(task.mutant, task.regime, False, "", list(task.scripts))
    for title, schedules in searched(task, hits, began + SECONDS_MAX):
        verdict.schedules += schedules
        if title:
            verdict.caught, verdict.how = True, title
            break
    if not verdict.caught:
        verdict.how = (
            f"{verdict.schedules} schedules of {len(task.scripts)} scripts and the stresses clean"
            if task.scripts
            else "no script comes by it, and the stresses are clean"
        )
        reason = EXPLAINED.get((task.mutant.kind, task.mutant.function))
        verdict.how += f"; {reason}" if reason else ""
    verdict.seconds = round(time.monotonic() - began, 2)
    return verdict


def searched(task: Task, hits: list[int], deadline: float) -> Iterator[tuple[str, int]]:
    """(What was found, schedules) after each piece of the search."""
    for round_, (first, last, schedules, timing) in enumerate(ROUNDS):
        setting = setting_of(task.regime, timing, task.stack.bugs)
        for name in task.scripts[first:last]:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            subject = MutantSubject(script_named(name, setting), setting)
            subject.audit.script = name if task.regime == "small" else ""
            subject.lock_class = task.mutant.function if task.mutant.kind == CLASSES[0] else ""
            limits = Limits(schedules=schedules, seconds=left, findings=1, shrink=False)
            with Session(subject, limits=limits) as session:
                outcome = session.explore(make_strategy("portfolio", task.seed + round_))
                fresh = frozenset(subject.audit.entries) - task.known
                yield noticed(session, fresh, hits), outcome.coverage.schedules
    for stress in STRESSES:
        yield stressed(task, hits, *stress), 0


def noticed(session: Session, fresh: frozenset[tuple[str, str, str]], hits: list[int]) -> str:
    """What the schedules show that the model without the mutant does not."""
    if hits:
        return "the assertion fires"
    for finding in session.findings:
        if not finding.known:
            return finding.report.title
    for function, name, kind in sorted(fresh):
        return f"audit: {kind} of {name} in {function}()"
    return ""


def stressed(task: Task, hits: list[int], ops: int, fault: float, mix: str) -> str:
    """A short stress with every kind; the title of what it found."""
    setting = setting_of(task.regime, "quick" if fault else "zero", task.stack.bugs)
    options = StressOptions(
        seed=task.seed, ops=ops, netns=4, threads=4, fault=fault, mix=parse_mix(mix),
        drivers=tuple(sorted(usable_kinds(setting))),
    )  # fmt: skip

    def boot(chk: Checker) -> Kernel:
        if task.mutant.kind == CLASSES[0]:
            without_lock_class(chk, task.mutant.function)
        return stress_kernel(chk, setting, options)

    result = Stress(options, boot).run()
    if hits:
        return "the assertion fires in a stress"
    for found in result.counting:
        return f"stress: {found['title']}"
    return "stress: it hangs" if result.hung and not result.findings else ""


def table_of(regime: str, verdicts: Sequence[Verdict]) -> Table:
    """Caught and missed, by class."""
    table = Table(
        f"mutants noticed in {regime}", ["class", "mutants", "caught", "missed", "percent"]
    )
    total, caught = Counter[str](), Counter[str]()
    controls = [verdict for verdict in verdicts if verdict.mutant.kind == CONTROL]
    for verdict in verdicts:
        if verdict.mutant.kind == CONTROL:
            continue
        total[verdict.mutant.kind] += 1
        caught[verdict.mutant.kind] += verdict.caught
    for kind in (*(kind for kind in CLASSES if total[kind]), "all"):
        n = total.total() if kind == "all" else total[kind]
        good = caught.total() if kind == "all" else caught[kind]
        table.add(kind, n, good, n - good, round(100 * good / n, 1) if n else 0.0)
    table.notes.append(f"target: {TARGETS[regime]} percent; each miss is explained below")
    wrong = [verdict for verdict in controls if verdict.caught]
    table.notes.append(
        f"controls, in which nothing is missing: {len(wrong)} of {len(controls)} found something"
    )
    table.notes += [f"control for {each.mutant.function}: {each.how}" for each in wrong]
    return table
