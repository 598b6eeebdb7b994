"""Rewritten code does what it did: same output, same exceptions, same tracebacks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lockcheck.data.run_snippets import snippets

ROOT = Path(__file__).parents[3]


def _outcomes(*words: str) -> dict[str, str]:
    command = [sys.executable, "-m", "tests.lockcheck.data.run_snippets", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("mode", ["rewritten", "watched"])
def test_every_snippet_does_what_it_does_plain(mode: str) -> None:
    """Output, exceptions, tracebacks and line numbers of all snippets are the plain ones."""
    plain = _outcomes("plain")
    found = _outcomes(mode)

    assert len(plain) >= 150
    assert plain.keys() == found.keys() == snippets().keys()
    assert {name: found[name] for name in plain if found[name] != plain[name]} == {}


def test_a_coverage_tool_sees_the_same_lines() -> None:
    """The lines that run, and those that could, are the plain ones: none hidden, none invented."""
    plain = _outcomes("plain", "--lines")
    found = _outcomes("rewritten", "--lines")

    assert {name: found[name] for name in plain if found[name] != plain[name]} == {}
    assert sum("ran []" not in each for each in plain.values()) >= 150
