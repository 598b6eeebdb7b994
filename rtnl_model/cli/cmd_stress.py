"""Many threads issue random legal ip operations; every invariant is checked meanwhile.

  rtnl-model stress --rtnl pernet --seconds 60
  rtnl-model stress --rtnl small --threads 16 --netns 12 --mix netns --seed 7
  rtnl-model stress --ops 5000 --bug veth-no-exchange

Without --rtnl it does so in global, small and pernet, one after the other.  It stops at the first
finding that counts, unless --keep-going is given.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lockcheck import Recorder
from lockcheck.render import flush, show, show_json

from ..iproute.script_error import nearest
from ..kernel.documents import Fields
from ..lab.mix import MIXES, parse_mix
from ..lab.model_run import ModelSetting, finding, link_kinds, usable_kinds
from ..lab.progress import Progress
from ..lab.scenarios import KINDS
from ..lab.stress import Stress, StressOptions, StressResult
from ..lab.stress_boot import conductor_of, stress_kernel
from .findings import finding_lines
from .parser import add_checking, add_model, positive, seconds
from .report_dir import prepare_report, write_reports
from .status import CallError, Status

__all__ = ["configure", "options_from", "run", "summary"]

SECONDS: Final = 10.0
"""Without --seconds and --ops."""
LOWER: Final = "dummy"
"""What a driver of the user's stands on, where no other kind was asked for."""
COMPARED: Final = ("global", "small", "pernet")
"""Without --rtnl: one after the other."""
WORST: Final = (Status.CLEAN, Status.INCOMPLETE, Status.FOUND, Status.INTERRUPTED)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    limits = parser.add_argument_group("how much")
    limits.add_argument("--seconds", type=seconds, metavar="S", help="stress for S seconds")
    limits.add_argument("--ops", type=positive, metavar="N", help="stress for N operations")
    limits.add_argument("--netns", type=positive, default=8, metavar="N", help="namespaces")
    limits.add_argument("--threads", type=positive, default=8, metavar="N", help="requesters")
    what = parser.add_argument_group("what")
    what.add_argument(
        "--drivers",
        default="all",
        metavar="KIND,…",
        help="kinds to use, or all: every kind that the regimes have, those of --driver included "
        "(default: %(default)s)",
    )
    what.add_argument(
        "--mix",
        default="default",
        metavar="MIX",
        help=f"{', '.join(MIXES)}, or action=weight,… on top of the default",
    )
    what.add_argument(
        "--fault", type=share, default=0.0, metavar="P", help="share of registrations that fail"
    )
    what.add_argument(
        "--perturb", action="store_true", help="seeded delays before operations of the checker"
    )
    what.add_argument(
        "--keep-going", action="store_true", help="do not stop at the first finding that counts"
    )
    add_model(parser, rtnl=None)
    parser.set_defaults(timing="idle")
    add_checking(parser)


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1")
    return value


def options_from(args: argparse.Namespace, settings: Sequence[ModelSetting]) -> StressOptions:
    """What the call asks for.  Raises: CallError."""
    drivers = tuple(filter(None, args.drivers.split(",")))
    kinds = link_kinds(settings[0])
    own = [driver.kind for driver in settings[0].own_drivers() if driver.kind not in KINDS]
    if drivers == ("all",):
        usable = frozenset.intersection(*(usable_kinds(setting) for setting in settings))
        drivers = tuple(sorted({*usable, *own}))
    for kind in drivers:
        if kind not in kinds:
            raise CallError(
                f"stress: no driver {kind!r}{nearest(kind, kinds)}; "
                f"the drivers are {', '.join(sorted(kinds))}"
            )
    if not drivers:
        raise CallError("stress: --drivers names no driver")
    if set(drivers) <= set(own):
        drivers += (LOWER,)
    if args.netns > 500 or args.threads > 500:
        raise CallError("stress: at most 500 namespaces and 500 threads")
    try:
        mix = parse_mix(args.mix)
    except ValueError as error:
        raise CallError(f"stress: --mix {args.mix}: {error}") from error
    return StressOptions(
        seed=args.seed if args.seed is not None else secrets.randbits(64),
        seconds=args.seconds if args.seconds or args.ops else SECONDS,
        ops=args.ops,
        netns=args.netns,
        threads=args.threads,
        drivers=drivers,
        own=tuple(kind for kind in own if kind in drivers),
        mix=mix,
        fault=args.fault,
        fail_on=args.fail_on,
        keep_going=args.keep_going,
    )


def run(args: argparse.Namespace) -> int:
    """Stress each regime asked for, and show the results."""
    regimes = (args.rtnl,) if args.rtnl else COMPARED
    settings = [replace(ModelSetting.from_args(args), rtnl=regime) for regime in regimes]
    options = options_from(args, settings)
    report = prepare_report(args.report)
    say(f"seed {options.seed}: {command_of(args, options)}")
    runs = []
    for setting in settings:
        stress, result = one_regime(args, setting, options)
        if args.driver and stress.chk.failures:
            raise stress.chk.failures[0][1]  # before what follows from it is reported
        runs.append((stress, result, document_of(result)))
        if not args.json:
            show(summary(result))
            show("\n".join(finding_lines(runs[-1][2]["findings"], args.fail_on)) + "\n")
            flush()
        if result.interrupted:
            break
    if report is not None:
        write_reports(report, [(stress.chk, doc) for stress, _result, doc in runs])
        say(f"report: {report / 'index.html'}")
    if args.json:
        documents = [doc for _stress, _result, doc in runs]
        whole = {"schema": documents[0]["schema"], "runs": documents}
        show_json(documents[0] if args.rtnl else whole)
    say(f"seed {options.seed}: {command_of(args, options)}")
    for stress, _result, _doc in runs:
        for _thread, error in stress.chk.failures:
            raise error  # an error of ours in a thread: the caller reports it as a defect
    return max((status_of(result) for _stress, result, _doc in runs), key=WORST.index)


def one_regime(
    args: argparse.Namespace, setting: ModelSetting, options: StressOptions
) -> tuple[Stress, StressResult]:
    """One run, with its progress line."""
    stress = Stress(
        options,
        lambda chk: stress_kernel(chk, setting, options),
        conductor_of(options.seed) if args.perturb else None,
    )
    if args.report is not None:
        stress.recorder = Recorder()
    with Progress(sys.stderr, stress.describe):
        return stress, stress.run()


def document_of(result: StressResult) -> Fields:
    """The JSON document of one regime."""
    return {**result.to_dict(), "findings": [finding(report) for report in result.reports]}


def status_of(result: StressResult) -> int:
    """130, 1, 3 or 0."""
    if result.interrupted:
        return Status.INTERRUPTED
    if result.counting:
        return Status.FOUND
    if not result.complete or result.leaked_threads:
        return Status.INCOMPLETE
    return Status.CLEAN


def command_of(args: argparse.Namespace, options: StressOptions) -> str:
    """The call that draws the same commands again."""
    words = ["rtnl-model stress", f"--seed {options.seed}"]
    if args.rtnl:
        words.append(f"--rtnl {args.rtnl}")
    if options.seconds is not None:
        words.append(f"--seconds {options.seconds:g}")
    if options.ops is not None:
        words.append(f"--ops {options.ops}")
    words += [f"--netns {options.netns}", f"--threads {options.threads}", f"--mix {args.mix}"]
    words += [f"--drivers {','.join(options.drivers)}", f"--timing {args.timing}"]
    if args.workers != "netns":
        words.append(f"--workers {args.workers} --cpus {args.cpus}")
    words += [f"--driver {file}" for file in args.driver]
    if args.replace:
        words.append("--replace")
    if args.fault:
        words.append(f"--fault {args.fault:g}")
    if args.perturb:
        words.append("--perturb")
    words += [f"--bug {bug}" for bug in args.bug]
    words += [f"--fix {fix}" for fix in args.fix]
    return " ".join(words)


def summary(result: StressResult) -> str:
    """The figures, for people."""
    kinds = "  ".join(f"{kind} {n}" for kind, n in sorted(result.per_driver.items()))
    lines = [
        f"{result.regime}: {result.operations} operations in {result.seconds:.1f} s"
        f" ({result.rate:.0f}/s), {result.refused} refused by the kernel",
        f"  {result.registered} devices registered, {result.removed} removed,"
        f" {result.delegated_share:.0%} of these delegated to their own namespace",
        f"  at most {result.sections_max} unregistering sections at one moment",
        f"  tried to create: {kinds}",
    ]
    lines += [f"  not one {kind} was made: {why}" for kind, why in result.never_made.items()]
    if result.hung:
        lines.append("  the run got stuck; every thread was ended")
    if result.leaked_threads:
        lines.append(f"  threads left: {', '.join(result.leaked_threads)}")
    if result.counting:
        for who, history in result.history.items():
            lines += [f"  {who}: {'; '.join(history)}"]
    return "\n".join(lines) + "\n"


def say(text: str) -> None:
    """To stderr."""
    show(text + "\n", sys.stderr)
    flush(sys.stderr)
