"""Run recorded scenarios on the model and compare with what a real kernel did.

  rtnl-model conform scenarios.json golden-small.json --min L1=100,L2=95
  rtnl-model conform scenarios.json golden-global.json --rtnl global
  rtnl-model conform scenarios.json golden-small.json --real-time --timing quick
  rtnl-model conform --generate 300 --seed 7 --out fresh.json

The regime follows the recording unless --rtnl is given; a recording of the debug option is run
with --workers percpu, as that kernel serves its works.

Time is logical: a wait costs nothing and ends in its turn, so the result does not depend on how
busy this machine is.  With --real-time the operating system schedules and the clock is the wall's.

--generate writes random scenarios to be recorded on a real kernel: sequences over a few namespaces
of creating, moving, renaming, raising, enslaving and deleting devices and ending namespaces.
--concurrent ends each of them with commands started at one moment.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from lockcheck.documents import DocumentError, read_document, read_text
from lockcheck.render import show, show_json, write_text

from ..iproute.commands import Script
from ..iproute.scenario import parse_scenarios
from ..kernel.documents import Fields
from ..lab.conform import LEVELS, Conformity, compare
from ..lab.logical_run import record_logical
from ..lab.model_run import ModelSetting, link_kinds, run_document
from ..lab.scenarios import KINDS, PROFILES, Generator
from ..view.shapes import GOLDEN
from ..view.tables import write_tables
from .parser import add_checking, add_model
from .report_dir import prepare_report
from .status import CallError, Status

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "scenarios", nargs="?", metavar="SCENARIOS", help="scenario file (.json or .json.gz)"
    )
    parser.add_argument("golden", nargs="?", metavar="GOLDEN", help="recording of these scenarios")
    parser.add_argument(
        "--generate", type=int, metavar="N", help="write N fresh random scenarios to --out"
    )
    parser.add_argument("--out", metavar="FILE", help="where --generate writes (- is stdout)")
    parser.add_argument(
        "--kinds", default="", metavar="K,…", help="generate only these kinds (default: all)"
    )
    parser.add_argument(
        "--profile", choices=list(PROFILES), default="ip", help="what generated scenarios do"
    )
    parser.add_argument(
        "--concurrent", type=int, default=0, metavar="T", help="end each with T commands at once"
    )
    parser.add_argument("--min", default="", metavar="L1=N,…", help="percent needed for status 0")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="one scenario")
    parser.add_argument(
        "--real-time", action="store_true", help="real waits, scheduled by the operating system"
    )
    add_model(parser, rtnl=None, timing="idle")
    parser.set_defaults(workers=None)
    add_checking(parser)


def run(args: argparse.Namespace) -> int:
    """Generate, or compare and report."""
    if args.generate is not None:
        return generate(args)
    if args.golden is None:
        raise CallError("conform: give SCENARIOS and GOLDEN, or --generate N --out FILE")
    least = parse_min(args.min)
    folder = prepare_report(args.report)
    golden = read_golden(args.golden)
    scripts = read_scenarios(args.scenarios)
    if args.only:
        scripts = [s for s in scripts if s.name in args.only]
        if not scripts:
            raise CallError(f"conform: no scenario named {', '.join(args.only)}")
    check_indices(scripts, golden, args.golden)
    setting = recorded_setting(ModelSetting.from_args(args), golden, args)

    def one(script: Script, init_ifindex: int) -> Fields:
        here = replace(setting, init_ifindex=init_ifindex)
        if args.real_time:
            return run_document(script, here)
        return record_logical(script, here).document

    found = compare(scripts, golden, one, kinds=link_kinds(setting), progress=progress(args))
    if folder is not None:
        write_page(folder, found, setting)
    if args.json:
        show_json(found.to_dict())
    else:
        show(text_of(found, setting))
        if folder is not None:
            show(f"report: {folder / 'index.html'}\n")
    if not found.compared:
        raise CallError("conform: none of the scenarios could be compared")
    short = [level for level in LEVELS if found.percent(level) < least.get(level, 0.0)]
    if least:
        return Status.FOUND if short else Status.CLEAN
    return Status.FOUND if len(found.agreeing("L3")) < len(found.compared) else Status.CLEAN


def write_page(folder: Path, found: Conformity, setting: ModelSetting) -> None:
    """Agreement and differences as tables. Raises: OSError."""
    document = found.to_dict()
    agree = ", ".join(f"{level} {found.percent(level):.2f} %" for level in LEVELS)
    said = f"{len(found.compared)} scenarios compared: {agree}."
    title = f"rtnl-model conform in regime {setting.rtnl}, --workers {setting.workers}"
    write_tables(folder, title, said, document)


def generate(args: argparse.Namespace) -> int:
    """Write random scenarios.  The seed and what was drawn go to stderr.  Raises: CallError."""
    if args.scenarios is not None:
        raise CallError("conform: --generate takes no SCENARIOS; name the file with --out")
    if args.generate < 1 or args.out is None:
        raise CallError("conform: --generate N --out FILE, with N of at least 1")
    if args.concurrent < 0 or args.concurrent == 1:
        raise CallError("conform: --concurrent T, with T of at least 2")
    names = [name for name in args.kinds.split(",") if name] or list(KINDS)
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise CallError(f"conform: no kind {unknown[0]!r} to generate; kinds: {', '.join(KINDS)}")
    seed = secrets.randbits(32) if args.seed is None else args.seed
    generator = Generator(seed, kinds=names, weights=PROFILES[args.profile])
    if args.concurrent:
        found = [generator.concurrent(n, threads=args.concurrent) for n in range(args.generate)]
    else:
        found = generator.scenarios(args.generate)
    text = json.dumps(found, indent=1) + "\n"
    if args.out == "-":
        sys.stdout.write(text)
    else:
        write_text(Path(args.out), text)
    again = f"--generate {args.generate} --seed {seed}"
    sys.stderr.write(f"{len(found)} scenarios of {len(names)} kinds; the same again: {again}\n")
    return Status.CLEAN


def parse_min(text: str) -> dict[str, float]:
    """`L1=100,L2=95`. Raises: CallError."""
    out: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        level, _, percent = part.partition("=")
        try:
            out[level] = float(percent)
        except ValueError:
            out[level] = -1.0
        if level not in LEVELS or not 0 <= out[level] <= 100:
            raise CallError(f"conform: --min {part!r} is not LEVEL=PERCENT with L1, L2 or L3")
    return out


def read_scenarios(path: str) -> list[Script]:
    """A scenario file, also compressed. Raises: CallError, ScriptError."""
    try:
        return parse_scenarios(read_text(path), path)
    except DocumentError as error:
        raise CallError(f"conform: {error}") from error


def read_golden(path: str) -> Fields:
    """A recording, also compressed. Raises: CallError."""
    try:
        return read_document(path, GOLDEN, "a recording")
    except DocumentError as error:
        raise CallError(f"conform: {error}") from error


def check_indices(scripts: Sequence[Script], golden: Fields, path: str) -> None:
    """Every recorded op must be one of its scenario. Raises: CallError."""
    for script in scripts:
        for op in golden["results"].get(script.name, {}).get("ops", ()):
            if op["i"] >= len(script.steps):
                raise CallError(
                    f"conform: {path}: results[{script.name!r}] has an op {op['i']}, the scenario "
                    f"{len(script.steps)} ops; do the two files belong together?"
                )


def recorded_setting(
    setting: ModelSetting, golden: Fields, args: argparse.Namespace
) -> ModelSetting:
    """The regime and workers of the recording kernel, where the call does not say."""
    small = "rtnl_net_work_func" in golden.get("trace_functions", ())
    rtnl = args.rtnl or ("small" if small else "global")
    workers = args.workers or ("percpu" if rtnl == "small" else "netns")
    return replace(setting, rtnl=rtnl, workers=workers)


def progress(args: argparse.Namespace) -> Callable[[str], None]:
    """Name each scenario on a terminal."""
    if sys.stderr is None or not sys.stderr.isatty() or args.json:
        return lambda _name: None
    terminal = sys.stderr
    return lambda name: print(f"\r\x1b[K{name}", end="", file=terminal)


def text_of(found: Conformity, setting: ModelSetting) -> str:
    """Agreement per level and every difference."""
    lines = [str(d) for d in found.differences]
    why: dict[str, int] = {}
    for reason in found.left_out.values():
        why[reason] = why.get(reason, 0) + 1
    lines.append(
        f"{len(found.compared)} scenarios compared in {setting.rtnl} "
        f"--workers {setting.workers}, {len(found.left_out)} left out"
    )
    lines += [f"  {count:4} left out: {reason}" for reason, count in sorted(why.items())]
    lines += [
        f"{level}  {len(found.agreeing(level)):4} of {len(found.compared)}  "
        f"{found.percent(level):6.2f} %"
        for level in LEVELS
    ]
    return "\n".join(lines) + "\n"
