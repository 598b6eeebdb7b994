"""`lockcheck run`: any Python program with `threading`'s primitives checked.

Reports go to stderr when it ends, for stdout is the program's.  Status 1 when a finding counts,
else the program's own.  A program whose threads are all stuck for good is ended by the watchdog,
with the report of who waits for whom.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stderr
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lockcheck.checker import Checker
from lockcheck.cli.program import Program
from lockcheck.cli.stuck import strangers, woken_by_signal
from lockcheck.cli.verdict import InputError, Verdict, read_baseline, write_baseline
from lockcheck.conduct.watchdog import Watchdog
from lockcheck.patch import install, uninstall
from lockcheck.patch.data import RaceHunt, packages_of
from lockcheck.patch.data.code import compile_seen
from lockcheck.render.legible import legible_line
from lockcheck.render.screen import flush, show

if TYPE_CHECKING:
    from argparse import Namespace

__all__ = ["run"]

INTERRUPTED = 130
CANNOT_WRITE = 2
LOOKS = 15
"""Unchanged pictures, a tenth of a second apart, before a program counts as stuck."""


def run(options: Namespace, program: Program) -> int:
    """Run `program` checked; returns the exit status."""
    known = read_baseline(options.baseline) if options.baseline else {}
    verdict = Verdict(options.fail_on, known)
    recorder = None
    if options.report:
        from lockcheck.render.folder import FolderError, prepare_folder
        from lockcheck.sync.recorder import Recorder

        try:
            prepare_folder(options.report)
        except FolderError as error:
            raise InputError(str(error)) from error
        recorder = Recorder()
    races = options.races is not None
    chk = Checker(on_report="collect", recorder=recorder, races=races)
    hunt: AbstractContextManager[object] = nullcontext()
    if races:
        hunt = RaceHunt(chk, program.folders, packages_of(options.races))
        program = replace(program, compiled=compile_seen)
    process = os.getpid()
    stream = sys.stderr  # the program may send its own elsewhere
    install(chk)
    try:
        with hunt, _watchdog(chk, options):
            status = program.run()
    except KeyboardInterrupt:
        status = INTERRUPTED
    finally:
        uninstall()
    flush()
    if os.getpid() != process:
        return status  # a forked child that ran to its end: the parent reports
    with redirect_stderr(stream):
        return conclude(chk, options, verdict, status)


def _watchdog(chk: Checker, options: Namespace) -> AbstractContextManager[object]:
    if options.no_watchdog:
        return nullcontext()
    return Watchdog(chk, looks=LOOKS, veto=lambda: strangers(chk) or woken_by_signal())


def conclude(chk: Checker, options: Namespace, verdict: Verdict, status: int) -> int:
    """Tell what was found; the status of the whole."""
    chk.sweep("when the program had ended")
    counting = []
    lower = []
    known = []
    for report in chk.reports:
        if verdict.is_known(report.fingerprint):
            known.append(report)
        elif verdict.counts(report.severity, report.fingerprint):
            counting.append(report)
        else:
            lower.append(report)
    for report in counting:
        show(f"\n{report}\n", sys.stderr)
    if lower:
        print(f"\nlockcheck: below --fail-on {options.fail_on}:", file=sys.stderr)
    for report in lower:
        reason = f" ({report.reason})" if report.reason else ""
        row = f"  {report.severity} {report.kind}: {report.title}{reason}"
        show(legible_line(row) + "\n", sys.stderr)
    if not options.quiet or counting:
        print(_summary(chk, counting, lower, known), file=sys.stderr)
    if options.write_baseline:
        write_baseline(options.write_baseline, [r.to_dict() for r in chk.reports])
    if options.report and not _write_report(chk, options.report):
        status = status or CANNOT_WRITE
    return 1 if counting and status != INTERRUPTED else status


def _summary(chk: Checker, counting: list[Any], lower: list[Any], known: list[Any]) -> str:
    found = f"{len(counting)} finding{'' if len(counting) == 1 else 's'}" if counting else "clean"
    extra = [f"{len(lower)} lower"] if lower else []
    extra += [f"{len(known)} known"] if known else []
    classes = chk.graph.to_dict()
    return (
        f"lockcheck: {', '.join([found, *extra])} "
        f"({len(classes['classes'])} lock classes, {len(classes['edges'])} dependencies)"
    )


def _write_report(chk: Checker, folder: str) -> bool:
    """Write it and say where; False when that failed, which is told too."""
    from lockcheck.render.folder import FolderError, write_folder

    timeline = chk.recorder.to_dict(chk) if chk.recorder is not None else None
    run = {"schema": "lockcheck/run/1", "program": list(sys.argv)}
    reports = [report.to_dict() for report in chk.reports]
    try:
        path = write_folder(folder, chk.graph.to_dict(), reports, timeline=timeline, run=run)
    except FolderError as error:
        print(f"lockcheck: {error}", file=sys.stderr)
        return False
    print(f"lockcheck: report in {path / 'index.html'}", file=sys.stderr)
    return True
