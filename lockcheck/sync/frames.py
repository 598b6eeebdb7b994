"""Where every thread is: `sys._current_frames()`, without its deadlock.

It makes objects under the interpreter's list of threads.  Until CPython 3.13 the collector may
start there, and a `threading.local` that it frees waits for that list: the interpreter then stands
still for good.  So there is no collection meanwhile (`core.collecting`).
"""

from __future__ import annotations

import sys
from types import FrameType

from lockcheck.core.collecting import PAUSED

__all__ = ["current_frames"]


def current_frames() -> dict[int, FrameType]:
    """Return the innermost frame of every thread, by its ident."""
    with PAUSED:
        return sys._current_frames()
