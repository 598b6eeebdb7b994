"""The command line: which benchmarks, how long, where to.

Tables on stdout; progress and errors on stderr; `results.json` and the SVG plots in a fresh
temporary folder or in `--out`.  Status: 0 all ran, 2 the call is wrong or the system refused a
benchmark (one line), 70 a defect of ours, 130 interrupted (what is done is written).
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks.bench import Refused, Run, machine

__all__ = ["NAMES", "main"]

NAMES = ("lock_overhead", "rtnl_scaling", "phases", "regimes", "scale", "explore_speed")
"""In the order they run; each is a module of this package."""
ON_DEMAND = ("data_overhead", "peers", "sharpness")
"""Only by name: peers installs other tools, sharpness takes half an hour."""

STATUS_INPUT = 2
STATUS_DEFECT = 70
STATUS_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise Refused(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmarks; returns the exit status."""
    try:
        options = _parse(argv)
        out = _folder(options.out)
    except Refused as refusal:
        print(f"benchmarks: {refusal}", file=sys.stderr)
        return STATUS_INPUT
    run = Run(out, seed=options.seed, quick=options.quick, stretch=options.stretch)
    _print_header(options, out)
    status = 0
    try:
        for name in options.names:
            status = max(status, _run_one(run, name))
    except KeyboardInterrupt:
        print("\nbenchmarks: interrupted; what was complete is written", file=sys.stderr)
        status = STATUS_INTERRUPTED
    run.save()
    print(f"\nresults: {out / 'results.json'}")
    print(f"page:    {out / 'index.html'}")
    for plot in sorted(out.glob("*.svg")):
        print(f"plot:    {plot}")
    return status


def _run_one(run: Run, name: str) -> int:
    began = time.monotonic()
    try:
        module = importlib.import_module(f"benchmarks.{name}")
        run.begin(name, module.DESCRIPTION)
        module.run(run)
    except Refused as refusal:
        print(f"benchmarks: {name}: {refusal}", file=sys.stderr)
        return STATUS_INPUT
    except Exception:
        traceback.print_exc()
        print(f"benchmarks: {name}: a defect of the benchmark or the model", file=sys.stderr)
        return STATUS_DEFECT
    run.end(time.monotonic() - began)
    return 0


def _print_header(options: argparse.Namespace, out: Path) -> None:
    m = machine()
    again = ["python -m benchmarks", *options.asked, f"--seed {options.seed}"]
    again += ["--quick"] * options.quick + [f"--out {out}"]
    print(
        f"{m['cpu']}, {m['cpus']} CPUs, {m['system']}, load {m['load'][0]}\n"
        f"{m['implementation']} {m['python']} {m['build']}"
        f"{'' if m['optimised'] else ', not an optimised (PGO) build'}\n"
        f"seed {options.seed}, waits stretched by {options.stretch:g} and rates scaled back"
        f"{', quick: short runs, wide error bars' if options.quick else ''}\n"
        f"again: {' '.join(again)}"
    )
    if m["load"][0] > m["cpus"] / 2:
        print(
            "other programs use these CPUs: trust ratios only, and rows that call themselves valid"
        )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="python -m benchmarks",
        description="examples:\n  python -m benchmarks --quick\n"
        "  python -m benchmarks rtnl_scaling --out results",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"benchmarks: {', '.join((*NAMES, *ON_DEMAND))}; status: 0 ran, 2 refused, "
        "70 defect, 130 ^C",
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="which ones (default: all)")
    parser.add_argument("--quick", action="store_true", help="under 90 seconds in all")
    parser.add_argument("--out", metavar="DIR", help="where results.json and the plots go")
    parser.add_argument("--seed", type=_integer, default=1, help="decimal or 0x… (default: 1)")
    parser.add_argument(
        "--stretch", type=float, default=20.0, help="factor on the modelled waits (default: 20)"
    )
    options = parser.parse_args(argv)
    options.asked = options.names
    for name in options.names:
        known = (*NAMES, *ON_DEMAND)
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"the benchmarks are {', '.join(known)}"
            raise Refused(f"no benchmark named {name!r}: {hint}")
    options.names = options.names or list(NAMES)
    if not 1 <= options.stretch <= 1000:
        raise Refused(f"--stretch {options.stretch:g}: expected 1 to 1000")
    return options


def _integer(text: str) -> int:
    return int(text, 0)


def _folder(asked: str | None) -> Path:
    if asked is None:
        return Path(tempfile.mkdtemp(prefix="rtnl-benchmarks-"))
    path = Path(asked)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise Refused(f"--out {asked}: {error.strerror}") from error
    return path


if __name__ == "__main__":
    sys.exit(main())
