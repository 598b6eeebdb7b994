"""List the catalogue of bugs, show one page of it, or check that each can be seen.

  rtnl-model bugs G.5
  rtnl-model bugs --check --only veth-no-exchange

G.n are candidate defects of Linux 7.3 that the model found; the others are patches taken out again
and hazards of the conversion.
"""

from __future__ import annotations

import argparse
import re
import shutil
import textwrap
from pathlib import Path

from lockcheck.render import flush, show, show_json, write_text

from ..lab import catalogue
from ..lab.bugs.entry import Entry
from ..lab.bugs.no_page import NO_PAGE
from ..lab.findings_page import Hunt, findings_page, hunt_of
from .status import CallError, Status

__all__ = ["configure", "parse_shard", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("id", nargs="?", metavar="ID", help="show the page of this entry")
    parser.add_argument("--check", action="store_true", help="run each entry and its twin")
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="these entries")
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="every N-th entry from I")
    parser.add_argument(
        "--findings", metavar="FILE", help="with --check: write what was seen as FINDINGS.md"
    )
    parser.add_argument(
        "--hunt",
        action="append",
        default=[],
        metavar="DIR",
        help="with --findings: what a hunt found too (`fuzz --out DIR`; repeatable)",
    )


def run(args: argparse.Namespace) -> int:
    """List or check."""
    shard = parse_shard(args.shard)
    wanted = [*args.only, *([args.id] if args.id else [])]
    try:
        chosen = [catalogue.entry(bug_id) for bug_id in wanted] or catalogue.entries()
    except catalogue.UnknownBug as error:
        raise CallError(f"bugs: {error}") from error
    chosen = chosen[shard[0] - 1 :: shard[1]]
    if (args.findings or args.hunt) and not args.check:
        raise CallError("bugs: --findings and --hunt need --check: they report what it saw")
    if args.check:
        return check(args, chosen)
    ids = {e.id for e in chosen}
    listed = [row for row in catalogue.listing() if row["id"] in ids]
    if args.json:
        show_json(listed)
    elif args.id:
        show("\n".join(page(entry) for entry in chosen))
    else:
        width = max((len(row["id"]) for row in listed), default=0)
        for row in listed:
            show(f"{row['id']:{width}}  {row['kind']:9}  {row['title']}\n")
        if not args.only and shard == (1, 1):
            for patch, why in NO_PAGE.items():
                show(f"{patch:{width}}  {'no page':9}  {why}\n")
    return Status.CLEAN


def page(entry: Entry) -> str:
    """One entry as a page: story, interleaving, scenario, and where it is mended."""
    width = min(shutil.get_terminal_size().columns, 100) - 1
    parts = [f"{entry.id} ({entry.kind}): {entry.title}", "=" * min(width, 60)]
    for head, text in (
        ("what is wrong", entry.what),
        ("interleaving", entry.interleaving),
        ("what a user sees", entry.symptom),
        ("where it comes from", entry.source),
    ):
        parts += ["", f"{head}:"]
        parts += textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="  ")
    parts += ["", f"scenario (regime {entry.setting}):"]
    parts += [f"  {line}" for line in entry.scenario.strip().splitlines()]
    finding = " or ".join(str(each) for each in entry.expected)
    parts += ["", "finding:", f"  {finding}", "", "the same without it:"]
    parts += textwrap.wrap(_mended(entry), width, initial_indent="  ", subsequent_indent="  ")
    parts += ["", "see it:", f"  rtnl-model bugs --check --only {entry.id}"]
    return "\n".join(parts) + "\n"


def _mended(entry: Entry) -> str:
    if entry.twin is not None:
        return f"clean in {entry.twin}"
    if entry.classes:
        return f"clean without --bug {entry.id}"
    return f"clean in {entry.setting} when the fix stays in (no --bug {entry.id})"


def check(args: argparse.Namespace, chosen: list[Entry]) -> int:
    """Run every chosen entry and its twin."""
    from ..lab.bug_check import check_entry  # the explorer's modules; a listing needs none

    hunts = read_hunts(args.hunt)
    results = []
    for entry in chosen:
        result = check_entry(entry, seed=args.seed or 0)
        results.append(result)
        if not args.json:
            show(f"{result}\n")
            flush()
    if args.json:
        show_json([r.to_dict() for r in results])
    if args.findings:
        page = findings_page(chosen, {r.id: r for r in results}, hunts)
        write_text(Path(args.findings), page)
    return Status.CLEAN if all(r.confirmed for r in results) else Status.FOUND


def read_hunts(folders: list[str]) -> list[Hunt]:
    """What hunts found. Raises: CallError, OSError."""
    try:
        return [hunt_of(Path(folder)) for folder in folders]
    except ValueError as error:
        raise CallError(f"bugs: --hunt: {error}") from error


def parse_shard(text: str) -> tuple[int, int]:
    """`2/5`. Raises: CallError."""
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise CallError(f"--shard {text!r} is not I/N with I from 1 to N")
    return int(found[1]), int(found[2])
