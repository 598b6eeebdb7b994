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

from lockcheck.render import show_json

from ..kernel.documents import Fields
from ..lab.demo import Demo, is_abba
from ..lab.model_run import finding
from .report_dir import page_of, prepare_report, write_report
from .status import Status

__all__ = ["configure", "run"]

TITLE = "rtnl-model demo: the ABBA of the conversion that must not be made (regime naive)"


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

    write(f"seed {seed}: rtnl-model demo --seed {seed}\n\n")
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
    write(f"seed {seed}: rtnl-model demo --seed {seed}\n")
    return Status.CLEAN if shown else Status.FOUND


def write_parts(folder: Path, demo: Demo) -> None:
    """The run with the ABBA in the folder itself, the others in folders named by what they show."""
    parts = [(run.chk, run.document, run.timeline) for run in demo.runs]
    for stress, result in demo.stresses:
        document = {**result.to_dict(), "findings": [finding(r) for r in result.reports]}
        parts.append((stress.chk, document, None))
    pages = [
        {**page_of(document), "href": f"{part_of(document)}/index.html"}
        for _chk, document, _timeline in parts
        if document["regime"] != "naive"
    ]
    for chk, document, timeline in parts:
        if document["regime"] == "naive":
            more = {"title": TITLE, "lead": abba_of(document), "pages": pages}
            write_report(folder, chk, {**document, **more}, timeline)
        else:
            inner = folder / part_of(document)
            inner.mkdir(exist_ok=True)
            up = {"href": "../index.html", "title": "naive: the mistake, and what it leads to"}
            write_report(inner, chk, {**document, "pages": [up]}, timeline)


def part_of(document: Fields) -> str:
    """Name of a part's folder."""
    one_worker = "-one-worker" if document.get("workers") == "percpu" else ""
    return f"{document['regime']}{one_worker}"


def abba_of(document: Fields) -> str:
    """Fingerprint of the finding that the demo promises."""
    return next((str(f["fingerprint"]) for f in document["findings"] if is_abba(f)), "")


def document_of(demo: Demo, seed: int, folder: Path) -> Fields:
    """What --json prints."""
    return {
        "schema": "rtnl-model/demo/1",
        "seed": seed,
        "shown": [{"claim": claim.text, "shown": claim.shown} for claim in demo.claims],
        "stress": [result.to_dict() for _stress, result in demo.stresses],
        "report": str(folder),
    }
