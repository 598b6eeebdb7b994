"""Write, or rewrite, the report folder of an earlier run.

rtnl-model report out
rtnl-model report --json out
rtnl-model report --format sarif out > findings.sarif
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lockcheck.documents import DocumentError
from lockcheck.render.screen import show, show_json

from .status import CallError, Status

__all__ = ["configure", "run"]

NEEDED = ("run.json", "graph.json", "findings.json")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("dir", metavar="DIR", help="a folder that --report wrote")
    parser.add_argument(
        "--format", choices=("sarif",), help="print its findings instead of writing it again"
    )


def run(args: argparse.Namespace) -> int:
    """Rewrite every file that is made from the recorded ones."""
    folder = Path(args.dir)
    if not folder.is_dir():
        raise CallError(f"report: {args.dir}: not a folder")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise CallError(f"report: {args.dir}: no {', '.join(missing)}; was it written by --report?")
    from ..view import report

    if args.format == "sarif":
        try:
            show(f"{_sarif(folder)}\n")
        except DocumentError as error:
            raise CallError(f"report: {error}") from error
        return Status.CLEAN
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


def _sarif(folder: Path) -> str:
    """The findings of a folder for code review.  Raises: DocumentError."""
    from lockcheck import __version__
    from lockcheck.documents import read_document
    from lockcheck.documents.shapes import FINDINGS
    from lockcheck.render import sarif

    recorded: dict[str, Any] = read_document(folder / "findings.json", FINDINGS, "findings")
    return sarif.render(recorded["findings"], tool="rtnl-model", version=__version__)
