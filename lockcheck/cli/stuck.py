"""Whether a program that we run may be woken by somebody whom the checker does not know.

The watchdog ends a run in which every thread it knows waits for good.  Two things it cannot know:
threads that never used a checked primitive (started below `threading`, or asleep in C), and signal
handlers of the program's, which may set what the main thread waits for.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from lockcheck.core.collecting import PAUSED
from lockcheck.sync.frames import current_frames
from lockcheck.sync.plain import is_machinery

if TYPE_CHECKING:
    from lockcheck.checker import Checker

__all__ = ["strangers", "woken_by_signal"]


def strangers(*checkers: Checker) -> bool:
    """Is there a thread that runs Python code and is neither a checker's nor the machinery's?"""
    known: set[int] = set()
    for chk in checkers:
        with PAUSED, chk._threads_lock:
            known |= {ts.ident for ts in chk.threads.values()}
    return any(not is_machinery(ident) for ident in current_frames().keys() - known)


def woken_by_signal() -> bool:
    """Has the program a signal handler of its own?  The main thread may wait for it."""
    return any(
        callable(handler) and handler is not signal.default_int_handler
        for handler in map(signal.getsignal, signal.valid_signals())
        if not isinstance(handler, signal.Handlers)
    )
