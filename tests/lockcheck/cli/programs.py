"""Small programs, run in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

ABBA = """
import threading
a, b = threading.Lock(), threading.Lock()
def one():
    with a:
        with b: pass
def two():
    with b:
        with a: pass
first = [threading.Thread(target=f) for f in (one, two)]
gate = threading.Lock()
for t in first:
    t.start()
    t.join()
"""
"""Taken in both orders, one after the other: joined in between, so `class-only`."""

UNORDERED = """
import threading
a, b = threading.Lock(), threading.Lock()
done = [False]
def one():
    with a:
        with b: pass
    done[0] = True
def two():
    while not done[0]: pass
    with b:
        with a: pass
threads = [threading.Thread(target=f, name=f.__name__) for f in (one, two)]
for t in threads: t.start()
for t in threads: t.join()
"""
"""Both orders in two threads that nothing orders, but for a flag that no checker sees."""

DEADLOCK = """
import threading
a, b = threading.Lock(), threading.Lock()
both = threading.Barrier(2)
def body(x, y):
    with x:
        both.wait()
        with y: pass
threads = [threading.Thread(target=body, args=args) for args in ((a, b), (b, a))]
for t in threads: t.start()
for t in threads: t.join()
"""
"""Really stuck."""


def lockcheck(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m lockcheck ARGS…` in `cwd`."""
    return ended(begin(*args, cwd=cwd))


def begin(*args: str, cwd: Path) -> subprocess.Popen[str]:
    """Start it, and do not wait."""
    return subprocess.Popen(
        [sys.executable, "-m", "lockcheck", *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(started: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for it."""
    with started:
        try:
            stdout, stderr = started.communicate(timeout=240)
        except BaseException:
            started.kill()
            raise
    return subprocess.CompletedProcess(started.args, started.returncode, stdout, stderr)
