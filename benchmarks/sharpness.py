"""How sharp the instrument is: what is noticed when a lock, a hold, a wait or a drain is missing.

Every mutant of the model (`rtnl_model.lab.mutants`) is searched with a fixed budget: schedules of
the scripts that come by its place (topologies first), then two stresses.  Caught is a mutant with a
finding that the model without it does not have; in `small` also one that puts a new line on the
audit's list, for there RTNL covers what the namespaces' locks no longer do.  What is not noticed
has its reason in a table of its own: masked (another lock is always held where this one was:
`rtnl_model.lab.masking` decides), equivalent, or plainly missed.

Controls are searches of the same kind in which nothing is missing: they must find nothing.

It takes long, so it runs when it is named, not with the others:

    python -m benchmarks sharpness --quick     every eighth mutant
    python -m benchmarks sharpness             all of them, in pernet and in small
"""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.crew import crew
from benchmarks.sharpness_reasons import (
    FATES,
    KNOWN,
    MEETS,
    NOTHING_ELSE,
    STACKS,
    Reason,
    Stack,
)
from benchmarks.table import Table
from lockcheck import Checker
from lockcheck.explore.result import Limits
from lockcheck.explore.session import Session
from lockcheck.explore.strategies import make_strategy
from rtnl_model.iproute.commands import Par
from rtnl_model.kernel.kernel import Kernel
from rtnl_model.lab.builds import built
from rtnl_model.lab.masking import covered_by
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
PAIRS: Final = ("dummy", "veth", "vxcan")
ROUNDS: Final = (
    (0, 8, 3, "zero"), (8, 36, 2, "zero"), (0, 8, 16, "zero"), (0, 12, 5, "quick"),
    (0, 3, 80, "zero"),
)  # fmt: skip
"""(From which script, to which, schedules of each, timing): many before any has many."""
ROUNDS_KNOWN: Final = 2
"""How many of them where the reason is known why nothing can be noticed."""
CONFIRMING: Final = 60
"""Schedules of each round, of the script that showed a line of the audit's list."""
SCRIPTS_MAX: Final = 36
SECONDS_MAX: Final = 25.0
"""CPU time for the schedules of one mutant."""
CPU_MAX: Final = 60
"""For all of one mutant's: a free run that spins is ended by nothing else."""
KILLED_AFTER: Final = 900.0
"""On the clock, however busy the machine is."""
STRESSES: Final = (
    (160, 0.0, frozenset[str]()), (160, 0.4, frozenset[str]()), (160, 0.4, frozenset(PAIRS))
)  # fmt: skip
"""(Operations, share of registrations that fail, kinds; none: every kind)."""
CHUNK: Final = 9
"""Scripts that one process looks at."""
QUICK_EACH: Final = 8
CONTROLS: Final = 12
PSEUDO: Final = frozenset({"net_cleanup_work", "&ops->srcu", "(wq_completion)rtnl_net",
                           "(work_completion)(&net->rtnl_work)"})  # fmt: skip
"""They exclude nobody as it is."""
CONTROL: Final = "control"


Key = tuple[str, str, str]
"""Of a line of the audit's list: function, field, read or write."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the audit's list, and the script that showed it."""

    script: str
    key: Key


@dataclass(frozen=True, slots=True)
class Piece:
    """What a piece of a search found."""

    title: str
    """Empty: nothing."""
    schedules: int = 0
    line: Line | None = None
    """Where it is only that."""


@dataclass(slots=True)
class Verdict:
    """What became of a mutant."""

    mutant: Mutant
    regime: str
    caught: bool
    how: str
    """The first finding's title, or what was searched in vain."""
    fate: str = "noticed"
    """One of `FATES`."""
    why: str = ""
    """Of one that is not noticed: the reason."""
    line: Line | None = None
    """It was only a line of the audit's list that showed it."""
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
    known: frozenset[Key]
    """The audit's list without any mutant."""
    stack: Stack = NOTHING_ELSE
    reason: Reason | None = None
    """Should nothing notice it."""


def run(run: Run) -> None:
    """Every mutant in both builds, in parallel processes."""
    for regime in REGIMES:
        verdicts = search(run, regime)
        run.table(table_of(regime, verdicts))
        run.table(reasons_of(regime, verdicts))
        run.data(regime, [asdict(verdict) for verdict in verdicts])


def search(run: Run, regime: str) -> list[Verdict]:
    """Run every mutant's search."""
    everybody = partial(
        crew,
        processes=max(1, (os.cpu_count() or 2) // 2),
        seconds=KILLED_AFTER,
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
    verdicts: dict[int, Verdict] = {}
    left = list(range(len(tasks)))
    while left:
        for at, verdict in everybody(judge, [tasks[number] for number in left]):
            task = tasks[left[at]]
            verdicts[left[at]] = verdict or Verdict(
                task.mutant, regime, True, "it never ends: killed", scripts=list(task.scripts)
            )
            caught = sum(each.caught for each in verdicts.values())
            run.progress(f"sharpness {regime}: {len(verdicts)}/{len(tasks)}, {caught} caught")
        shown = {verdicts[number].line for number in left}
        lines = sorted((line for line in shown if line is not None), key=repr)
        run.progress(f"sharpness {regime}: {len(lines)} lines of the audit's list are looked for")
        wrong = {
            lines[at]
            for at, sure in everybody(partial(confirmed, regime, run.seed), lines)
            if not sure
        }
        left = [number for number in left if verdicts[number].line in wrong]
        tasks = [knowing(task, wrong) for task in tasks]
    return [verdicts[number] for number in range(len(tasks))]


def knowing(task: Task, lines: Set[Line]) -> Task:
    """The same search, which such lines of the audit's list do not end.

    They are there without any mutant, too; a search that one of them ended has not been made.
    """
    return replace(task, known=task.known | {line.key for line in lines})


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
        Task(mutant, regime, fitting(mutant, seen), seed, known, stack_of(mutant, regime),
             reason_of(mutant, regime, seen))
        for mutant in chosen
    ]  # fmt: skip
    every = len(tasks) // CONTROLS or 1
    controls = [
        Task(Mutant(CONTROL, "", task.mutant.name, 0, ""), regime, task.scripts, seed, known)
        for task in tasks[every // 2 :: every]
    ]
    controls += [
        Task(Mutant(CONTROL, "", task.mutant.name, 0, ""), regime, task.scripts, seed, known,
             task.stack)
        for task in tasks if task.stack != NOTHING_ELSE
    ]  # fmt: skip
    return tasks + controls


def reason_of(mutant: Mutant, regime: str, seen: Mapping[str, Seen]) -> Reason | None:
    """Why nothing could notice it, where that is known or the scripts show it."""
    known = KNOWN.get((regime, mutant.kind, mutant.function))
    if known is not None or mutant.kind != "lock":
        return known
    fate, said = covered_by(mutant.name, (each.locks for each in seen.values()))
    return Reason(fate, said) if fate else None


def stack_of(mutant: Mutant, regime: str) -> Stack:
    """What is taken away with it."""
    stack = STACKS.get((mutant.kind, mutant.function), NOTHING_ELSE)
    return stack if regime == "pernet" or not stack.bugs else NOTHING_ELSE


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
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_MAX, CPU_MAX))
    began = time.process_time()
    hits: list[int] = []
    for each in mutants():
        if (each.kind, each.function) in task.stack.mutants:
            apply(each, lambda: None)
    if task.mutant.file:
        apply(task.mutant, lambda: hits.append(1))
    verdict = Verdict(task.mutant, task.regime, False, "", scripts=list(task.scripts))
    for piece in searched(task, hits, began + SECONDS_MAX):
        verdict.schedules += piece.schedules
        if piece.title:
            verdict.caught, verdict.how, verdict.line = True, piece.title, piece.line
            break
    if not verdict.caught:
        not_noticed(verdict, task)
    verdict.seconds = round(time.process_time() - began, 2)
    return verdict


def not_noticed(verdict: Verdict, task: Task) -> None:
    """Say so, and why."""
    verdict.how = (
        f"{verdict.schedules} schedules of {len(task.scripts)} scripts and the stresses clean"
        if task.scripts
        else "no script comes by it, and the stresses are clean"
    )
    verdict.fate, verdict.why = "missed", "no reason is known"
    if task.reason is not None:
        verdict.fate, verdict.why = task.reason.fate, task.reason.said


def searched(task: Task, hits: list[int], deadline: float) -> Iterator[Piece]:
    """What each piece of the search found."""
    rounds = ROUNDS if task.reason is None else ROUNDS[:ROUNDS_KNOWN]
    for round_, (first, last, schedules, timing) in enumerate(rounds):
        setting = setting_of(task.regime, timing, task.stack.bugs)
        for name in task.scripts[first:last]:
            left = deadline - time.process_time()
            if left <= 0:
                break
            subject = MutantSubject(script_named(name, setting), setting)
            subject.audit.script = name if task.regime == "small" else ""
            subject.lock_class = task.mutant.function if task.mutant.kind == CLASSES[0] else ""
            limits = Limits(schedules=schedules, seconds=KILLED_AFTER, findings=1, shrink=False)
            with Session(subject, limits=limits) as session:
                outcome = session.explore(make_strategy("portfolio", task.seed + round_))
                fresh = frozenset(subject.audit.entries) - task.known
                yield noticed(session, fresh, hits, name, outcome.coverage.schedules)
    for stress in STRESSES:
        yield Piece(stressed(task, hits, *stress))


def noticed(
    session: Session, fresh: frozenset[Key], hits: list[int], script: str, schedules: int
) -> Piece:
    """What the schedules show that the model without the mutant does not."""
    if hits:
        return Piece("the assertion fires", schedules)
    for finding in session.findings:
        if not finding.known:
            return Piece(finding.report.title, schedules)
    for function, name, kind in sorted(fresh):
        title = f"audit: {kind} of {name} in {function}()"
        return Piece(title, schedules, Line(script, (function, name, kind)))
    return Piece("", schedules)


def confirmed(regime: str, seed: int, line: Line) -> bool:
    """Does the script without any mutant never show the line?  In a process of its own."""
    for round_, (_first, _last, _schedules, timing) in enumerate(ROUNDS):
        setting = setting_of(regime, timing)
        subject = MutantSubject(script_named(line.script, setting), setting)
        subject.audit.script = line.script
        limits = Limits(schedules=CONFIRMING, shrink=False)
        with Session(subject, limits=limits) as session:
            session.explore(make_strategy("portfolio", seed + round_))
        if line.key in subject.audit.entries:
            return False
    return True


def stressed(task: Task, hits: list[int], ops: int, fault: float, kinds: frozenset[str]) -> str:
    """A short stress; the title of what it found."""
    setting = setting_of(task.regime, "quick" if fault else "zero", task.stack.bugs)
    options = StressOptions(
        seed=task.seed, ops=ops, netns=4, threads=4, fault=fault, mix=parse_mix("default"),
        drivers=tuple(sorted(kinds or usable_kinds(setting))),
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
    """What became of them, by class."""
    table = Table(f"mutants noticed in {regime}", ["class", "mutants", *FATES, "percent"])
    total = Counter[str]()
    fates = {fate: Counter[str]() for fate in FATES}
    controls = [verdict for verdict in verdicts if verdict.mutant.kind == CONTROL]
    for verdict in verdicts:
        if verdict.mutant.kind == CONTROL:
            continue
        total[verdict.mutant.kind] += 1
        fates[verdict.fate][verdict.mutant.kind] += 1
    for kind in (*(kind for kind in CLASSES if total[kind]), "all"):
        n = total.total() if kind == "all" else total[kind]
        counts = [one.total() if kind == "all" else one[kind] for one in fates.values()]
        table.add(kind, n, *counts, round(100 * counts[0] / n, 1) if n else 0.0)
    table.notes.append(
        f"target: {TARGETS[regime]} percent noticed; the others have their reasons in the next"
        " table"
    )
    wrong = [verdict for verdict in controls if verdict.caught]
    table.notes.append(
        f"controls, in which nothing is missing: {len(wrong)} of {len(controls)} found something"
    )
    table.notes += [f"control for {each.mutant.function}: {each.how}" for each in wrong]
    return table


def reasons_of(regime: str, verdicts: Sequence[Verdict]) -> Table:
    """A row for each that is not noticed."""
    table = Table(f"not noticed in {regime}", ["mutant", "fate", "reason"])
    for verdict in verdicts:
        if not verdict.caught and verdict.mutant.kind != CONTROL:
            table.add(verdict.mutant.name, verdict.fate, f"{verdict.why} ({verdict.how})")
    return table
