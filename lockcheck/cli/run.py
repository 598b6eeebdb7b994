"""`lockcheck run`: any Python program with `threading`'s primitives checked.

Reports go to stderr when it ends, for stdout is the program's.  Status 1 when a finding counts,
else the program's own.  A program whose threads are all stuck for good is ended by the watchdog,
with the report of who waits for whom.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING

from lockcheck.census import census
from lockcheck.checker import Checker
from lockcheck.cli.baseline import InputError, read_baseline, write_baseline
from lockcheck.cli.program import Program
from lockcheck.cli.standing import Blocked, blocked
from lockcheck.cli.stuck import strangers, woken_by_signal
from lockcheck.conduct.watchdog import Watchdog
from lockcheck.core.document import Json
from lockcheck.core.findings import CountingRule, Finding, root_causes
from lockcheck.core.report import weakest
from lockcheck.patch import install, uninstall
from lockcheck.patch.data import RaceHunt, packages_of
from lockcheck.patch.data.code import compile_seen
from lockcheck.patch.data.declared import declares_fields
from lockcheck.patch.foreign import foreign_locks
from lockcheck.render.control_characters import legible_line
from lockcheck.render.json_ import headline
from lockcheck.render.screen import flush, show
from lockcheck.render.sentences import how_many, row
from lockcheck.render.splat import splat_of
from lockcheck.sync.interrupts import Deferred

if TYPE_CHECKING:
    from argparse import Namespace

    from lockcheck.core.findings import Standing

__all__ = ["run"]

INTERRUPTED = 130
CANNOT_WRITE = 2
LOOKS = 15
"""Unchanged pictures, a tenth of a second apart, before a program counts as stuck."""
_getsignal = signal.getsignal  # as imported, before it hides what is ours
ENDING = frozenset(
    number
    for number in signal.Signals
    if number.name in ("SIGHUP", "SIGTERM", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGXCPU")
)
"""Signals that end a program which does not mind them.  Not those of a quit or an abort, which are
to end it whatever it does."""
SHOWN_IN_FULL = 5
"""Findings that do not count, shown with all that counting ones show; the rest in a line each."""


def run(options: Namespace, program: Program) -> int:
    """Run `program` checked; returns the exit status."""
    known = read_baseline(options.baseline) if options.baseline else {}
    rule = CountingRule(options.fail_on, known)
    recorder = None
    if options.report:
        from lockcheck.render.folder import FolderError, prepare_folder
        from lockcheck.sync.recorder import Recorder

        try:
            prepare_folder(options.report)
        except FolderError as error:
            raise InputError(str(error)) from error
        recorder = Recorder()
    races = options.races is not None or declares_fields(program.folders)
    chk = Checker(on_report="collect", recorder=recorder, races=races)
    hunt: RaceHunt | None = None
    if options.races is not None:
        hunt = RaceHunt(chk, program.folders, packages_of(options.races))
        program = replace(program, compiled=compile_seen)
    process = os.getpid()
    stream = sys.stderr  # the program may send its own elsewhere

    def end(status: int, early: str = "") -> int:
        uninstall()
        flush()
        if os.getpid() != process:
            return status  # a forked child that ran to its end: the parent reports
        with redirect_stderr(stream):
            status = conclude(chk, options, rule, status, early)
            if hunt is not None and not options.quiet:
                print(f"lockcheck: {hunt.in_words()}", file=sys.stderr)
            return status

    early = ""
    with _writing_when_ended(lambda word: end(0, word)):
        install(chk)
        own: list[Checker] = []
        census.open(own)
        try:
            with hunt or nullcontext(), _watchdog(chk, own, options):
                status = program.run()
        except KeyboardInterrupt:
            status, early = INTERRUPTED, "interrupted"
        atexit.register(_outlive)  # the program's own exit functions have run
        return end(status, early)


def _outlive() -> None:
    """Let what the program's objects use at the end of the interpreter be whole until then.

    It empties the modules that it finds here while objects of the program may still be alive (on
    free-threaded builds always): their finalisers take locks, which are ours.
    """
    for name in [each for each in sys.modules if each.partition(".")[0] == "lockcheck"]:
        del sys.modules[name]


class _Ending(Deferred):
    """Stands where a signal just ends the process: writes what there is first, then lets it.

    The program sees the default there, and may put a handler of its own in its place.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        super().__init__(signal.SIG_DFL)
        self._write = write

    def run(self, number: int, frame: FrameType | None) -> None:
        _let_end(self)  # whichever comes next ends the writing, too
        try:
            name = signal.Signals(number).name
            self._write("terminated" if name == "SIGTERM" else f"ended by {name}")
        finally:
            os.kill(os.getpid(), number)


@contextmanager
def _writing_when_ended(write: Callable[[str], object]) -> Iterator[None]:
    handler = _Ending(write)
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, handler)
    try:
        yield
    finally:
        _let_end(handler)


def _let_end(handler: _Ending) -> None:
    """Have the signals of `handler` just end the process again."""
    for number in ENDING:
        if _getsignal(number) is handler:
            signal.signal(number, signal.SIG_DFL)


def _watchdog(
    chk: Checker, own: list[Checker], options: Namespace
) -> AbstractContextManager[object]:
    if options.no_watchdog:
        return nullcontext()
    return Watchdog(
        chk,
        others=own.copy,
        looks=LOOKS,
        veto=lambda: strangers(chk, *own) or woken_by_signal(),
    )


def conclude(
    chk: Checker, options: Namespace, rule: CountingRule, status: int, early: str = ""
) -> int:
    """Say what was found; returns the status of the whole.

    `early`: what ended the program before its end, in one word.
    """
    waiting = [] if chk.aborted else blocked(chk, interrupted=bool(early))
    chk.sweep("when the program had ended")
    findings = [report.to_dict() for report in census.reports(chk)]
    census.close()
    by_standing = rule.sort(findings)
    counting = by_standing["counts"]
    lower: list[Finding] = []
    for root in root_causes([*counting, *by_standing["lower"]]):
        if not rule.counts(root.lead):  # the surest of them
            lower += root.findings
            continue
        show(f"\n{splat_of(root.lead)}\n", sys.stderr)
        for part in root.parts:
            show(f"\nof the same cause:\n{splat_of(part)}\n", sys.stderr)
    if lower:
        flag = f"--fail-on {weakest(finding['severity'] for finding in lower)} counts them"
        print(f"\nlockcheck: below --fail-on {options.fail_on}, so not counted; {flag}:",
              file=sys.stderr)  # fmt: skip
    for number, finding in enumerate(lower):
        if number < SHOWN_IN_FULL:
            show(f"\n{splat_of(finding)}\n", sys.stderr)
            continue
        show(legible_line(f"  {row(finding)}") + "\n", sys.stderr)
    if waiting:
        show("\nlockcheck: still waiting at the end:\n", sys.stderr)
    for each in waiting:
        show(legible_line(f"  {each}") + "\n", sys.stderr)
    if not options.quiet or counting or waiting or early:
        print(_summary(chk, by_standing, waiting, early), file=sys.stderr)
    if options.write_baseline:
        write_baseline(options.write_baseline, findings)
    if options.report and not _write_report(chk, findings, options.report):
        status = status or CANNOT_WRITE
    return 1 if counting and status != INTERRUPTED else status


def _summary(
    chk: Checker,
    by_standing: dict[Standing, list[Json]],
    waiting: list[Blocked],
    early: str,
) -> str:
    """One line.  It says "clean" only of a program that ran to its end, with nobody blocked."""
    counting = by_standing["counts"]
    found = [how_many(len(counting), len(root_causes(counting)))] if counting else []
    for standing in ("lower", "known"):
        found += [f"{len(by_standing[standing])} {standing}"] if by_standing[standing] else []
    found += [early] if early else []
    if waiting:
        found.append(f"{len(waiting)} thread{'' if len(waiting) == 1 else 's'} still waiting")
    if not counting:
        found.insert(0, "undecided" if early or waiting else "clean")
    classes = chk.graph.to_dict()
    unseen = "".join(
        f"; {number} lock{'' if number == 1 else 's'} of {kind} not checked"
        for kind, number in sorted(foreign_locks().items())
    )
    forgotten = classes["statistics"]["chains_forgotten"]
    if forgotten:
        unseen += f"; {forgotten} more chains judged by their dependencies alone"
    return f"lockcheck: {', '.join(found)} ({headline(classes)}{unseen})"


def _write_report(chk: Checker, findings: list[Json], folder: str) -> bool:
    """Write it and say where; False when that failed, which is said too."""
    from lockcheck.render.folder import FolderError, write_folder

    timeline = chk.recorder.to_dict(chk) if chk.recorder is not None else None
    run = {"schema": "lockcheck/run/1", "program": list(sys.argv)}
    try:
        path = write_folder(
            folder, chk.graph.to_dict(), findings, timeline=timeline, run=run,
            title="lockcheck run " + " ".join(sys.argv),
        )  # fmt: skip
    except FolderError as error:
        print(f"lockcheck: {error}", file=sys.stderr)
        return False
    print(f"lockcheck: report in {path / 'index.html'}", file=sys.stderr)
    return True
