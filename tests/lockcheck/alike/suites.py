"""CPython's own suites of threads, with and without lockcheck: by command, for they take minutes.

`python -m tests.lockcheck.alike.suites [SUITE…]` runs each suite of the interpreter at hand twice,
as `python -m unittest` would and under `lockcheck run`, and prints every test whose outcome
differs.  A difference that stands in `REASONS` is expected.  Any other is looked at again, twice,
by these tests alone: one that comes again makes the status 1, one that does not is printed, too,
for these suites have tests that fail on a busy machine.

A test without an end is ended with its process, and what comes after it runs in a new one: it is
compared like any other outcome, and listed even where it has no end without us, too.  What could
not be run is listed as cut, and makes the status 1.

`CPYTHON_TESTS=FOLDER` is where suites are found that the installation lacks; `PATIENCE=SECONDS`
how long one test may take.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

import test

SUITES = (
    "test_threading", "test_thread", "test_queue", "test_concurrent_futures", "test_logging",
    "test_sched", "test_socketserver", "test_asyncio",
)  # fmt: skip
ROOT = Path(__file__).parents[3]
PATIENCE = int(os.environ.get("PATIENCE", "300"))
"""Seconds for one test."""
NO_END = "no end"
WHOLE = "that was all"
"""Written after the last test."""
Raised: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
)
LOOKS = 2
"""How often tests are run again whose outcome differs."""

if "CPYTHON_TESTS" in os.environ:  # here, for the processes that a suite spawns import this file
    test.__path__.append(os.environ["CPYTHON_TESTS"])

REASONS: dict[str, str] = {}
"""Part of a test's name -> why its outcome may differ."""
if sys.version_info[:3] == (3, 13, 0):
    REASONS[r"ExecutorDeadlockTest\.test_shutdown_deadlock_pickle"] = (
        "3.13.0 itself can deadlock there, joining its feeder thread under a lock that this one "
        "wants (gh-125451): lockcheck reports it, and its timing makes it happen"
    )


class Outcomes(unittest.TestResult):
    """What became of each test, by its id; written down at once, for a suite may hang."""

    def __init__(self, to: str) -> None:
        super().__init__()
        self._to = Path(to)
        self.by_id: dict[str, str] = {}

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.note(test.id(), NO_END)
        self.by_id[test.id()] = "passed"

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        self.note(test.id(), self.by_id[test.id()])

    def note(self, name: str, outcome: str) -> None:
        """Write down what became of a test."""
        with self._to.open("a", encoding="utf-8") as file:
            file.write(json.dumps([name, outcome]) + "\n")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self.by_id[test.id()] = "skipped"

    def addError(self, test: unittest.TestCase, err: Raised) -> None:
        super().addError(test, err)
        self.by_id[test.id()] = f"error: {err[0] and err[0].__name__}: {err[1]}"

    def addFailure(self, test: unittest.TestCase, err: Raised) -> None:
        super().addFailure(test, err)
        self.by_id[test.id()] = f"failed: {err[1]}"

    def addSubTest(
        self, test: unittest.TestCase, subtest: unittest.TestCase, err: Raised | None
    ) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.by_id[test.id()] = f"failed: {err[1]}"

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self.by_id[test.id()] = "unexpected success"


def run_here(to: str, names: list[str]) -> None:
    """Run suites or tests in this process, but those run already; write what became of them."""
    sys.argv[1:] = []
    outcomes = Outcomes(to)
    before = written(Path(to)).of
    try:
        found = unittest.defaultTestLoader.loadTestsFromNames(names)
    except unittest.SkipTest:  # another platform's
        outcomes.note(", ".join(names), "skipped")
        found = unittest.TestSuite()
    unittest.TestSuite(test for test in tests_of(found) if test.id() not in before).run(outcomes)
    for name, outcome in outcomes.by_id.items():  # of what is no test, too: a class's set-up
        outcomes.note(name, outcome)
    outcomes.note(WHOLE, WHOLE)


def tests_of(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """The tests of a suite, in their order."""
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from tests_of(each)
        else:
            yield each


@dataclass
class Written:
    """What became of tests, by their ids; and whether all of them were run."""

    of: dict[str, str] = field(default_factory=dict)
    whole: bool = False


def written(to: Path) -> Written:
    """What is written there so far."""
    if not to.exists():
        return Written()
    text = to.read_text(encoding="utf-8")
    of = dict(map(json.loads, text[: text.rfind("\n") + 1].splitlines()))
    whole = of.pop(WHOLE, "") == WHOLE
    return Written(of, whole)


def outcomes_of(names: list[str], *, checked: bool) -> Written:
    """Outcomes of tests, in as many processes as it takes to come to the last."""
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "outcomes.json"
        while True:
            begun = len(written(to).of)
            run_apart(names, to, folder, checked=checked)
            now = written(to)
            if now.whole or len(now.of) == begun:
                return now


def run_apart(names: list[str], to: Path, folder: str, *, checked: bool) -> None:
    """Run the tests that are not written down yet, until all are, or one has no end."""
    how = ["-m", "lockcheck", "run", "--no-watchdog", "--quiet"] if checked else []
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", *how, __file__, "--here", str(to), *names],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    size, since = 0, time.monotonic()
    try:
        while time.monotonic() < since + PATIENCE:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
                return
            if to.exists() and to.stat().st_size != size:
                size, since = to.stat().st_size, time.monotonic()
        print(f"{names[0]}: nothing ended in {PATIENCE} s{', checked' if checked else ''}")
    finally:
        end_all(process)


def end_all(process: subprocess.Popen[bytes]) -> None:
    """End a process, and whatever it has started and left."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def word(outcome: str | None) -> str:
    """passed, skipped, failed, error: without what it said."""
    return "not run" if outcome is None else outcome.partition(":")[0]


def reason_of(test: str) -> str:
    """Why this test's outcome may differ; empty when it may not."""
    return next((why for name, why in REASONS.items() if re.search(name, test)), "")


def differing(plain: Written, checked: Written) -> list[str]:
    """Tests with another outcome."""
    tests = {*plain.of, *checked.of}
    return [t for t in sorted(tests) if word(plain.of.get(t)) != word(checked.of.get(t))]


def come_again(suite: str, differ: list[str]) -> list[str]:
    """Those of these tests that differ each time."""
    for _ in range(LOOKS):
        if not differ:
            break
        alone = all(name.startswith("test.") for name in differ)  # else: one's whole class, or more
        names = differ if alone else [f"test.{suite}"]
        plain = outcomes_of(names, checked=False)
        again = differing(plain, outcomes_of(names, checked=True))
        differ = [test for test in differ if test in again]
    return differ


def modules_of(suite: str) -> list[str]:
    """The suite, or the modules of one that is a package: a hang stops no more than one."""
    try:
        package = importlib.import_module(f"test.{suite}")
    except (ImportError, unittest.SkipTest):
        return [suite]
    paths = getattr(package, "__path__", None)  # of a package only
    found = [each.name for each in pkgutil.iter_modules(paths)] if paths else []
    return [f"{suite}.{name}" for name in sorted(found) if name.startswith("test_")] or [suite]


def compare(suite: str) -> int:
    """Print how the outcomes of one suite differ; the number of unexplained differences."""
    plain = outcomes_of([f"test.{suite}"], checked=False)
    checked = outcomes_of([f"test.{suite}"], checked=True)
    if any("_FailedTest" in test for test in plain.of):
        print(f"{suite}: not in this installation", flush=True)
        return 0
    differ = differing(plain, checked)
    cuts = [how for how, ran in (("without", plain), ("with", checked)) if not ran.whole]
    print(
        f"{suite}: {len(plain.of)} tests, {len(differ)} differ"
        + (f"; CUT {' and '.join(cuts)} lockcheck: the rest was not run" if cuts else ""),
        flush=True,
    )
    for name, outcome in plain.of.items():
        if outcome == NO_END == checked.of.get(name):
            print(f"  {name}: no end, with and without lockcheck", flush=True)
    lasting = come_again(suite, [name for name in differ if not reason_of(name)])
    for name in differ:
        why = reason_of(name) or f"not when run again, {LOOKS} times"
        said = checked.of.get(name, "not run")[:300]
        print(f"  {name}: {word(plain.of.get(name))}, checked {said}")
        print(f"    {'UNEXPLAINED' if name in lasting else why}", flush=True)
    return len(lasting) + len(cuts)


def main() -> int:
    """Compare the suites that are named, or all."""
    if sys.argv[1:2] == ["--here"]:
        run_here(sys.argv[2], sys.argv[3:])
        return 0
    suites = sys.argv[1:] or SUITES
    return 1 if sum(compare(each) for suite in suites for each in modules_of(suite)) else 0


if __name__ == "__main__":
    sys.exit(main())
