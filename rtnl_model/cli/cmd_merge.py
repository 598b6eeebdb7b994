"""Join the results of an exploration's shards; a missing one makes it incomplete.

rtnl-model merge shard*.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from lockcheck.explore.shard import MergeError, merge
from lockcheck.explore.telling import STATUS_OF

from .status import CallError, Status

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="what explore --json printed")


def run(args: argparse.Namespace) -> int:
    """Merge and tell."""
    try:
        joined = merge([read(path) for path in args.files])
    except MergeError as error:
        raise CallError(f"merge: {error}") from error
    if args.json:
        json.dump(joined, sys.stdout)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(told(joined))
    return STATUS_OF.get(joined["outcome"], Status.INCOMPLETE)


def read(path: str) -> dict[str, Any]:
    """One result. Raises: CallError."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CallError(f"merge: {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise CallError(f"merge: {path}: not JSON: {error}") from error
    if not isinstance(document, dict) or "shard" not in document or "outcome" not in document:
        raise CallError(f"merge: {path}: not the result of an exploration")
    return document


def told(joined: dict[str, Any]) -> str:
    """What a person reads."""
    lines = [
        f"{f['kind']} ({f['severity']}): {f['title']}\n  replay: rtnl-model replay {f['replay']}"
        for f in joined["findings"]
    ]
    lines.append(
        f"{joined['outcome']}; {joined['schedules']} schedules ({joined['strategy']}), "
        f"{joined['orders']} distinct orders, exhausted: {'yes' if joined['exhausted'] else 'no'}"
    )
    lines += [f"  {reason}" for reason in joined.get("reasons", ())]
    return "\n".join(lines) + "\n"
