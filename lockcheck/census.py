"""Checkers that a checked program makes itself: whoever runs the program wants to know of them.

`lockcheck run`, `pytest --lockcheck` and `lockcheck explore` bind what `install()` replaces to a
checker of their own.  A program may make another one (`chk = lockcheck.Checker()`), and its reports
count like theirs; under `explore` its primitives must also be scheduled.  So a checker that is made
without a conductor registers here, while somebody takes the census.

Invariant: opened and closed by the thread that runs the program; an inner one (a test that
explores) ends before the outer one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from lockcheck.core.report import Report
    from lockcheck.seam import Conductor

__all__ = ["Census", "census"]


class Made(Protocol):
    """A checker."""

    @property
    def reports(self) -> list[Report]: ...


C = TypeVar("C", bound=Made)


class Census:
    """Who was made while it was open."""

    def __init__(self) -> None:
        self._open: list[tuple[list[Any], Conductor | None]] = []  # Any: as `made` has it
        self.conductor: Conductor | None = None
        """Schedules what a program's own checkers make."""

    def open(self, made: list[C], conductor: Conductor | None = None) -> None:
        """Append every checker that is made from now on to `made`, up to `close`."""
        self._open.append((made, conductor))
        self.conductor = conductor

    def close(self) -> None:
        """Go back to who wanted to know before."""
        self._open.pop()
        self.conductor = self._open[-1][1] if self._open else None

    def note(self, chk: Made) -> None:
        """`chk` was made, without a conductor of its own."""
        if self._open:
            self._open[-1][0].append(chk)

    def reports(self, chk: Made) -> list[Report]:
        """The reports of the checker that runs a program, then those of the program's own."""
        found = list(chk.reports)
        for other in self._open[-1][0] if self._open else ():
            found += other.reports
        return found


census = Census()
