"""Run exactly one schedule again.

  rtnl-model replay 'TOKEN'
  rtnl-model replay finding-1.token --columns

Status 1 when it shows its finding again, 0 when it does not, 4 when it diverged.
"""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from pathlib import Path

from lockcheck.conduct import ThreadRefusedError
from lockcheck.explore import (
    Replayed,
    Token,
    TokenError,
    columns,
    status_of_replay,
    verdict_in_words,
)
from lockcheck.render import show, show_json

from ..lab.explore import replay
from ..lab.model_run import finding
from .status import CallError

__all__ = ["configure", "read_token", "run"]

FILE_BYTES_MAX = 4 << 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("token", metavar="TOKEN|FILE", help="a token, or a file with one")
    parser.add_argument(
        "--driver",
        action="append",
        default=[],
        metavar="FILE",
        help="the driver file that the token names, given again (repeatable)",
    )
    parser.add_argument(
        "--trust", action="store_true", help="run the driver files that the token names"
    )
    parser.add_argument("--columns", action="store_true", help="step by step, a column a thread")


def run(args: argparse.Namespace) -> int:
    """Replay and show it."""
    token = trusted(read_token(args.token), args.driver, trust=args.trust)
    try:
        replayed = replay(token)
    except (TokenError, ThreadRefusedError) as error:
        raise CallError(f"replay: {error}") from error
    if args.json:
        show_json(document(replayed))
    else:
        show(text_of(replayed, in_columns=args.columns))
    return status_of_replay(replayed)


def trusted(token: Token, given: list[str], *, trust: bool) -> Token:
    """The token with the driver files that were given; a token alone runs no file.

    Raises: CallError.
    """
    named = [str(path) for path in token.subject.get("driver_files", ())]
    if given and not named:
        raise CallError(f"replay: --driver {given[0]}: the token names no driver file")
    if given and len(given) != len(named):
        raise CallError(f"replay: the token names {len(named)} driver files: {', '.join(named)}")
    if named and not given and not trust:
        files = " ".join(f"--driver {shlex.quote(path)}" for path in named)
        raise CallError(
            f"replay: the token runs code of {', '.join(named)}; give it again ({files}), "
            "or say --trust"
        )
    if given:
        return replace(token, subject={**token.subject, "driver_files": given})
    return token


def read_token(text: str) -> Token:
    """A token, or the file that holds one. Raises: CallError."""
    try:
        path = Path(text)
        if len(text) < 4096 and path.is_file():
            with path.open("rb") as file:
                text = file.read(FILE_BYTES_MAX).decode()
        return Token.parse(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"  # of an OSError
        raise CallError(f"replay: {text}: {reason}") from error
    except TokenError as error:
        raise CallError(f"replay: {error}") from error


def document(replayed: Replayed) -> dict[str, object]:
    """For --json."""
    return {
        "schema": "rtnl-model/replay/1",
        "verdict": verdict_in_words(replayed.verdict),
        "divergence": replayed.divergence,
        "threads": replayed.threads,
        "ops": [{"thread": thread, "op": op} for thread, op in replayed.ops],
        "findings": [finding(report) for report in replayed.reports],
    }


def text_of(replayed: Replayed, *, in_columns: bool) -> str:
    """The schedule and what it shows."""
    if in_columns:
        text = columns(replayed)
    else:
        names = replayed.threads
        text = "".join(
            f"{step:4}  {names[thread] if 0 <= thread < len(names) else '-'}: {op}\n"
            for step, (thread, op) in enumerate(replayed.ops, 1)
        )
    lines = [f"{verdict_in_words(replayed.verdict)}"]
    if replayed.divergence:
        lines.append(f"diverged: {replayed.divergence}")
    for report in replayed.reports:
        lines.append(f"{report.kind} ({report.severity}): {report.title}")
        lines += [f"    {line}" for line in str(report).splitlines()]
    return text + "\n".join(lines) + "\n"
