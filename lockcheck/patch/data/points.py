"""Accesses as scheduling points: what the controlled conductor is asked before each.

An access is a point where its order is open.  As long as locks, joins and queues order all accesses
of a field, exploring those explores the data too; so every access is first judged by
happens-before, and as soon as two conflicting ones are unordered in some schedule, the fields of
that kind are points (`Conductor.observe`) and the search begins again.  A field that one thread
touches, or that all threads only read, is never one.

An operation's footprint says which key of a container it touches, so that the search knows that
accesses of different keys may go in any order.
"""

from __future__ import annotations

import _thread
import os
import sys
from types import FrameType
from typing import TYPE_CHECKING, Final

from lockcheck.patch.data.memory import LOOK, Entry
from lockcheck.patch.data.order import Place
from lockcheck.patch.data.sight import UNKNOWN, How, Sight, Touch
from lockcheck.patch.data.updates import Updates
from lockcheck.seam import Kind, Op

if TYPE_CHECKING:
    from lockcheck.checker import Checker
    from lockcheck.conduct.controlled import ControlledConductor

__all__ = ["PREFIX", "Points"]

PREFIX: Final = "data "
"""Before a kind of field among the classes that are observed."""


class Points(Sight):
    """Watches one controlled run after another."""

    def __init__(self, conductor: ControlledConductor, chk: Checker) -> None:
        super().__init__(self._fresh_name)
        self._conductor = conductor
        self._chk = chk
        self._numbers: dict[str, int] = {}
        self.places: dict[int, Place] = {}
        """Where the accesses of this run happened, by the number of their event."""
        self.updates = Updates()
        """Which of its updates were lost."""

    def renew(self, chk: Checker) -> None:
        """Forget the last run: another world is about to be made, with a checker of its own."""
        self._chk = chk
        self.fields.clear()
        self._numbers.clear()
        self.places = {}
        self.updates = Updates()

    def _fresh_name(self, kind: str) -> str:
        """`Account#1`; by thread, so that it does not depend on who was faster."""
        current = self._conductor.current
        thread = "" if current is None or current.parent is None else f"@{current.name}"
        number = self._numbers[kind + thread] = self._numbers.get(kind + thread, 0) + 1
        return f"{kind}{thread}#{number}"

    def touch(self, how: How, touched: Touch, value: object = UNKNOWN) -> None:
        """Stand before the access until the schedule lets it go.  Raises: Unwind."""
        conductor = self._conductor
        me = conductor.current
        if me is None or me.ident != _get_ident() or len(conductor.tasks) < 2:
            return
        field = touched[0][0]
        if conductor.in_round and any(mode != LOOK for _field, mode in touched):
            conductor.wrote(field, object)  # put back or not: it counts as changed
        if PREFIX + field.kind not in conductor.observed:
            self._judge(touched)
            return
        op = field.ops.get(touched)
        if op is None:
            write = touched[0][1] != LOOK
            op = field.ops[touched] = Op(Kind.WRITE if write else Kind.READ, field)
            op.foot = touched
        conductor.point(op)
        place = self.places[len(conductor.events) - 1] = _place(how)
        self.updates.note(me, field, place, write=touched[0][1] != LOOK)

    def _judge(self, touched: Touch) -> None:
        """See whether anything orders the access after those before."""
        ts = self._chk.current()
        if ts.tracing:
            return
        ts.tracing += 1  # a finaliser that runs meanwhile is not judged
        try:
            for field, mode in touched:
                memory = field.memory
                if memory.knows(ts, mode):
                    continue
                if memory.unordered(ts, mode):
                    self._conductor.observe(PREFIX + field.kind)
                memory.note(mode, Entry(ts.slot, ts.now))
        finally:
            ts.tracing -= 1


def _place(how: How) -> Place:
    """Where the program's own innermost frame is."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    assert frame is not None, "somebody has called us"
    return Place(frame.f_code, frame.f_lasti, how)


_get_ident = _thread.get_ident
_HERE: Final = os.path.dirname(os.path.abspath(__file__))
