"""Hunt: random scripts, explored for as long as you like; each new cause is cut down to a folder.

  rtnl-model fuzz --rtnl pernet --seconds 600 --out hunt
  rtnl-model fuzz --rtnl small --fix G.1 --fix G.14 --jobs 8 --out hunt --resume

Every script is a topology over a few namespaces and two to four commands at the same moment.
What reaches something new is kept in DIR/corpus and changed further; DIR/findings/CAUSE has the
smallest script, its token, the schedule in columns, a report and reproduce.sh for a real kernel.
On several machines: --seed K --shard I/N each, then one hunt with --merge DIR for every folder.
A cause that the folder holds already is listed again, and counts for the exit status.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from lockcheck.explore import parse_shard
from lockcheck.render import show, show_json

from ..iproute.script_error import nearest
from ..kernel.documents import Fields
from ..lab.fuzz.corpus import NotACorpus
from ..lab.fuzz.folder import NotAFinding, readable
from ..lab.fuzz.hunt import Found, Hunt, HuntOptions
from ..lab.model_run import ModelSetting, link_kinds
from ..lab.progress import Progress
from .parser import add_checking, add_model, positive, seconds
from .report_dir import prepare_folder
from .status import CallError, Status

__all__ = ["configure", "run"]

SCHEMA = "rtnl-model/fuzz/1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--seconds", type=seconds, default=600.0, metavar="S", help="how long to hunt"
    )
    parser.add_argument(
        "--jobs", type=positive, default=os.cpu_count() or 1, metavar="N", help="worker processes"
    )
    parser.add_argument(
        "--findings", type=positive, metavar="N", help="stop after N causes that count"
    )
    parser.add_argument(
        "--shard", default="1/1", metavar="I/N", help="draw only this part of the scripts"
    )
    parser.add_argument(
        "--drivers", default="", metavar="K,…", help="kinds of devices to draw (default: all)"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="corpus and findings go here")
    parser.add_argument(
        "--merge", action="append", default=[], metavar="DIR",
        help="begin with what this hunt found too, another shard's or machine's (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true", help="continue with the corpus that is there"
    )
    add_model(parser)
    add_checking(parser)


def run(args: argparse.Namespace) -> int:
    """Hunt, and say what was found."""
    setting = ModelSetting.from_args(args)
    try:
        shard = parse_shard(args.shard)
    except ValueError as error:
        raise CallError(f"fuzz: --shard {error}") from error
    kinds = drivers(args.drivers, setting)
    folder = prepare_folder(args.out, "fuzz: --out")
    for name in ("corpus", "findings"):
        prepare_folder(str(folder / name), "fuzz: --out")
    options = HuntOptions(
        seconds=args.seconds,
        jobs=args.jobs,
        seed=args.seed if args.seed is not None else secrets.randbits(64),
        shard=shard,
        kinds=kinds,
        folder=folder,
        fail_on=args.fail_on,
        findings=args.findings,
    )
    hunt = Hunt(setting, options)
    start(hunt, folder, resume=args.resume)
    merge(hunt, args.merge)
    with Progress(sys.stderr, lambda: progress_line(hunt)):
        hunt.run()
    if args.json:
        show_json(document(hunt))
    else:
        show(summary(hunt, folder))
    return status(hunt)


def start(hunt: Hunt, folder: Path, *, resume: bool) -> None:
    """Load the corpus, or make sure that there is none. Raises: CallError."""
    if not resume:
        if any((folder / "corpus").glob("*.json")):
            raise CallError(f"fuzz: {folder}/corpus is not empty; --resume continues with it")
        return
    try:
        hunt.resume()
    except (NotACorpus, NotAFinding, ValueError) as error:
        raise CallError(f"fuzz: {error}") from error


def merge(hunt: Hunt, folders: Sequence[str]) -> None:
    """Take in other hunts' folders. Raises: CallError."""
    for folder in folders:
        try:
            taken = hunt.merge(Path(folder))
        except (NotACorpus, NotAFinding, OSError) as error:
            raise CallError(f"fuzz: --merge: {error}") from error
        sys.stderr.write(f"{folder}: {taken} scripts taken\n")


def drivers(text: str, setting: ModelSetting) -> tuple[str, ...]:
    """The kinds asked for. Raises: CallError."""
    usable = link_kinds(setting)
    kinds = tuple(kind for kind in text.split(",") if kind)
    for kind in kinds:
        if kind not in usable:
            raise CallError(
                f"fuzz: --drivers: {kind!r} is no kind in {setting.rtnl}{nearest(kind, usable)}"
            )
    return kinds


def status(hunt: Hunt) -> int:
    """The exit status of what came of it."""
    if hunt.interrupted:
        return Status.INTERRUPTED
    if hunt.tally.crashes:
        return Status.DEFECT
    if any(found.counts for found in hunt.found.values()):
        return Status.FOUND
    return Status.CLEAN if hunt.tally.schedules else Status.INCOMPLETE


def progress_line(hunt: Hunt) -> str:
    """One line: how far, how fast, what, and since when nothing is new."""
    tally, passed = hunt.tally, hunt.seconds
    counted = sum(found.counts for found in hunt.found.values())
    return (
        f"{passed:.0f} s  {tally.scripts} scripts  {tally.schedules / max(passed, 1e-6):.0f}/s "
        f"schedules  {len(hunt.corpus.features)} features in {len(hunt.corpus.kept)} scripts  "
        f"{counted} findings of {len(hunt.found)}  new {passed - tally.newest:.0f} s ago"
    )


def fields_of(found: Found) -> Fields:  # Any: JSON
    """One cause, as the document has it."""
    return {
        "cause": found.cause.ident,
        "kind": found.cause.kind,
        "title": str(found.finding["title"]),
        "severity": str(found.finding["severity"]),
        "tags": list(found.cause.tags),
        "confirmed": found.confirmed,
        "counts": found.counts,
        "times": found.times,
        "first": {"script": found.first_script, "seconds": round(found.first_seconds, 1)},
        "script": found.script,
        "replay": str(found.finding.get("replay", "")),
        "folder": str(found.home or ""),
    }


def document(hunt: Hunt) -> Fields:  # Any: JSON
    """What --json prints."""
    return {
        "schema": SCHEMA,
        "rtnl": hunt.setting.rtnl,
        "workers": hunt.setting.workers,
        "seed": hunt.options.seed,
        "jobs": hunt.options.jobs,
        "seconds": round(hunt.seconds, 1),
        "scripts": hunt.tally.scripts,
        "schedules": hunt.tally.schedules,
        "orders": hunt.tally.orders,
        "features": len(hunt.corpus.features),
        "corpus": len(hunt.corpus.kept),
        "findings": [fields_of(found) for found in hunt.sorted_findings()],
        "crashes": hunt.tally.crashes,
        "interrupted": hunt.interrupted,
    }


def summary(hunt: Hunt, folder: Path) -> str:
    """What a person wants to know."""
    tally = hunt.tally
    lines = []
    for found in hunt.sorted_findings():
        state = "counts" if found.counts else "unconfirmed" if not found.confirmed else "listed"
        tags = f" [{', '.join(found.cause.tags)}]" if found.cause.tags else ""
        times = f"{found.times} scripts" if found.times else "an earlier hunt"
        lines.append(
            f"{found.cause.ident}  {found.cause.kind} ({found.finding['severity']}){tags}, "
            f"{state}, {times}: {found.finding['title']}"
        )
        lines += [f"    {line}" for line in readable(found.script).splitlines()]
        if found.home is not None:
            lines.append(f"    {found.home}")
    lines += [f"defect of rtnl-model: {crash}" for crash in tally.crashes]
    lines.append(
        f"{hunt.setting.rtnl} --workers {hunt.setting.workers}: {tally.scripts} scripts, "
        f"{tally.schedules} schedules, {hunt.seconds:.0f} s with {hunt.options.jobs} jobs, "
        f"{len(hunt.corpus.features)} features; corpus: {len(hunt.corpus.kept)} scripts in "
        f"{folder}/corpus"
    )
    lines.append(f"seed {hunt.options.seed}")
    return "\n".join(lines) + "\n"
