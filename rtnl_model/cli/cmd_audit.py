"""List what RTNL alone protects: accesses to objects of a namespace whose own lock is not held.

rtnl-model audit                     over all topologies and a stress, in small
rtnl-model audit my.ip --json        over scripts of yours, as a document
"""

from __future__ import annotations

import argparse
import sys

from lockcheck.render import show, show_json

from ..iproute import load_script
from ..lab.audit import SCHEDULES, STRESS_OPS, Audit, audit, document
from ..lab.model_run import ModelSetting, link_kinds
from ..lab.topologies import topology, topology_names
from ..view.audit_table import audit_text
from ..view.tables import write_tables
from .parser import add_model, positive
from .report_dir import prepare_report
from .status import CallError, Status

__all__ = ["configure", "run"]

SEED = 1
"""Where none is asked for: an audit of one version is the same list each time."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "scripts",
        metavar="SCRIPT|@TOPOLOGY",
        nargs="*",
        help="what to run (default: every topology, and a stress)",
    )
    parser.add_argument(
        "--schedules",
        type=positive,
        default=SCHEDULES,
        metavar="N",
        help="schedules of each script (default: %(default)s)",
    )
    parser.add_argument("--report", metavar="DIR", help="write a page of tables there")
    add_model(parser)


def run(args: argparse.Namespace) -> int:
    """Gather and print the list."""
    setting = ModelSetting.from_args(args)
    if setting.rtnl != "small":
        raise CallError(
            f"audit: --rtnl {setting.rtnl}: the audit is of small, where both locks exist"
        )
    names = args.scripts or [f"@{name}" for name in topology_names()]
    kinds = link_kinds(setting)
    scripts = [load_script(name, topology=topology, kinds=kinds) for name in names]
    folder = prepare_report(args.report)
    found = audit(
        scripts,
        setting,
        seed=SEED if args.seed is None else args.seed,
        schedules=args.schedules,
        stress_ops=0 if args.scripts else STRESS_OPS,
        on_script=_progress,
    )
    _progress("")
    printed = document(found)
    if folder is not None:
        title = "rtnl-model audit: what RTNL alone protects"
        write_tables(folder, title, _summary(found).strip(), printed)
    if args.json:
        show_json(printed)
    else:
        show(audit_text(printed))
        show(_summary(found))
        if folder is not None:
            show(f"report: {folder / 'index.html'}\n")
    return Status.CLEAN


def _summary(found: Audit) -> str:
    functions = {entry.function for entry in found.entries.values()}
    return (
        f"{len(found.entries)} kinds of access in {len(functions)} functions, "
        f"over {found.runs} runs; what no run reached is not here\n"
    )


def _progress(name: str) -> None:
    """What runs now, on a terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{name}")
        sys.stderr.flush()
