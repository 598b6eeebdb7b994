"""Where every thread is: `sys._current_frames()`, without its deadlock; and frames that are ours.

It makes objects under the interpreter's list of threads.  Until CPython 3.13 the collector may
start there, and a `threading.local` that it frees waits for that list: the interpreter then stands
still for good.  So there is no collection meanwhile (`core.collecting`).

The calling thread is left out.  A list that its own frames keep is a cycle, and would keep all that
every thread has in its variables until the next collection.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from collections.abc import Mapping
from types import FrameType

from lockcheck.core.collecting import PAUSED

__all__ = ["current_frames", "frame_of", "leave_out"]

_frames = sys._current_frames  # as imported, before it hides what is ours


def current_frames() -> dict[int, FrameType]:
    """Return the innermost frame of every other thread, by its ident."""
    with PAUSED:
        frames = _frames()
        del frames[get_ident()]
        return frames


def frame_of(ident: int, frames: Mapping[int, FrameType]) -> FrameType | None:
    """Return a thread's innermost frame: one of `frames`, or the caller's own."""
    return sys._getframe(1) if ident == get_ident() else frames.get(ident)


def leave_out(error: BaseException) -> None:
    """Take the calling frame out of a traceback.

    For a function of ours that calls the program's, in its handler of whatever that raises: the
    bare `raise` behind it does not put the frame back.
    """
    trace = error.__traceback__
    if trace is not None:
        error.__traceback__ = trace.tb_next
