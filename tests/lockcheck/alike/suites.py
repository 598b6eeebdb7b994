"""CPython's own suites of threads, with and without lockcheck: by command, for they take minutes.

`python -m tests.lockcheck.alike.suites [SUITE…]` runs each suite of the interpreter at hand twice,
as `python -m unittest` would and under `lockcheck run`, and prints every test whose outcome
differs.  A difference that stands in `REASONS` is expected.  Any other is looked at again, twice,
by these tests alone: one that comes again makes the status 1, one that does not is printed, too,
for these suites have tests that fail on a busy machine.

`CPYTHON_TESTS=FOLDER` is where suites are found that the installation lacks; `PATIENCE=SECONDS`
how long one may take.
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
import unittest
from pathlib import Path
from typing import Any

import test

SUITES = (
    "test_threading", "test_thread", "test_queue", "test_concurrent_futures", "test_logging",
    "test_sched", "test_socketserver", "test_asyncio",
)  # fmt: skip
ROOT = Path(__file__).parents[3]
PATIENCE = int(os.environ.get("PATIENCE", "900"))
"""Seconds for one module."""
NO_END = "no end"
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

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        self.note(test.id(), NO_END)
        self.by_id[test.id()] = "passed"

    def stopTest(self, test: Any) -> None:
        super().stopTest(test)
        self.note(test.id(), self.by_id[test.id()])

    def note(self, name: str, outcome: str) -> None:
        """Write down what became of a test."""
        with self._to.open("a", encoding="utf-8") as file:
            file.write(json.dumps([name, outcome]) + "\n")

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        self.by_id[test.id()] = "skipped"

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self.by_id[test.id()] = f"error: {err[0].__name__}: {err[1]}"

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self.by_id[test.id()] = f"failed: {err[1]}"

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.by_id[test.id()] = f"failed: {err[1]}"

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self.by_id[test.id()] = "unexpected success"


def run_here(to: str, names: list[str]) -> None:
    """Run suites or tests in this process, and write what became of them."""
    sys.argv[1:] = []
    outcomes = Outcomes(to)
    found = unittest.defaultTestLoader.loadTestsFromNames(names)
    found.run(outcomes)
    for name, outcome in outcomes.by_id.items():  # of what is no test, too: a class's set-up
        outcomes.note(name, outcome)


def outcomes_of(names: list[str], *, checked: bool) -> dict[str, str]:
    """Outcomes of tests, in a process of their own, as far as it came."""
    with tempfile.TemporaryDirectory() as folder:
        to = os.path.join(folder, "outcomes.json")
        how = ["-m", "lockcheck", "run", "--no-watchdog", "--quiet"] if checked else []
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", *how, __file__, "--here", to, *names],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            print(f"{names[0]}: no end within {PATIENCE} s{', checked' if checked else ''}")
        finally:
            end_all(process)
        if not os.path.exists(to):
            return {}
        return dict(map(json.loads, Path(to).read_text(encoding="utf-8").splitlines()))


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


def differing(plain: dict[str, str], checked: dict[str, str]) -> list[str]:
    """Tests with another outcome."""
    hung = NO_END in plain.values() or NO_END in checked.values()
    tests = {*plain} & {*checked} if hung else {*plain, *checked}
    return [t for t in sorted(tests) if word(plain.get(t)) != word(checked.get(t))]


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
    except ImportError:
        return [suite]
    paths = getattr(package, "__path__", None)  # of a package only
    found = [each.name for each in pkgutil.iter_modules(paths)] if paths else []
    return [f"{suite}.{name}" for name in sorted(found) if name.startswith("test_")] or [suite]


def compare(suite: str) -> int:
    """Print how the outcomes of one suite differ; the number of unexplained differences."""
    plain = outcomes_of([f"test.{suite}"], checked=False)
    checked = outcomes_of([f"test.{suite}"], checked=True)
    differ = differing(plain, checked)
    if any("_FailedTest" in test for test in plain):
        print(f"{suite}: not in this installation", flush=True)
        return 0
    print(f"{suite}: {len(plain)} tests, {len(differ)} differ", flush=True)
    lasting = come_again(suite, [name for name in differ if not reason_of(name)])
    for name in differ:
        why = reason_of(name) or f"not when run again, {LOOKS} times"
        print(f"  {name}: {word(plain.get(name))}, checked {checked.get(name, 'not run')[:300]}")
        print(f"    {'UNEXPLAINED' if name in lasting else why}", flush=True)
    return len(lasting) or not plain


def main() -> int:
    """Compare the suites that are named, or all."""
    if sys.argv[1:2] == ["--here"]:
        run_here(sys.argv[2], sys.argv[3:])
        return 0
    suites = sys.argv[1:] or SUITES
    return 1 if sum(compare(each) for suite in suites for each in modules_of(suite)) else 0


if __name__ == "__main__":
    sys.exit(main())
