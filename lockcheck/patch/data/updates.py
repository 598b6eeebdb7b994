"""Updates that were lost in a run under control: read, written by somebody else, written back.

`x += 1` reads x, computes, and writes.  Whoever wrote x in between has written in vain, whether the
program notices or not.  Only what happened in this very schedule counts, so a finding is certain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockcheck.core.report import CERTAIN, Report, fingerprint
from lockcheck.core.stacks import Stack
from lockcheck.patch.data.order import Place
from lockcheck.patch.data.sight import How

if TYPE_CHECKING:
    from lockcheck.conduct.task import Task
    from lockcheck.patch.data.fields import Field

__all__ = ["Updates"]


class Updates:
    """The updates of one run.  One thread runs at a time, so nothing is locked."""

    def __init__(self) -> None:
        self._written: dict[Field, list[tuple[Task, Place]]] = {}
        """Who wrote a field, in order."""
        self._looked: dict[tuple[Field, int], int] = {}
        """How many writes a field had seen when a thread read it last."""
        self.lost: list[Report] = []

    def note(self, task: Task, field: Field, place: Place, *, write: bool) -> None:
        """`task` is about to access `field`."""
        at = (field, task.index)
        if not write:
            self._looked[at] = len(self._written.get(field, ()))
            return
        written = self._written.setdefault(field, [])
        if place.how is How.AUGMENT:
            since = self._looked.get(at, len(written))
            between = [row for row in written[since:] if row[0] is not task]
            if between:
                self.lost.append(_report(field, task, place, *between[-1]))
        written.append((task, place))
        self._looked[at] = len(written)


def _report(field: Field, task: Task, place: Place, other: Task, elsewhere: Place) -> Report:
    names = sorted((place.code.co_qualname, elsewhere.code.co_qualname))
    report = Report(
        "race",
        CERTAIN,
        f"lost update of {field.name}: {task.name} writes what it has computed from a value that "
        f"{other.name} has replaced meanwhile",
        threads=(task.name, other.name),
        stacks=(
            (f"the write of {field.name} that is too late", task.name, _stack(place)),
            (f"the write of {field.name} that is lost", other.name, _stack(elsewhere)),
        ),
        reason="it happened in the schedule of the token",
        advice="Hold one lock from the read to the write, on both sides.",
    )
    report.fingerprint = fingerprint("data race", (field.kind, *names))
    return report


def _stack(place: Place) -> Stack:
    return Stack(((place.code, place.lasti),))
