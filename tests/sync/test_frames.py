"""Looking at every thread's frame never stops the interpreter."""

from __future__ import annotations

import gc
import threading

import pytest

from lockcheck.sync.frames import current_frames


@pytest.mark.timeout(60)
def test_a_collection_cannot_start_under_the_list_of_threads() -> None:
    """Garbage with a `threading.local` in it: freed in there, CPython 3.11 waits for itself."""
    was = gc.get_threshold()
    enabled = gc.isenabled()
    gc.enable()
    gc.set_threshold(1)
    try:
        for _ in range(2000):
            local = threading.local()
            local.cycle = [local]  # dies by the collector only
            del local
            assert threading.get_ident() in current_frames()
        assert gc.isenabled()
        gc.disable()
        current_frames()
        assert not gc.isenabled()
    finally:
        gc.set_threshold(*was)
        (gc.enable if enabled else gc.disable)()
