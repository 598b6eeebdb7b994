"""Hearing of accesses in modules that somebody else loads: for explorations of other subjects.

The modules are compiled with `hook.DataLoader`; from `start` to `stop` their accesses are points of
the schedule that runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck.patch.data.calls import watch_with
from lockcheck.patch.data.points import Points

if TYPE_CHECKING:
    from lockcheck.checker import Checker
    from lockcheck.conduct.controlled import ControlledConductor
    from lockcheck.core.report import Report

__all__ = ["Hearing"]


class Hearing:
    """The data accesses of one exploration."""

    def __init__(self) -> None:
        self._points: Points | None = None

    def start(self, conductor: ControlledConductor, chk: Checker) -> None:
        """A schedule is about to run under `conductor`."""
        if self._points is None:
            self._points = Points(conductor, chk)
        self._points.renew(chk)
        watch_with(self._points)

    def stop(self) -> None:
        """The schedule is over."""
        watch_with(None)

    def lost(self) -> list[Report]:
        """Updates that were lost in the schedule that has just ended."""
        return [] if self._points is None else self._points.updates.lost
