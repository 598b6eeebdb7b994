"""Join the results of an exploration's shards; a missing one makes it incomplete.

rtnl-model merge shard-*.json
rtnl-model merge --json shard-*.json > whole.json
"""

from __future__ import annotations

import argparse

from lockcheck.documents import SEARCH, DocumentError, read_document
from lockcheck.explore import STATUS_OF, MergeError, merge
from lockcheck.render import heading, legible_line, show, show_json

from ..kernel.documents import Fields
from .status import CallError, Status

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="what explore --json printed")


def run(args: argparse.Namespace) -> int:
    """Merge and show it."""
    try:
        joined = merge([read(path) for path in args.files])
    except MergeError as error:
        raise CallError(f"merge: {error}") from error
    if args.json:
        show_json(joined)
    else:
        show(text_of(joined))
    return STATUS_OF.get(joined["outcome"], Status.INCOMPLETE)


def read(path: str) -> Fields:
    """One result. Raises: CallError."""
    try:
        return read_document(path, SEARCH, "the result of `explore --json`")
    except DocumentError as error:
        raise CallError(f"merge: {error}") from error


def text_of(joined: Fields) -> str:
    """What a person reads."""
    lines = []
    for each in joined["findings"]:
        lines.append(legible_line(heading(each)))
        if each.get("replay"):
            lines.append(f"  replay: rtnl-model replay {each['replay']}")
    lines.append(
        f"{joined['outcome']}; {joined['schedules']} schedules ({joined['strategy']}), "
        f"{joined['orders']} distinct orders, exhausted: {'yes' if joined['exhausted'] else 'no'}"
    )
    lines += [f"  {reason}" for reason in joined.get("reasons", ())]
    return "\n".join(lines) + "\n"
