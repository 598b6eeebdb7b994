"""A signal ends a program as it does without us, and what was found by then is written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
PATIENCE = 240
"""Seconds for one program; each takes well under one."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals of POSIX")

SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGQUIT")
WORDS = {"SIGTERM": "terminated", "SIGINT": "interrupted"}
NOT_WRITTEN = ("SIGQUIT",)
"""What is to end a program whatever it does."""
WAYS = {
    "while it waits": """
        threading.Thread(target=lambda: os.kill(os.getpid(), number), daemon=True).start()
        threading.Event().wait()
    """,
    "while it works": """
        os.kill(os.getpid(), number)
        while True: pass
    """,
    "a child of it": """
        child = os.fork()
        if not child:
            print(signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler))
            sys.stdout.flush()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), -number, flush=True)
        os.kill(os.getpid(), number)
        while True: pass
    """,
}
PROGRAM = """
import os, resource, signal, sys, threading
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
a, b = threading.Lock(), threading.Lock()
turn = [False]
def other():
    while not turn[0]: pass
    with b, a: pass
thread = threading.Thread(target=other)
thread.start()
with a, b: pass
turn[0] = True
thread.join()
number = getattr(signal, sys.argv[1])
print(signal.getsignal(number), flush=True)
if True:
"""


class Both(NamedTuple):
    """One program, started plainly and checked; where the checked one writes."""

    plain: subprocess.Popen[str]
    checked: subprocess.Popen[str]
    folder: Path


def start(*args: str | Path) -> subprocess.Popen[str]:
    """A process of the interpreter at hand."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Both]]:
    """All of them, started together."""
    started = {}
    for way, text in WAYS.items():
        for name in SIGNALS:
            at = tmp_path_factory.mktemp("program")
            script = at / "program.py"
            script.write_text(PROGRAM + text, encoding="utf-8")
            run = start("-m", "lockcheck", "run", "--report", at / "report", script, name)
            started[way, name] = Both(start(script, name), run, at / "report")
    yield started
    for both in started.values():
        for process in (both.plain, both.checked):
            with process:
                process.kill()


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("way", WAYS)
def test_a_signal_ends_it_and_the_report_is_there(
    way: str, name: str, runs: dict[tuple[str, str], Both]
) -> None:
    """The same lines, the same end by that signal, and a whole report with the finding."""
    both = runs[way, name]
    plain = both.plain.communicate(timeout=PATIENCE)[0]
    checked, err = both.checked.communicate(timeout=PATIENCE)

    assert checked == plain, err
    ended = -getattr(signal, name)
    assert both.plain.returncode == ended
    assert both.checked.returncode == ended or (name == "SIGINT" and both.checked.returncode == 130)
    if name in NOT_WRITTEN:
        return
    assert f"lockcheck: 1 finding, {WORDS.get(name, f'ended by {name}')}" in err
    findings = json.loads((both.folder / "findings.json").read_text(encoding="utf-8"))
    assert "circular" in str(findings)
    assert (both.folder / "index.html").is_file()
