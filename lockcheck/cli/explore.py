"""`lockcheck explore FILE::FUNCTION` and `lockcheck replay TOKEN`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from lockcheck import __version__
from lockcheck.cli.function import FunctionSubject, SubjectError
from lockcheck.cli.searched import prepare, write_search
from lockcheck.cli.verdict import InputError
from lockcheck.explore.result import Limits, Outcome
from lockcheck.explore.session import Session, fresh_seed
from lockcheck.explore.shard import MergeError, merge, parse_shard
from lockcheck.explore.strategies import DEFAULT_SCHEDULES, OptionError, make_strategy
from lockcheck.explore.telling import (
    STATUS_OF,
    Progress,
    columns,
    in_a_word,
    status_of_replay,
    summary,
    verdict_in_words,
)
from lockcheck.explore.token import LONGEST, Token, TokenError
from lockcheck.patch.data import DataOptions
from lockcheck.render import sarif

__all__ = ["explore", "join", "read_token", "replay", "store_long_tokens"]


def explore(options: argparse.Namespace) -> int:
    """Explore a function; the status is the contract's."""
    try:
        shard = parse_shard(getattr(options, "shard", None) or "1/1")
        seed = options.seed if options.seed is not None else fresh_seed(shard)
        strategy = make_strategy(
            options.strategy, seed, preemptions=options.preemptions, shard=shard
        )
        subject = FunctionSubject.parse(options.function, DataOptions.of_words(options))
        prepare(options.report)
    except (OptionError, SubjectError, ValueError) as error:
        raise InputError(str(error)) from error
    limits = _limits(options, sampling=not strategy.exhaustive)
    try:
        with subject:
            if not options.json and options.format in (None, "text"):
                print(f"seed {seed}", file=sys.stderr)
            with Session(subject, limits=limits, fail_on=options.fail_on) as session:
                progress = Progress(total=limits.schedules)
                session.on_progress = progress
                result = session.explore(strategy, shard=shard)
                progress.clear()
            store_long_tokens(result, Path(options.report or "."))
            written = write_search(options.report, subject, result) if options.report else None
    except SubjectError as error:
        raise InputError(str(error)) from error
    form = options.format or ("json" if options.json else "text")
    word, cause = in_a_word(result)
    if form == "json":
        said = {"verdict": word, "cause": cause, "granularity": subject.data.in_words()}
        print(json.dumps({**result.to_dict(), **said}))
    elif form == "sarif":
        findings = [finding.to_dict() for finding in result.findings]
        print(sarif.render(findings, tool="lockcheck", version=__version__))
    else:
        print(summary(subject.title, result, "lockcheck replay"), end="")
        print(f"  {subject.data.in_words()}")
        print(f"{word}: {cause}")
        if written is not None:
            print(f"report: {written / 'index.html'}")
    return 130 if result.interrupted else STATUS_OF[result.outcome]


def _limits(options: argparse.Namespace, *, sampling: bool) -> Limits:
    schedules = options.schedules
    if schedules is None and options.seconds is None and sampling:
        schedules = DEFAULT_SCHEDULES
    for name in ("schedules", "seconds", "hang_after"):
        value = getattr(options, name, None)
        if value is not None and value <= 0:
            raise InputError(f"--{name.replace('_', '-')}: more than 0")
    hang_after = getattr(options, "hang_after", None) or Limits.hang_after
    return Limits(schedules=schedules, seconds=options.seconds, hang_after=hang_after)


def store_long_tokens(result: Outcome, folder: Path) -> None:
    """Write tokens of more than `LONGEST` characters to files, named by their content."""
    for finding in result.findings:
        if finding.token is None or len(str(finding.token)) <= LONGEST:
            continue
        text = finding.token.to_file()
        path = folder / f"schedule-{zlib.crc32(text.encode()):08x}.json"
        part = path.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
        finding.where = str(path)


def read_token(text: str) -> Token:
    """Read a token, or the file of one.  Raises: InputError."""
    try:
        if os.path.isfile(text):
            text = Path(text).read_text(encoding="utf-8")
        return Token.parse(text)
    except (TokenError, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{error}") from error


def replay(options: argparse.Namespace) -> int:
    """Run exactly one schedule of a function again."""
    token = read_token(options.token)
    try:
        with FunctionSubject.of_token(token.subject) as subject:
            with Session(subject) as session:
                got = session.replay(token)
    except (SubjectError, KeyError) as error:
        raise InputError(str(error)) from error
    if options.json:
        findings = [report.to_dict() for report in got.reports]
        document = {
            "schema": "lockcheck/replay/1",
            "diverged": got.divergence,
            "ended": verdict_in_words(got.verdict),
            "findings": findings,
            "steps": [told for _thread, told in got.ops],
        }
        print(json.dumps(document))
        return status_of_replay(got)
    if options.columns:
        print(columns(got), end="")
    print(f"{subject.title}: {got.divergence or verdict_in_words(got.verdict)}")
    for report in got.reports:
        print(f"{report.kind} ({report.severity}): {report.title}")
        for line in report.detail.splitlines():
            print(f"  {line}")
    return status_of_replay(got)


def join(paths: list[str], load: Callable[[str], object]) -> dict[str, object]:
    """Merge result documents from files.  Raises: InputError."""
    documents = []
    for path in paths:
        document = load(path)
        if not isinstance(document, dict):
            raise InputError(f"{path}: not the result of `explore --json`")
        documents.append(document)
    try:
        return merge(documents)
    except (MergeError, KeyError, TypeError) as error:
        raise InputError(str(error)) from error
