"""A fork warns of threads where it does without us, once each time; a hang after it is found.

From Python 3.12 on `os.fork` counts the process's threads, ours included, and warns of them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[3]
PATIENCE = 240
"""Seconds for one program; each takes under two."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="programs that fork")

HEAD = """
import multiprocessing, os, pty, subprocess, sys, threading
context = multiprocessing.get_context("fork")
def forked(fork=os.fork):
    child = fork()
    child = child if isinstance(child, int) else child[0]
    if child == 0:
        os._exit(3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
def waited():
    sys.stdout.write(f"{threading.Event().wait(0.2)}\\n")  # at once: threads do it together
"""
BESIDE = "beside a thread"
PROGRAMS = {
    "alone": """
        forked()
    """,
    "alone, after waits": """
        for _ in range(3):
            waited()
            forked()
    """,
    "alone, in hooks that wait": """
        os.register_at_fork(before=waited)
        forked()
    """,
    "in a signal handler, while it waits": """
        import signal
        event = threading.Event()
        def handler(*_):
            forked()
            event.set()
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        print(event.wait(30))
        forked()
    """,
    "when its threads have ended": """
        threads = [threading.Thread(target=waited) for _ in range(3)]
        for thread in threads: thread.start()
        for thread in threads:
            thread.join()
            while os.path.exists(f"/proc/self/task/{thread.native_id}"): pass
        forked()
    """,
    BESIDE: """
        go = threading.Event()
        thread = threading.Thread(target=go.wait)
        thread.start()
        waited()
        for _ in range(2):
            forked()
        go.set()
        thread.join()
    """,
    "by multiprocessing": """
        waited()
        process = context.Process(target=print, args=("the child", threading.active_count()))
        process.start()
        process.join()
        print(process.exitcode)
        with context.Pool(2) as pool:
            print(pool.map(abs, [-1, -2]))
    """,
    "on a terminal": """
        waited()
        try:
            os.close(os.openpty()[0])
        except OSError:
            print("there are none")
        else:
            forked(pty.fork)
            forked(os.forkpty)
    """,
    "by subprocess": """
        waited()
        print(subprocess.run([sys.executable, "-c", ""], preexec_fn=int).returncode)
    """,
}
HANGS = {
    "when it is alone": """
        waited()
        forked()
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()
    """,
    "who waited before the fork, when the one that forked has ended": """
        never = threading.Event()
        waiter = threading.Thread(target=never.wait)
        waiter.start()
        def forks():
            waited()
            forked()
        threading.Thread(target=forks).start()
        waiter.join()
    """,
}


def start(script: Path, *options: str) -> subprocess.Popen[str]:
    """Python, with these options, on a script."""
    return subprocess.Popen(
        [sys.executable, *options, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


CHECKED = ("-m", "lockcheck", "run", "--quiet")
STRICT = "alone, where a warning is an error"
Runs = dict[str, tuple[subprocess.Popen[str], ...]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """All programs, started together: plainly and checked, the hanging ones checked only."""
    folder = tmp_path_factory.mktemp("programs")

    def script(text: str) -> Path:
        path = folder / f"program{len(list(folder.iterdir()))}.py"
        path.write_text(HEAD + dedent(text), encoding="utf-8")
        return path

    started: Runs = {}
    for name, text in HANGS.items():
        started[name] = (start(script(text), "-W", "ignore", *CHECKED),)
    for name, text in PROGRAMS.items():
        path = script(text)
        started[name] = start(path, "-W", "always"), start(path, "-W", "always", *CHECKED)
    path = script(PROGRAMS["alone, after waits"])
    started[STRICT] = start(path, "-W", "error"), start(path, "-W", "error", *CHECKED)
    yield started
    for processes in started.values():
        for process in processes:
            with process:
                process.kill()


def outcome(process: subprocess.Popen[str]) -> tuple[str, str, int]:
    """Stdout, stderr without process ids, status."""
    out, err = process.communicate(timeout=PATIENCE)
    return out, re.sub(r"pid=\d+", "pid", err), process.returncode


@pytest.mark.parametrize("name", sorted([*PROGRAMS, STRICT]))
def test_a_fork_is_as_without_us(name: str, runs: Runs) -> None:
    """The same lines, the same warnings, as often, and the same status."""
    plain, checked = map(outcome, runs[name])

    assert checked == plain
    assert plain[2] == 0, plain
    warns = sys.version_info >= (3, 12) and name == BESIDE
    assert plain[1].count("is multi-threaded") == (2 if warns else 0)


@pytest.mark.parametrize("name", sorted(HANGS))
def test_a_hang_after_a_fork_is_found_and_ended(name: str, runs: Runs) -> None:
    """The watchdog is back when somebody waits who does not go on."""
    _out, err, status = outcome(*runs[name])

    assert status == 1, err
    assert "MainThread" in err
    assert "waits" in err
