"""Looking at every thread's frame never stops the interpreter."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
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
    assert threading.get_ident() not in look(ahead)
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
        timeout=240,
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
            assert threading.get_ident() not in current_frames()
            assert gc.isenabled() is before
    finally:
        (gc.enable if enabled else gc.disable)()


def test_who_looked_keeps_nothing_of_what_the_others_have() -> None:
    """Their variables go when they do, with no collection: the list is in no cycle."""

    class Kept:
        pass

    inside, over = threading.Event(), threading.Event()
    seen: list[weakref.ref[Kept]] = []

    def body() -> None:
        kept = Kept()
        seen.append(weakref.ref(kept))
        inside.set()
        over.wait(30)

    def look() -> None:
        frames = current_frames()
        assert thread.ident in frames

    enabled = gc.isenabled()
    gc.disable()
    try:
        thread = threading.Thread(target=body)
        thread.start()
        inside.wait(30)
        look()
        over.set()
        thread.join()

        assert seen[0]() is None
    finally:
        (gc.enable if enabled else gc.disable)()
