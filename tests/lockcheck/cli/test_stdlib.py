"""Programs that are right stay what they are: no finding, no other output, no other status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from programs import lockcheck

PROGRAM = Path(__file__).parent / "stdlib_program.py"


def test_the_standard_librarys_threads_are_clean_and_behave_as_ever(tmp_path: Path) -> None:
    """Executors, servers, logging, queues, asyncio's threads: the same with and without us."""
    plain = subprocess.run(
        [sys.executable, str(PROGRAM)], capture_output=True, text=True, timeout=240, check=False
    )
    checked = lockcheck("run", str(PROGRAM), cwd=tmp_path)

    assert (checked.returncode, checked.stdout) == (plain.returncode, plain.stdout)
    assert checked.returncode == 3
    assert "lockcheck: clean" in checked.stderr
