"""Threads of one process that deadlock over multiprocessing's objects are found, and ended.

Each program hangs for ever without us.  Another process could end such a wait, but none knows of
these objects.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[3]
PATIENCE = 240
"""Seconds for one program; each takes about two."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="programs that fork")

HEAD = """
import multiprocessing, threading
context = multiprocessing.get_context("fork")
lock = threading.Lock()
"""
CROSSED = """
turn = threading.Barrier(2)
def nested(first, second):
    with first:
        turn.wait()
        with second: pass
thread = threading.Thread(target=nested, args=(b, a))
thread.start()
nested(a, b)
"""
HANGS = {
    "Lock": "a, b = context.Lock(), context.Lock()" + CROSSED,
    "RLock": "a, b = context.RLock(), lock" + CROSSED,
    "Semaphore": "a, b = context.Semaphore(1), lock" + CROSSED,
    "BoundedSemaphore": "a, b = context.BoundedSemaphore(1), lock" + CROSSED,
    "Condition": """
        condition = context.Condition()
        def notify():
            with lock, condition: condition.notify()
        thread = threading.Thread(target=notify)
        with lock, condition:
            thread.start()
            condition.wait()
    """,
    "Event": """
        event = context.Event()
        def sets():
            with lock: event.set()
        thread = threading.Thread(target=sets)
        with lock:
            thread.start()
            event.wait()
    """,
    "Queue, an item": """
        items = context.Queue()
        def put():
            with lock: items.put(1)
        thread = threading.Thread(target=put)
        with lock:
            thread.start()
            items.get()
    """,
    "Queue, room": """
        items = context.Queue(1)
        def get():
            with lock: items.get()
        thread = threading.Thread(target=get)
        with lock:
            items.put(1)
            thread.start()
            items.put(2)
    """,
}
WAITS = {
    "Condition": "MainThread  waits for a notify of",
    "Event": "MainThread  waits for a notify of",
    "Queue, an item": "MainThread  waits for an item in",
    "Queue, room": "MainThread  waits for room in",
}
"""What the report says of the main thread; where nothing stands here, that there is a cycle."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """All programs, started together."""
    started = {}
    for name, text in HANGS.items():
        script = tmp_path_factory.mktemp("hang") / "program.py"
        script.write_text(HEAD + dedent(text), encoding="utf-8")
        started[name] = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "lockcheck", "run", str(script)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    yield started
    for process in started.values():
        with process:
            process.kill()


@pytest.mark.parametrize("name", sorted(HANGS))
def test_a_deadlock_within_the_process_is_found_and_ended(
    name: str, runs: dict[str, subprocess.Popen[str]]
) -> None:
    """The report says who waits for what, and the program ends with status 1."""
    err = runs[name].communicate(timeout=PATIENCE)[1]

    assert runs[name].returncode == 1, err
    assert "threads are deadlocked" in err
    assert WAITS.get(name, "cycle  ") in err
    assert "lockcheck: clean" not in err
