"""Write, or rewrite, the report folder of an earlier run.

rtnl-model report out
rtnl-model report --json out
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lockcheck.documents import DocumentError
from lockcheck.render.screen import show, show_json

from .status import CallError, Status

__all__ = ["configure", "run"]

NEEDED = ("run.json", "graph.json", "findings.json")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("dir", metavar="DIR", help="a folder that --report wrote")


def run(args: argparse.Namespace) -> int:
    """Rewrite every file that is made from the recorded ones."""
    folder = Path(args.dir)
    if not folder.is_dir():
        raise CallError(f"report: {args.dir}: not a folder")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise CallError(f"report: {args.dir}: no {', '.join(missing)}; was it written by --report?")
    from ..view import report

    try:
        report.rewrite_folder(folder)
    except DocumentError as error:
        raise CallError(f"report: {error}") from error
    where = str(folder / "index.html")
    if args.json:
        show_json({"schema": "rtnl-model/report/1", "report": where})
    else:
        show(f"report: {where}\n")
    return Status.CLEAN
