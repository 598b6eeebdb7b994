"""The model as a subject of the explorer: one script, one setting, a fresh kernel every schedule.

Boot and set-up run without scheduling points; the script's *concurrent part* runs under control,
with the checker, every invariant and the race detector on in every schedule.  The concurrent part
begins at the first `a & b & wait`; in a script without one at the first command that removes or
moves something; else it is the whole script.  After each of its steps the schedule goes on until
everybody else is idle, so works and cleanups are explored too.

A command that the kernel refuses is no finding here: under another schedule it comes too late.

One file: what the explorer asks of the model (a subject, its world, how its findings are shown).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lockcheck import Checker, Op, Snapshot, UnkeepableError
from lockcheck.conduct import EARLY_TIMERS, ControlledConductor, Standing
from lockcheck.documents import MalformedError, check
from lockcheck.explore import (
    FirstThread,
    Limits,
    Outcome,
    Replay,
    Replayed,
    Search,
    Session,
    Strategy,
    Token,
    TokenError,
    exception_report,
    fresh_seed,
    make_strategy,
    repeat_free_run,
    run_search,
    step_timeline,
)
from lockcheck.patch.data import Hearing
from lockcheck.sync import Thread, revived
from rtnl_model.kernel.documents import Fields

from ..iproute import Script, normalise, parse_script
from ..iproute.commands import (
    Command,
    LinkDel,
    LinkSet,
    NetnsDel,
    Par,
    PhysDel,
    PortDel,
    Rmmod,
    Step,
    Wipe,
    commands_of,
)
from ..iproute.commands import Seq as Sequential
from ..iproute.listing import devices_by_netns
from ..iproute.run import ScriptRun
from ..kernel.overlay import Composed
from ..view.device_states import device_states
from ..view.shapes import SUBJECT
from .debts import Debt, owed
from .gone import Census
from .invariants import check_quiescence
from .known import tag_predicted, tag_stuck
from .model_run import ModelSetting, Recorded

if TYPE_CHECKING:
    from lockcheck import Report

    from ..kernel.kernel import Kernel
    from ..kernel.probe import Task

__all__ = [
    "SCHEMA",
    "ExploreOptions",
    "ModelSubject",
    "add_tokens",
    "concurrent_from",
    "explore",
    "replay",
    "shown",
]

SCHEMA = "rtnl-model/explore/1"

SEARCHED = 300
SEARCHED_SECONDS = 10.0
"""How far to look for a schedule of a free run's finding."""
_REMOVES = (LinkDel, NetnsDel, PhysDel, PortDel, Rmmod, Wipe)


def concurrent_from(script: Script) -> int:
    """Return the index of the first step that is explored."""
    for index, step in enumerate(script.steps):
        if _has_par(step):
            return index
    for index, step in enumerate(script.steps):
        if any(_disturbs(command) for command in commands_of(step)):
            return index
    return 0


def _has_par(step: Step) -> bool:
    if isinstance(step, Par):
        return True
    return isinstance(step, Sequential) and any(_has_par(inner) for inner in step.steps)


def _disturbs(command: Command) -> bool:
    if isinstance(command, LinkSet):
        return "netns" in json.dumps(asdict(command), default=str)
    return isinstance(command, _REMOVES)


class ModelSubject:
    """A script on a kernel (`lockcheck.explore.subject.Subject`)."""

    def __init__(self, script: Script, setting: ModelSetting, *, recorded: bool = False) -> None:
        self.recorded = recorded
        """Keep who held and waited for what, for a report's time line."""
        self.script = script
        self.setting = setting
        self.title = script.name or "script"
        self.first = concurrent_from(script)
        self.own_kinds = frozenset(driver.kind for driver in setting.own_drivers())
        self.composed = Composed()
        """Classes of the setting's kernel, for every schedule."""
        self.keeps = not recorded and not setting.driver_files
        """Keep the kernel between schedules; no longer when something in it cannot be put back.

        Data of the user's drivers have names by the order of their first access, set-up included.
        """
        self.hearing = Hearing() if setting.driver_files else None
        """Of accesses to ordinary data in the user's drivers."""
        self.booted: Booted | None = None

    def world(self, conductor: ControlledConductor) -> ModelWorld:
        """Make a fresh kernel's world."""
        return ModelWorld(self, conductor)

    def kept(self, conductor: ControlledConductor) -> ModelWorld:
        """The kernel as set-up left it (`lockcheck.explore.subject.Keeps`)."""
        return ModelWorld(self, conductor, keeps=self.keeps)

    def describe(self) -> Fields:
        """What a token needs: the canonical script and the setting, defaults left out."""
        plain = asdict(ModelSetting())
        chosen = {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self.setting).items()
            if value != plain[key]
        }
        return {"kind": "rtnl", "script": normalise(self.script), **chosen}

    @classmethod
    def of_token(cls, described: Fields) -> ModelSubject:
        """Make the subject that a token names.  Raises: TokenError, ScriptError, WrongSetting."""
        if described.get("kind") != "rtnl":
            raise TokenError("this token is not of the model; `lockcheck replay` may know it")
        try:
            check(described, SUBJECT, "the token")
        except MalformedError as error:
            raise TokenError(str(error)) from error
        known = asdict(ModelSetting())
        chosen: Fields = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in described.items()
            if key not in ("kind", "script")
        }
        unknown = sorted(chosen.keys() - known.keys())
        if unknown:
            raise TokenError(f"the token has settings that this version does not know: {unknown}")
        setting = ModelSetting(**chosen)
        setting.check()
        return cls(parse_script(str(described["script"]), "token", strict=False), setting)


@dataclass(frozen=True)
class Booted:
    """A kernel as set-up left it, to be put back for every schedule."""

    chk: Checker
    k: Kernel
    run: ScriptRun
    first: FirstThread
    task: Task
    """The first thread's, in the model."""
    standing: Standing
    snapshot: Snapshot


class ModelWorld:
    """One schedule's kernel (`lockcheck.explore.subject.World`).

    Args:
        keeps: put the kernel of the schedule before back, instead of booting one; the first
            schedule boots it.
    """

    def __init__(
        self, subject: ModelSubject, conductor: ControlledConductor, *, keeps: bool = False
    ) -> None:
        self._subject = subject
        self._conductor = conductor
        self._keeps = keeps
        booted = subject.booted if keeps else None
        self._booted = booted if booted and booted.chk.conductor is conductor else None
        if self._booted is not None:
            self.chk = self._booted.chk
        else:
            self.chk = Checker(conductor=conductor, races=True)
        self.checkers: Sequence[Checker] = (self.chk,)
        self.k: Kernel | None = None
        self.script_run: ScriptRun | None = None
        self.first: dict[str, list[Fields]] = {}
        """Devices of every namespace before the concurrent part, where it is `recorded`."""
        self.messages: list[tuple[int, Fields]] = []
        """Step and message of each change that user space heard of from then on."""
        self._state = ""

    def body(self) -> None:
        """Boot and set up in quiet, run the concurrent part, look at what is left."""
        self._see_drivers()
        if self._booted is not None:
            self._put_back(self._booted)
            return
        subject, conductor = self._subject, self._conductor
        with FirstThread(self.chk) as first:
            with conductor.quiet():
                self.k = k = subject.setting.kernel(self.chk, composed=subject.composed)
                k.start()
                run = ScriptRun(k, subject.script, keep_going=True)
                for step in subject.script.steps[: subject.first]:
                    run.begin(step)
                    k.quiesce()
                k.linkwatch.lweventlist.rest()  # whoever typed this was slower than a second
                if subject.recorded:
                    self.watch(k)
            if self._keeps:
                self._keep(k, run, first)
            self._explore(k, run)

    def _see_drivers(self) -> None:
        """Make points of the accesses to ordinary data in the user's driver files."""
        hearing = self._subject.hearing
        if hearing is not None:
            hearing.start(self._conductor, self.chk)

    def _keep(self, k: Kernel, run: ScriptRun, first: FirstThread) -> None:
        """Write the state down; every service is idle."""
        conductor = self._conductor
        try:
            snapshot = Snapshot([k, run, self.chk, first], [conductor])
        except UnkeepableError:
            self._subject.keeps = False
            return
        task = k.probe.current()
        standing = conductor.standing()
        self._subject.booted = Booted(self.chk, k, run, first, task, standing, snapshot)

    def _put_back(self, booted: Booted) -> None:
        """Go on from where set-up ended."""
        conductor = self._conductor
        self.k = booted.k
        booted.snapshot.restore()
        with booted.first.again():
            with conductor.quiet():
                booted.k.probe.adopt(booted.task)
                services = conductor.revive(booted.standing, revived)
            booted.snapshot.restore_again()  # what it took the services to get there is undone
            for service in services:
                assert isinstance(service.thread, Thread), "a service of the kernel's"
                self.chk.known_as(service.thread, service.ident)
            assert booted.first.state is not None, "it was entered above"
            self.chk.resume_thread(booted.first.state)
            self._explore(booted.k, booted.run)

    def _explore(self, k: Kernel, run: ScriptRun) -> None:
        """The concurrent part."""
        self.script_run = run
        subject, conductor = self._subject, self._conductor
        steps = subject.script.steps[subject.first :]
        commands = [command for step in steps for command in commands_of(step)]
        with conductor.quiet():
            census = Census(k, commands, subject.own_kinds)
        for step in steps:
            if run.crash is None:
                run.begin(step)
                conductor.settle()
        if run.crash is not None:
            return  # `findings` has it
        with conductor.quiet():
            check_quiescence(k)
            census.file()
            self._state = json.dumps(devices_by_netns(k), sort_keys=True)

    def watch(self, k: Kernel) -> None:
        """Keep the devices of every namespace now, and what user space hears from here on."""
        events, messages = self._conductor.events, self.messages
        self.first = devices_by_netns(k)
        k.events.listeners.append(lambda message: messages.append((len(events), dict(message))))

    def findings(self) -> list[Report]:
        """What the checker found, with the tags of known defects, and threads that died.

        Of a schedule in which a process died of an exception, only that: the rest may follow.
        """
        if self.k is not None:
            for report in self.chk.reports:
                tag_predicted(self.k, report)
        run = self.script_run
        if run is not None and run.crash is not None:
            return [exception_report(run.crashed, run.crash)]
        failed = [exception_report(name, error) for name, error in self.chk.failures]
        found = self.chk.reports + failed
        hearing = self._subject.hearing
        return found if found or hearing is None else hearing.lost()

    def state(self) -> str:
        """Devices of every namespace at the end."""
        return self._state

    def close(self) -> None:
        """Nobody listens to the drivers' accesses any more."""
        if self._subject.hearing is not None:
            self._subject.hearing.stop()

    def owed(self, op: Op) -> list[Debt]:
        """Who owes what a stuck thread waits for."""
        return [] if self.k is None else owed(self.k, op)

    def stuck(self, report: Report) -> bool:
        """Tag a deadlock that a known defect explains; everybody is parked still.

        False when threads may only wait because another one died.
        """
        if self.k is not None:
            tag_stuck(self.k, report)
        return self.script_run is None or self.script_run.crash is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploreOptions:
    """How to search."""

    strategy: str = "portfolio"
    schedules: int | None = None
    seconds: float | None = None
    preemptions: int | None = None
    seed: int | None = None
    shard: tuple[int, int] = (0, 1)
    fail_on: str = "possible"
    hang_after: float = Limits.hang_after
    findings: int | None = None
    """Stop after so many."""
    until: Callable[[Report], bool] | None = None
    """Stop after a finding that is what was looked for."""
    shrink: bool = True
    early_timers: int | None = EARLY_TIMERS
    check_every: int = 0
    """Repeat every so many schedules and compare."""
    jobs: int = 1


def explore(
    script: Script,
    setting: ModelSetting,
    options: ExploreOptions,
    *,
    on_progress: Callable[[Search], None] | None = None,
) -> Outcome:
    """Search; the result document is `outcome.to_dict(SCHEMA)`.  Raises: OptionError."""
    seed = options.seed if options.seed is not None else fresh_seed(options.shard)

    def strategy() -> Strategy:
        return make_strategy(
            options.strategy, seed, preemptions=options.preemptions, shard=options.shard
        )

    strategy()  # a wrong option is reported before anything starts
    limits = Limits(
        schedules=options.schedules,
        seconds=options.seconds,
        findings=options.findings,
        until=options.until,
        hang_after=options.hang_after,
        shrink=options.shrink,
        early_timers=options.early_timers,
        check_every=options.check_every,
    )

    def opened(place: int | None) -> Session:
        subject = ModelSubject(script, setting)
        return Session(subject, limits=limits, fail_on=options.fail_on, place=place)

    return run_search(
        opened,
        strategy,
        limits,
        shard=options.shard,
        jobs=options.jobs,
        on_progress=on_progress,
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """One schedule, run again for a report."""

    chk: Checker
    timeline: Fields
    """By steps."""
    states: list[Fields]
    """Devices of every namespace: at first, and after each step that changed them."""


def shown(script: Script, setting: ModelSetting, token: Token | None) -> Shown:
    """Run one schedule (the token's, or the default one) for a report."""
    subject = ModelSubject(script, setting, recorded=True)
    with Session(subject) as session:
        if token is not None:
            session.replay(token)
        else:
            session.run_one(Replay(()), 0)
        world, conductor = session.world, session.conductor
        assert isinstance(world, ModelWorld), "a schedule has just run"
        names = [task.name for task in conductor.tasks]
        timeline = step_timeline(conductor.events, names, conductor.pending)
    return Shown(world.chk, timeline, device_states(world.first, world.messages))


def add_tokens(recorded: Recorded, orders: Mapping[str, Sequence[int]]) -> int:
    """Give the findings of a free run tokens, where a schedule shows them again; returns how many.

    First the orders that the run recorded are followed, then the portfolio is asked.
    """
    wanted = {f["fingerprint"]: f for f in recorded.findings if not f.get("replay")}
    if not wanted:
        return 0
    subject = ModelSubject(recorded.script, recorded.setting)
    limits = Limits(schedules=SEARCHED, seconds=SEARCHED_SECONDS)
    found = 0
    with Session(subject, limits=limits) as session:
        for print_ in list(wanted):
            repeat_free_run(session, orders, print_)
        session.explore(make_strategy("portfolio", 0))
        for each in session.findings:
            told = wanted.get(each.report.fingerprint)
            if told is not None and each.token is not None and not each.note:
                told["replay"] = str(each.token)
                found += 1
    return found


def replay(token: Token) -> Replayed:
    """Run exactly that schedule again.  Raises: TokenError, ScriptError, WrongSetting."""
    with Session(ModelSubject.of_token(token.subject)) as session:
        return session.replay(token)
