"""Write, or rewrite, the report folder of an earlier run.

rtnl-model report out
rtnl-model report --json out
rtnl-model report --format sarif out > findings.sarif
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lockcheck.documents import TEXT, DocumentError, Row, read_document
from lockcheck.render import show, show_json

from ..kernel.documents import Fields
from .status import CallError, Status

__all__ = ["configure", "run"]


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
    try:
        if args.format == "sarif":
            show(f"{_sarif(folder)}\n")
            return Status.CLEAN
        _rewrite(folder)
    except DocumentError as error:
        raise CallError(f"report: {error}") from error
    where = str(folder / "index.html")
    if args.json:
        show_json({"schema": "rtnl-model/report/1", "report": where})
    else:
        show(f"report: {where}\n")
    return Status.CLEAN


def _rewrite(folder: Path) -> None:
    """A folder of tables, or of a run.  Raises: CallError, DocumentError."""
    from ..view import report
    from ..view.tables import is_tables, rewrite_tables

    _must_have(folder, "run.json")
    recorded = read_document(folder / "run.json", Row({}, {"schema": TEXT}), "the run of a report")
    schema = str(recorded.get("schema", ""))
    if is_tables(schema):
        rewrite_tables(folder, schema)
        return
    _must_have(folder, "graph.json", "findings.json")
    report.rewrite_folder(folder)


def _must_have(folder: Path, *names: str) -> None:
    """Raises: CallError."""
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise CallError(f"report: {folder}: no {', '.join(missing)}; was it written by --report?")


def _sarif(folder: Path) -> str:
    """The findings of a folder for code review.  Raises: CallError, DocumentError."""
    _must_have(folder, "findings.json")
    from lockcheck import __version__
    from lockcheck.documents import FINDINGS
    from lockcheck.render import sarif

    recorded: Fields = read_document(folder / "findings.json", FINDINGS, "findings")
    return sarif.render(recorded["findings"], tool="rtnl-model", version=__version__)
