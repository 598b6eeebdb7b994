"""No step of the checker's runs a finaliser where plain Python would run none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).parent / "collections_due.py"


def run(*args: str | Path) -> tuple[int, str, str]:
    """Status, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def plain() -> str:
    """What the script prints by itself."""
    status, out, err = run(SCRIPT)
    assert status == 0, err
    assert "taken" not in out, "the script itself is wrong here"
    return out


@pytest.mark.parametrize("options", ["", "--report", "--races"])
def test_no_finaliser_finds_a_lock_taken(options: str, plain: str, tmp_path: Path) -> None:
    """Whatever is done at each operation: in the plain run, with a recorder, and for races."""
    given = [options, tmp_path / "report"] if options == "--report" else options.split()
    _status, out, err = run("-m", "lockcheck", "run", *given, SCRIPT)

    assert out == plain, err
