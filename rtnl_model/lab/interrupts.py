"""Ctrl-C once is enough: while a run is being wound down, further ones are ignored.

So it is with SIGTERM, until the second one, which ends the process as it always does.
"""

from __future__ import annotations

import signal
import threading

__all__ = ["ignore_interrupts"]


def ignore_interrupts() -> None:
    """From now on SIGINT does nothing; threads are joined and files are written in peace."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
