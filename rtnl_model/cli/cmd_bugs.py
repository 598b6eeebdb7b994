"""List the catalogue of bugs, or check that each can be seen.

rtnl-model bugs
rtnl-model bugs --check --only veth-no-exchange
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import Any

from ..lab import catalogue
from ..lab.bugs.no_page import NO_PAGE
from .status import CallError, Status

__all__ = ["configure", "parse_shard", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--check", action="store_true", help="run each entry and its twin")
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="these entries")
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="every N-th entry from I")


def run(args: argparse.Namespace) -> int:
    """List or check."""
    shard = parse_shard(args.shard)
    try:
        chosen = [catalogue.entry(bug_id) for bug_id in args.only] or catalogue.entries()
    except catalogue.UnknownBug as error:
        raise CallError(f"bugs: {error}") from error
    chosen = chosen[shard[0] - 1 :: shard[1]]
    if args.check:
        return check(args, chosen)
    ids = {e.id for e in chosen}
    listed = [row for row in catalogue.listing() if row["id"] in ids]
    if args.json:
        json.dump(listed, sys.stdout)
        sys.stdout.write("\n")
    else:
        width = max((len(row["id"]) for row in listed), default=0)
        for row in listed:
            sys.stdout.write(f"{row['id']:{width}}  {row['kind']:9}  {row['title']}\n")
        if not args.only and shard == (1, 1):
            for patch, why in NO_PAGE.items():
                sys.stdout.write(f"{patch:{width}}  {'no page':9}  {why}\n")
    return Status.CLEAN


def check(args: argparse.Namespace, chosen: list[Any]) -> int:
    """Run every chosen entry and its twin."""
    results = []
    for entry in chosen:
        result = catalogue.check(entry, seed=args.seed or 0)
        results.append(result)
        if not args.json:
            sys.stdout.write(f"{result}\n")
            sys.stdout.flush()
    if args.json:
        json.dump([r.to_dict() for r in results], sys.stdout)
        sys.stdout.write("\n")
    return Status.CLEAN if all(r.confirmed for r in results) else Status.FOUND


def parse_shard(text: str) -> tuple[int, int]:
    """`2/5`. Raises: CallError."""
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise CallError(f"--shard {text!r} is not I/N with I from 1 to N")
    return int(found[1]), int(found[2])
