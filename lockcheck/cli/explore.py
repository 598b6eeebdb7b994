"""`lockcheck explore FILE::FUNCTION` and `lockcheck replay TOKEN`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lockcheck import __version__
from lockcheck.cli.baseline import InputError
from lockcheck.cli.function import FunctionSubject, SubjectError
from lockcheck.cli.searched import prepare, write_search
from lockcheck.conduct.pool import ThreadRefusedError
from lockcheck.explore.crew import available_jobs, run_search
from lockcheck.explore.in_words import (
    STATUS_OF,
    Progress,
    columns,
    in_a_word,
    status_of_replay,
    summary,
    verdict_in_words,
)
from lockcheck.explore.result import CHECK_EVERY, Limits, Outcome
from lockcheck.explore.session import Session, fresh_seed
from lockcheck.explore.shard import MergeError, merge, parse_shard
from lockcheck.explore.strategies import DEFAULT_SCHEDULES, OptionError, make_strategy
from lockcheck.explore.strategy import Strategy
from lockcheck.explore.token import LONGEST, Token, TokenError
from lockcheck.patch.data import DataOptions
from lockcheck.render import heading, sarif
from lockcheck.render.screen import show, show_document
from lockcheck.sync.interrupts import termination_as_interrupt

__all__ = ["explore", "join", "read_token", "replay", "store_long_tokens"]


def explore(options: argparse.Namespace) -> int:
    """Explore a function; the status is the contract's."""
    try:
        shard = parse_shard(options.shard or "1/1")
        seed = options.seed if options.seed is not None else fresh_seed(shard)
        data = DataOptions.of_words(options)
        first = FunctionSubject.parse(options.function, data)

        def strategy() -> Strategy:
            return make_strategy(
                options.strategy, seed, preemptions=options.preemptions, shard=shard
            )

        limits = _limits(options, sampling=not strategy().exhaustive)
        prepare(options.report)
    except (OptionError, SubjectError, ValueError) as error:
        raise InputError(str(error)) from error

    jobs = options.jobs or available_jobs()
    speaks = not options.json and options.format in (None, "text")

    @contextmanager
    def opened(place: int | None) -> Iterator[Session]:
        with FunctionSubject.parse(options.function, data) as subject:
            if speaks and (jobs == 1 or place == shard[0] * jobs):
                print(f"seed {seed}", file=sys.stderr, flush=True)
            with Session(subject, limits=limits, fail_on=options.fail_on, place=place) as session:
                yield session

    progress = Progress(total=limits.schedules)
    try:
        with stdout_kept(), termination_as_interrupt():
            result = run_search(
                opened, strategy, limits, shard=shard, jobs=jobs, on_progress=progress
            )
            store_long_tokens(result, Path(options.report or "."))
            written = None
            if options.report:
                with FunctionSubject.parse(options.function, data) as subject:
                    written = write_search(options.report, subject, result)
    except (SubjectError, ThreadRefusedError) as error:
        raise InputError(str(error)) from error
    finally:
        progress.clear()
    form = options.format or ("json" if options.json else "text")
    word, cause = in_a_word(result)
    if form == "json":
        said = {"verdict": word, "cause": cause, "granularity": data.in_words()}
        print(json.dumps({**result.to_dict(), **said}))
    elif form == "sarif":
        findings = [finding.to_dict() for finding in result.findings]
        show_document(sarif.render(findings, tool="lockcheck", version=__version__) + "\n")
    else:
        show(summary(first.title, result, "lockcheck replay TOKEN --trust"))
        show(f"  {data.in_words()}\n{word}: {cause}\n")
        if written is not None:
            show(f"report: {written / 'index.html'}\n")
    return 130 if result.interrupted else STATUS_OF[result.outcome]


@contextmanager
def stdout_kept() -> Iterator[None]:
    """What a program writes past `sys.stdout` goes to stderr: stdout is the result's."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # closed
        yield
        return
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _limits(options: argparse.Namespace, *, sampling: bool) -> Limits:
    schedules = options.schedules
    if schedules is None and options.seconds is None and sampling:
        schedules = DEFAULT_SCHEDULES
    for name in ("schedules", "seconds", "hang_after", "jobs"):
        value = getattr(options, name)  # an option's own name
        if value is not None and not value > 0:
            raise InputError(f"--{name.replace('_', '-')} must be more than 0")
    if options.early_timers < 0:
        raise InputError("--early-timers must be 0 or more")
    return Limits(
        schedules=schedules,
        seconds=options.seconds,
        hang_after=options.hang_after or Limits.hang_after,
        early_timers=options.early_timers,
        check_every=CHECK_EVERY if options.check_determinism else 0,
    )


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
    token = trusted(read_token(options.token), options.function, trust=options.trust)
    try:
        with stdout_kept(), FunctionSubject.of_token(token.subject) as subject:
            with Session(subject) as session:
                got = session.replay(token)
    except (SubjectError, KeyError, ThreadRefusedError) as error:
        raise InputError(str(error)) from error
    if options.json:
        findings = [report.to_dict() for report in got.reports]
        document = {
            "schema": "lockcheck/replay/1",
            "diverged": got.divergence,
            "ended": verdict_in_words(got.verdict),
            "findings": findings,
            "steps": [words for _thread, words in got.ops],
            "output": got.output,
        }
        print(json.dumps(document))
        return status_of_replay(got)
    if options.columns:
        show(columns(got))
    if got.output:
        show_document(got.output if got.output.endswith("\n") else f"{got.output}\n")
    show(f"{subject.title}: {got.divergence or verdict_in_words(got.verdict)}\n")
    for report in got.reports:
        show(f"{heading(report.to_dict())}\n")
        for line in report.detail.splitlines():
            show(f"  {line}\n")
    return status_of_replay(got)


def trusted(token: Token, given: str | None, *, trust: bool) -> Token:
    """The token of the file that was given; a token alone runs nobody's code.

    Raises: InputError.
    """
    file, function = token.subject.get("file"), token.subject.get("function")
    if given is None:
        if not trust and token.subject.get("kind") == "function":
            raise InputError(
                f"replay: the token runs {function}() of {file}; give the file again "
                f"(lockcheck replay TOKEN {file}), or say --trust"
            )
        return token
    path, separator, name = given.rpartition("::")
    if not separator:
        path, name = given, str(function)
    if name != function:
        raise InputError(f"replay: the token is of {function}(), not of {name}()")
    return replace(token, subject={**token.subject, "file": path})


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
