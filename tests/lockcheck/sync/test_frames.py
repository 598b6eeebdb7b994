"""Looking at every thread's frame never stops the interpreter."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

from lockcheck.sync.frames import current_frames

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import gc, sys, threading
from lockcheck.sync.frames import current_frames

class Cycle:
    def __init__(self):
        self.me = self  # dies by the collector only
        self.local = threading.local()

def look(ahead):
    over = threading.Event()
    threads = [threading.Thread(target=over.wait) for _ in range(8)]
    for thread in threads:
        thread.start()  # each with frames that nobody has looked at yet
    gc.set_threshold(100000)
    for _ in range(50):
        Cycle()
    gc.set_threshold(gc.get_count()[0] + ahead)
    frames = current_frames()
    gc.set_threshold(100000)
    over.set()
    for thread in threads:
        thread.join()
    return frames

for ahead in range(10):
    assert threading.get_ident() in look(ahead)
print("over")
"""
"""The collector is due a few objects ahead: on CPython 3.11 at a frame's, under the list."""


def test_a_collection_cannot_start_under_the_list_of_threads() -> None:
    """Garbage with a `threading.local` in it: freed in there, CPython 3.11 waits for itself."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )

    assert done.stdout == "over\n"


def test_the_collector_stays_as_the_program_has_it() -> None:
    """On or off."""
    enabled = gc.isenabled()
    try:
        for switch in (gc.enable, gc.disable):
            switch()
            before = gc.isenabled()
            assert threading.get_ident() in current_frames()
            assert gc.isenabled() is before
    finally:
        (gc.enable if enabled else gc.disable)()
