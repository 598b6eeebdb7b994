"""What can be explored: a subject makes a fresh world for every schedule.

The two subjects of this repository are a Python function (`function.py`) and the RTNL model.  A
subject is a value that a token can name; a world is everything that one schedule touches.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from lockcheck.checker import Checker
    from lockcheck.conduct.controlled import ControlledConductor
    from lockcheck.core.report import Report

__all__ = ["FirstThread", "Subject", "World"]


class World(Protocol):
    """One schedule's world."""

    checkers: Sequence[Checker]
    """Bound to the conductor; told when the run is over."""

    def body(self) -> None:
        """The first thread.  Set-up stands in `conductor.quiet()`; it may `conductor.settle()`."""
        ...

    def findings(self) -> list[Report]:
        """What was found; asked on the controller's thread when nobody runs any more."""
        ...

    def state(self) -> str:
        """The final state, for coverage."""
        ...

    def close(self) -> None:
        """Put back what the world changed outside itself."""
        ...

    # More are asked for where a world has them:
    #   owed(op) -> [(words, ThreadState | None)]   who owes what a stuck thread waits for
    #   explain(report)                             this run has shown it again: say how
    #   stuck(report)                               a deadlock was found; everybody is parked still


class Subject(Protocol):
    """What to explore."""

    title: str

    def world(self, conductor: ControlledConductor) -> World:
        """Make a fresh world; it must be the same every time."""
        ...

    def describe(self) -> dict[str, Any]:
        """What a token needs to make this subject again; JSON."""
        ...


class FirstThread:
    """Makes the first thread of a run known to the checker as `main`; a context manager."""

    name = "main"

    def __init__(self, chk: Checker) -> None:
        self._chk = chk
        self.parent_clock: Any = None
        self.state: Any = None

    def __enter__(self) -> FirstThread:
        # To the program it is the main thread; what it starts inherits nothing of the worker.
        self._worker = _active().get(threading.get_ident())
        _active()[threading.get_ident()] = threading.main_thread()
        self.state = self._chk.begin_thread(self)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._chk.end_thread(self)
        if self._worker is not None:
            _active()[threading.get_ident()] = self._worker


def _active() -> dict[int, threading.Thread]:
    return threading._active  # type: ignore[attr-defined,no-any-return]
