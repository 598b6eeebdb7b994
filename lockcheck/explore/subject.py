"""What can be explored: a subject makes a fresh world for every schedule.

The two subjects of this repository are a Python function (`function.py`) and the RTNL model.  A
subject is a value that a token can name; a world is everything that one schedule touches.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lockcheck.core.document import Json
from lockcheck.sync.plain import take_back

if TYPE_CHECKING:
    from lockcheck.checker import Checker
    from lockcheck.conduct.controlled import ControlledConductor
    from lockcheck.core.held import ThreadState
    from lockcheck.core.report import Report
    from lockcheck.seam import Op

__all__ = ["Draws", "Explains", "FirstThread", "Keeps", "Narrates", "Prints", "Subject", "World"]


class World(Protocol):
    """One schedule's world."""

    checkers: Sequence[Checker]
    """Bound to the conductor; marked when the run is over."""

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


@runtime_checkable
class Explains(Protocol):
    """A world that knows more of a stuck thread than its locks say."""

    def owed(self, op: Op) -> Sequence[tuple[str, ThreadState | None]]:
        """Who owes what a stuck thread waits for: in words, and the thread if it is one."""
        ...

    def stuck(self, report: Report) -> bool:
        """A deadlock was found; everybody is parked still.

        False: it only follows from something that the world's own findings report.
        """
        ...


@runtime_checkable
class Prints(Protocol):
    """A world that keeps what the program printed."""

    def output(self) -> str:
        """All of it."""
        ...


@runtime_checkable
class Draws(Protocol):
    """A world that can say whether its program drew random numbers."""

    def drew(self) -> bool:
        """Did it?  They are the same in every schedule."""
        ...


@runtime_checkable
class Narrates(Protocol):
    """A world that can say how a finding came about."""

    def explain(self, report: Report) -> None:
        """The schedule just run has shown it again: say how."""
        ...


class Subject(Protocol):
    """What to explore."""

    title: str

    def world(self, conductor: ControlledConductor) -> World:
        """Make a fresh world; it must be the same every time."""
        ...

    def describe(self) -> Json:
        """What a token needs to make this subject again; JSON."""
        ...


@runtime_checkable
class Keeps(Protocol):
    """A subject whose world can be kept between schedules, and put back."""

    def kept(self, conductor: ControlledConductor) -> World:
        """A world that starts from where set-up ended, once there is one to put back.

        What it does must be what a fresh one does.
        """
        ...


class FirstThread:
    """Makes the first thread of a run known to the checker as `main`; a context manager."""

    name = "main"
    runs = ""

    def __init__(self, chk: Checker) -> None:
        self._chk = chk
        self._again = False
        self.parent_clock: object = None
        self.state: ThreadState | None = None

    def __enter__(self) -> FirstThread:
        # To the program it is the main thread; what it starts inherits nothing of the worker.
        self._worker = _active().get(threading.get_ident())
        _active()[threading.get_ident()] = threading.main_thread()
        if self._again:
            assert self.state is not None, "it was entered before"
            self._chk.resume_thread(self.state)
        else:
            self.state = self._chk.begin_thread(self)
        return self

    def again(self) -> FirstThread:
        """As it was entered before: its world was put back."""
        self._again = True
        return self

    def __exit__(self, *_exc: object) -> None:
        self._chk.end_thread(self)
        if self._worker is not None:
            _active()[threading.get_ident()] = self._worker
        else:
            take_back(threading.get_ident())


def _active() -> dict[int, threading.Thread]:
    return threading._active  # type: ignore[attr-defined,no-any-return]  # private
