"""The cover letter's example in small, why its namespaces cannot be locked in advance, then in
naive with the ABBA, then a short stress.

  rtnl-model demo
  rtnl-model demo --report out

Status 0 when it showed exactly what it says.  Without --report the folder is a fresh temporary one.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from lockcheck.render.screen import show_json

from ..lab.demo import Demo
from ..lab.model_run import finding
from .report_dir import prepare_report, write_report
from .status import Status

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--report", metavar="DIR", help="write the report folder there")


def run(args: argparse.Namespace) -> int:
    """Show it."""
    seed = args.seed if args.seed is not None else secrets.randbits(64)
    report = prepare_report(args.report)
    screen = sys.stderr if args.json else sys.stdout
    lock = threading.Lock()

    def write(text: str) -> None:
        with lock:
            screen.write(text)
            screen.flush()

    write(f"seed {seed:#x}: rtnl-model demo --seed {seed:#x}\n\n")
    demo = Demo(seed, write)
    shown = demo.run()
    folder = report if report is not None else Path(tempfile.mkdtemp(prefix="rtnl-model-demo-"))
    write_parts(folder, demo)
    write(f"report: {folder / 'index.html'}\n")
    if args.json:
        show_json(document_of(demo, seed, folder))
    missing = [claim.text for claim in demo.claims if not claim.shown]
    if demo.interrupted:
        return Status.INTERRUPTED
    if missing:
        write(f"not shown: {'; '.join(missing)}\n")
    write(f"seed {seed:#x}: rtnl-model demo --seed {seed:#x}\n")
    return Status.CLEAN if shown else Status.FOUND


def write_parts(folder: Path, demo: Demo) -> None:
    """The run with the ABBA in the folder itself, the others in folders named by regime."""
    parts = [(run.chk, run.kernel, run.document) for run in demo.runs]
    for stress, result in demo.stresses:
        document = {**result.to_dict(), "findings": [finding(r) for r in result.reports]}
        parts.append((stress.chk, stress.k, document))
    for chk, k, document in parts:
        naive = document["regime"] == "naive"
        one_worker = "-one-worker" if document.get("workers") == "percpu" else ""
        inner = folder if naive else folder / f"{document['regime']}{one_worker}"
        inner.mkdir(exist_ok=True)
        write_report(inner, chk, k, document)


def document_of(demo: Demo, seed: int, folder: Path) -> dict[str, Any]:
    """What --json prints."""
    return {
        "schema": "rtnl-model/demo/1",
        "seed": seed,
        "shown": [{"claim": claim.text, "shown": claim.shown} for claim in demo.claims],
        "stress": [result.to_dict() for _stress, result in demo.stresses],
        "report": str(folder),
    }
