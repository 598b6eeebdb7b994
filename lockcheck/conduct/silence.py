"""How long the running thread of a controlled run has been without a point.

A thread that sleeps outside every checked primitive is silent for as long as the clock says.  One
that is ready to run is silent for as long as it was given a processor: on a loaded machine a thread
may have to wait for one longer than any limit, and that is no hang.

Left out: systems without `/proc/self/task`; there the clock alone counts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

__all__ = ["Silence"]

_READY: Final = "R"
_TICK: Final = 1.0 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01
"""Seconds of a processor's time in the unit that the system counts in."""


@dataclass
class Silence:
    """Seconds of silence, added up look by look; by the controller only."""

    seconds: float = 0.0
    _thread: int = 0
    _used: float = 0.0
    """Processor time that the thread had at the last look."""

    def broken(self) -> None:
        """There was a point since the last look."""
        self.seconds = 0.0
        self._thread = 0

    def add(self, thread: int, passed: float) -> None:
        """`passed` seconds went by without a point of the thread with the system's id `thread`."""
        seen = _look(thread)
        if seen is None:
            self.seconds += passed
            return
        ready, used = seen
        if not ready:
            self.seconds += passed
        elif self._thread == thread:
            self.seconds += min(passed, max(0.0, used - self._used))
        self._thread, self._used = thread, used


def _look(thread: int) -> tuple[bool, float] | None:
    """Is the thread ready to run, and how much processor time has it had; None: nobody knows."""
    try:
        with open(f"/proc/self/task/{thread}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return fields[0] == _READY, (int(fields[11]) + int(fields[12])) * _TICK
    except (OSError, ValueError, IndexError):
        return None
