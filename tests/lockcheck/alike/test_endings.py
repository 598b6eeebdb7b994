"""Whole programs do under `lockcheck run` what they do without it, and are judged rightly."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lockcheck.alike.endings import CHECKED, NEVER_CLEAN, PROGRAMS

ROOT = Path(__file__).parents[3]
PATIENCE = 240
"""Seconds for one program; each takes well under one."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="programs that fork")


class Runs:
    """One program, started both ways."""

    def __init__(self, name: str, folder: Path) -> None:
        script = folder / "program.py"
        script.write_text(PROGRAMS[name], encoding="utf-8")
        self._plain = self._start(script)
        self._checked = self._start("-m", "lockcheck", "run", script)

    def _start(self, *args: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", *map(str, args)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def give_up(self) -> None:
        """End both, and whatever they have started and left."""
        for process in (self._plain, self._checked):
            with process:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.kill()

    def ended(self) -> tuple[tuple[str, int], tuple[str, int], str]:
        """Stdout and status of both; the checked one's stderr."""
        try:
            plain = self._plain.communicate(timeout=PATIENCE)[0]
            checked, err = self._checked.communicate(timeout=PATIENCE)
        finally:
            self.give_up()
        return (plain, self._plain.returncode), (checked, self._checked.returncode), err


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Runs]]:
    """All that this build runs, started together."""
    started = {name: Runs(name, tmp_path_factory.mktemp("program")) for name in PROGRAMS}
    yield started
    for each in started.values():
        each.give_up()


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_program_does_what_it_does_without_us(name: str, runs: dict[str, Runs]) -> None:
    """The same lines and the same end; and the verdict is what the program deserves."""
    (plain, status), (checked, checked_status), err = runs[name].ended()

    assert checked == plain, err
    assert status < 0 or status == 0, "the program itself fails"
    assert checked_status == status or (checked_status == 1 and name in CHECKED), err
    assert re.search(CHECKED.get(name, r"lockcheck: clean"), err), err
    assert not ("lockcheck: clean" in err and name in NEVER_CLEAN), err
