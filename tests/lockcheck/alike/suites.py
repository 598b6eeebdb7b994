"""CPython's own suites of threads, with and without lockcheck: by command, for they take minutes.

`python -m tests.lockcheck.alike.suites [SUITE…]` runs each suite of the interpreter at hand twice,
as `python -m unittest` would and under `lockcheck run`, and prints every test whose outcome
differs.  A difference that stands in `REASONS` is expected; any other makes the status 1.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

SUITES = (
    "test_threading", "test_thread", "test_queue", "test_concurrent_futures", "test_logging",
    "test_sched", "test_socketserver", "test_asyncio",
)  # fmt: skip
ROOT = Path(__file__).parents[3]
PATIENCE = 1200
"""Seconds for one suite."""

REASONS: dict[str, str] = {
    r"test_threading\.CRLockTests\.test_signature": "C's RLock cannot say its signature, ours can",
    r"test_threading\..*\.test_(repr|locked_repr)$": "a repr shows a class of ours",
    r"test_queue\..*CSimpleQueueTest": "the C class itself is tested, and ours stands in its place",
}
"""Part of a test's name -> why its outcome may differ."""


class Outcomes(unittest.TestResult):
    """What became of each test, by its id."""

    def __init__(self) -> None:
        super().__init__()
        self.by_id: dict[str, str] = {}

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        self.by_id[test.id()] = "passed"

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


def run_here(suite: str, to: str) -> None:
    """Run one suite in this process, and write what became of its tests."""
    sys.argv[1:] = []
    outcomes = Outcomes()
    found = unittest.defaultTestLoader.loadTestsFromName(f"test.{suite}")
    found.run(outcomes)
    Path(to).write_text(json.dumps(outcomes.by_id), encoding="utf-8")


def outcomes_of(suite: str, *, checked: bool) -> dict[str, str]:
    """Outcomes of a suite, in a process of its own; empty when it did not come to its end."""
    with tempfile.TemporaryDirectory() as folder:
        to = os.path.join(folder, "outcomes.json")
        how = ["-m", "lockcheck", "run", "--no-watchdog", "--quiet"] if checked else []
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", *how, __file__, "--here", suite, to],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            print(f"{suite}: no end within {PATIENCE} s{', checked' if checked else ''}")
        if not os.path.exists(to):
            return {}
        found: dict[str, str] = json.loads(Path(to).read_text(encoding="utf-8"))
        return found


def word(outcome: str | None) -> str:
    """passed, skipped, failed, error: without what it said."""
    return "not run" if outcome is None else outcome.partition(":")[0]


def reason_of(test: str) -> str:
    """Why this test's outcome may differ; empty when it may not."""
    return next((why for name, why in REASONS.items() if re.search(name, test)), "")


def compare(suite: str) -> int:
    """Print how the outcomes of one suite differ; the number of unexplained differences."""
    plain = outcomes_of(suite, checked=False)
    checked = outcomes_of(suite, checked=True)
    differ = [t for t in sorted({*plain, *checked}) if word(plain.get(t)) != word(checked.get(t))]
    if any("_FailedTest" in test for test in plain):
        print(f"{suite}: not in this installation", flush=True)
        return 0
    print(f"{suite}: {len(plain)} tests, {len(differ)} differ", flush=True)
    unexplained = 0
    for test in differ:
        why = reason_of(test)
        unexplained += not why
        print(f"  {test}: {word(plain.get(test))}, checked {checked.get(test, 'not run')[:300]}")
        print(f"    {why or 'UNEXPLAINED'}", flush=True)
    return unexplained or not plain


def main() -> int:
    """Compare the suites that are named, or all."""
    if sys.argv[1:2] == ["--here"]:
        run_here(*sys.argv[2:4])
        return 0
    suites = sys.argv[1:] or SUITES
    return 1 if sum(compare(suite) for suite in suites) else 0


if __name__ == "__main__":
    sys.exit(main())
