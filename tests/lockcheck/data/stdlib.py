"""CPython's own tests of the language, with their data accesses announced: a command.

    python -m tests.lockcheck.data.stdlib [--watched] [test_grammar …]

Each module is imported through the hook and run by unittest in a process of its own, once plain and
once rewritten; a test that passes plain and fails rewritten is printed.  With `--watched` somebody
listens to the announcements too.  Status 0: none, 1: some, 2: this Python has no such tests.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import unittest

from lockcheck.patch.data.code import seen, unseen
from lockcheck.patch.data.hook import DataFinder, Reach

MODULES = (
    "test_grammar", "test_scope", "test_generators", "test_dataclasses", "test_functools",
    "test_enum", "test_contextlib",
)  # fmt: skip


def main(argv: list[str]) -> int:
    """Compare the modules named, or all; returns the exit status."""
    watched = "--watched" in argv
    names = [each for each in argv if not each.startswith("-")] or list(MODULES)
    status = 0
    for name in names:
        plain = _outcome(name, "plain")
        if plain is None:
            print(f"{name}: not on this Python")
            status = status or 2
            continue
        mode = "watched" if watched else "rewritten"
        found = _outcome(name, mode)
        new = sorted(set((found or {"bad": ["it crashed"]})["bad"]) - set(plain["bad"]))
        ran = found["ran"] if found else 0
        print(f"{name}: {plain['ran']} tests plain, {ran} {mode}, {len(new)} differ")
        for each in new:
            print(f"    {each}")
        if new or ran != plain["ran"]:
            status = 1
    return status


def _outcome(name: str, mode: str) -> dict[str, list[str]] | None:
    command = [sys.executable, "-m", __spec__.name, "--child", mode, name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    for line in done.stdout.splitlines():
        if line.startswith('{"ran"'):
            found: dict[str, list[str]] = json.loads(line)
            return found
    if "No module named" not in done.stderr:
        print(done.stderr[-3000:], file=sys.stderr)
    return None


def _child(mode: str, name: str) -> None:
    full = f"test.{name}"
    if mode != "plain":
        DataFinder(Reach(packages=[full])).install()
    if mode == "watched":
        from lockcheck.patch.data.calls import watch_with
        from tests.lockcheck.data.listener import Listener

        watch_with(Listener())
    module = importlib.import_module(full)
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = unittest.TestResult()
    suite.run(result)
    bad = [test.id() for test, _ in (*result.failures, *result.errors)]
    if mode != "plain":
        files = [file for file in seen if name in file]
        assert files, seen
        assert not unseen
        for _test, text in (*result.failures, *result.errors):
            print(text, file=sys.stderr)
    print(json.dumps({"ran": result.testsRun, "bad": bad}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], sys.argv[3])
    else:
        sys.exit(main(sys.argv[1:]))
