"""A program in a sub-interpreter does under `install()` what it does without it there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[3]

RUN = dedent("""
    import sys
    try:
        import _interpreters
        inner = _interpreters.create("legacy")
        failed = _interpreters.exec(inner, sys.argv[1])
    except ImportError:
        import _xxsubinterpreters as _interpreters
        inner = _interpreters.create(isolated=False)
        failed = _interpreters.run_string(inner, sys.argv[1])
    _interpreters.destroy(inner)
    print(failed)
""")
PROGRAM = dedent("""
    import queue, signal, threading
    a, b, r, items = threading.Lock(), threading.Lock(), threading.RLock(), queue.Queue()
    def other():
        with b, a: items.put(1)
    with a, b, r, r: pass
    thread = threading.Thread(target=other)
    thread.start()
    print(items.get(), type(a).__name__, threading.active_count(), a.acquire(timeout=30))
    a.release()
    thread.join()
    try:
        signal.signal(signal.SIGUSR1, lambda *_: None)
    except ValueError as error:
        print(error)
    print(signal.getsignal(signal.SIGUSR1))
""")
CHECKED = (
    "import lockcheck\nchk = lockcheck.Checker()\nlockcheck.install(chk)\n"
    + PROGRAM
    + "print('found', [report.kind for report in chk.reports])\nlockcheck.uninstall()\n"
)


def printed(program: str) -> list[str]:
    """What the program prints in a sub-interpreter of a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN, program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="signals of POSIX")
def test_install_in_a_sub_interpreter() -> None:
    """The same lines but for what was found; nobody may set a signal handler there."""
    plain, checked = printed(PROGRAM), printed(CHECKED)

    assert [line for line in checked if not line.startswith("found ")] == plain
    assert "found ['circular']" in checked
