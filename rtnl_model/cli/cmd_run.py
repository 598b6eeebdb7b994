"""Run a script of ip commands, or a JSON scenario, and show what happened.

  rtnl-model run cover.ip --rtnl naive --report out
  rtnl-model run @T3 --trace=free_netdev,ipvlan_uninit

The script language (commands of `ip`, `a & b & wait`) is described in the README.  A @NAME is one
of the model's own scripts.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import threading
from pathlib import Path

from lockcheck import Recorder
from lockcheck.conduct import PerturbedConductor
from lockcheck.render import flush, show, show_json

from ..iproute import load_script
from ..iproute.commands import Command
from ..iproute.execute import Outcome
from ..kernel.documents import Fields
from ..lab.explore import add_tokens
from ..lab.model_run import ModelSetting, Recorded, link_kinds, record
from ..lab.topologies import about, topology
from ..view.trace import DEFAULT_FUNCTIONS
from .findings import counted, finding_lines
from .parser import add_checking, add_model
from .report_dir import prepare_report, write_report
from .status import CallError, Status

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("script", metavar="SCRIPT", help="file, - for stdin, or @TOPOLOGY")
    parser.add_argument(
        "--keep-going",
        action="store_true",
        help="continue after a failed command, and do not count failures",
    )
    parser.add_argument(
        "--trace",
        nargs="?",
        const="",
        metavar="FUNC,…",
        help="print probe lines as they happen (default: each device's end)",
    )
    parser.add_argument(
        "--tokens",
        action="store_true",
        help="look for a schedule that shows each finding again, and give its token",
    )
    add_model(parser, timing="quick")
    add_checking(parser)


def run(args: argparse.Namespace) -> int:
    """Run it and show what came out."""
    setting = ModelSetting.from_args(args)
    script = load_script(args.script, topology=topology, kinds=link_kinds(setting))
    seed = args.seed if args.seed is not None else secrets.randbits(64)
    report = prepare_report(args.report)
    screen = _Screen(quiet=args.json)
    if about(args.script) and not args.json:
        screen.write(f"{about(args.script)}\n")
    watcher = PerturbedConductor(seed, quiet=True) if args.tokens else None
    recorded = record(
        script,
        setting,
        keep_going=args.keep_going or script.keep_going,
        seed=seed,
        on_outcome=screen.outcome,
        trace=trace_functions(args.trace),
        write_trace=screen.trace,
        logged=args.log_level in ("debug", "info"),
        recorder=Recorder() if report is not None else None,
        conductor=watcher,
    )
    if watcher is not None and not recorded.interrupted:
        add_tokens(recorded, watcher.orders)
    if report is not None:
        write_report(report, recorded.chk, recorded.document)
    if args.json:
        show_json(recorded.document)
    else:
        screen.end(recorded, args.fail_on)
        if report is not None:
            show(f"report: {Path(report) / 'index.html'}\n")
    if screen.refused is not None:
        raise screen.refused
    if recorded.interrupted:
        raise KeyboardInterrupt
    return status_of(recorded, args)


def trace_functions(text: str | None) -> frozenset[str] | None:
    """None: no trace; empty means the default set, `all` everything. Raises: CallError."""
    if text is None:
        return None
    names = frozenset(filter(None, text.split(",")))
    if not names:
        return DEFAULT_FUNCTIONS
    if any(not n.replace("_", "").isalnum() for n in names):
        raise CallError(f"run: --trace={text}: not a list of functions")
    return frozenset() if names == {"all"} else names


def status_of(recorded: Recorded, args: argparse.Namespace) -> int:
    """0, or 1 when a finding counts or a command failed."""
    if counted(recorded.findings, args.fail_on):
        return Status.FOUND
    scenario = recorded.script.keep_going
    if recorded.failed and not args.keep_going and not scenario:
        return Status.FOUND
    return Status.CLEAN


class _Screen:
    """What a person sees while it runs."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.lock = threading.Lock()
        self.refused: OSError | None = None

    def write(self, text: str) -> None:
        """Write, on whatever thread; the first refusal is kept for the main thread."""
        with self.lock:
            if self.refused is not None:
                return
            try:
                show(text)
                flush()
            except OSError as error:
                self.refused = error

    def trace(self, text: str) -> None:
        """A probe line: with the results, or on stderr when stdout is one JSON document."""
        if not self.quiet:
            self.write(text)
        elif sys.stderr is not None:
            with self.lock:
                sys.stderr.write(text)

    def outcome(self, command: Command, outcome: Outcome) -> None:
        """A command ended."""
        if self.quiet:
            return
        text = f"# {outcome.cmd}\n"
        if outcome.stdout:
            text += outcome.stdout + "\n"
        if outcome.rc:
            text += f"{outcome.stderr}\n-> status {outcome.rc}"
            text += " (allowed to fail)\n" if command.may_fail else "\n"
        self.write(text)

    def end(self, recorded: Recorded, fail_on: str) -> None:
        """Devices per netns afterwards, and the findings."""
        ops = recorded.document["ops"]
        lines = [""]
        for op in ops[-1:]:
            lines += device_lines(op["devices"])
        for op in ops:
            lines += [f"kernel: {line}" for line in op.get("kmsg", ())]
        if recorded.stopped_at:
            lines.append(
                f"stopped at the failed command {recorded.stopped_at!r}; --keep-going continues"
            )
        if recorded.document.get("hung") is not None:
            lines.append(f"hung in op {recorded.document['hung']}; every thread was ended")
        failed = [outcome.cmd for outcome in recorded.failed]
        lines += finding_lines(recorded.findings, fail_on, clean=not failed)
        if failed and not recorded.findings:
            count = f"{len(failed)} command{'' if len(failed) == 1 else 's'} failed"
            lines.append(f"{count}; no findings")
        self.write("\n".join(lines) + "\n")


def device_lines(devices: dict[str, list[Fields]]) -> list[str]:
    """`ns1: lo veth0@ns2/veth1` for each namespace."""
    lines = []
    for ns, shown in devices.items():
        words = []
        for device in shown:
            lower = device.get("lower") or {}
            word = f"{device['ifname']}"
            if lower:
                there = "" if lower.get("netns") == ns else f"{lower.get('netns')}/"
                name = lower.get("ifname") or f"if{lower.get('ifindex', 0)}"  # gone: as ip shows it
                word += f"@{there}{name}"
            if device["kind"] not in ("lo", "ether"):
                word += f" ({device['kind']}{', up' if device['up'] else ''})"
            words.append(word)
        lines.append(f"{ns}: {'  '.join(words)}")
    return lines or ["no named namespaces"]
