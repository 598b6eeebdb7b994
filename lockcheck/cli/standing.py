"""Who is still blocked on a lock when a program ends, or is made to end.

Such a program is never called clean: what it would have done next was not seen.  Threads that wait
for events, queues and each other are not listed, for a daemon thread may wait for work for ever;
all of them are when the program was interrupted, for then that may be why.

A lock that lockcheck does not check (`patch.foreign`) publishes nothing; a thread that stands at a
call of `acquire`, or at a `with` statement, is taken to wait for one.  Left out: C code that waits.
"""

from __future__ import annotations

import dis
import os
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import TYPE_CHECKING

from lockcheck.core.collecting import PAUSED
from lockcheck.core.stacks import is_ours
from lockcheck.seam import Kind
from lockcheck.sync.frames import current_frames, frame_of
from lockcheck.sync.plain import is_machinery

if TYPE_CHECKING:
    from lockcheck.checker import Checker
    from lockcheck.core.held import Blocking, ThreadState

__all__ = ["Blocked", "blocked"]

_TAKING = (Kind.ACQUIRE, Kind.READ_ACQUIRE)
_HERE = os.path.dirname(os.path.abspath(__file__))


@dataclass(frozen=True)
class Blocked:
    """One thread that waits, in words."""

    thread: str
    what: str
    whose: str
    """Who could end the wait, if that is known."""
    where: str

    def __str__(self) -> str:
        whose = f", {self.whose}" if self.whose else ""
        where = f", at {self.where}" if self.where else ""
        return f"{self.thread} waits for {self.what}{whose}{where}"


def blocked(chk: Checker, *, interrupted: bool = False) -> list[Blocked]:
    """Threads that wait for a lock, or, if `interrupted`, for anything.

    So does the caller where a handler struck it as it waited, or ended its wait.
    """
    with PAUSED, chk._threads_lock:
        states = [ts for ts in chk.threads.values() if ts.alive]
    frames = current_frames()
    me = chk.current()
    found = []
    known = {me.ident}
    if interrupted and chk.broken_off is not None and me.waiting is None:
        found.append(_row(me, chk.broken_off, None))
    for ts in states:
        row = _known(ts, frame_of(ts.ident, frames), interrupted=interrupted)
        if row is not None:
            known.add(ts.ident)
            found.append(row)
    names = {ts.ident: ts.name for ts in states}
    for ident, frame in frames.items():
        if ident not in known and not is_machinery(ident) and _is_taking(frame):
            name = names.get(ident, f"thread {ident}")
            found.append(Blocked(name, "a lock that is not checked", "", _where(frame)))
    return found


def _known(ts: ThreadState, frame: FrameType | None, *, interrupted: bool) -> Blocked | None:
    waiting = ts.waiting
    if waiting is None or waiting.served or (waiting.op.timeout is not None and not interrupted):
        return None
    if waiting.op.kind not in _TAKING and not interrupted:
        return None
    return _row(ts, waiting, frame)


def _row(ts: ThreadState, waiting: Blocking, frame: FrameType | None) -> Blocked:
    obj = waiting.op.obj
    holders = [f"{owner.name}{'' if owner.alive else ' (ended)'}" for owner in obj.holders()]
    held = "held by" if waiting.op.kind in _TAKING else "which is up to"
    whose = f"{held} {', '.join(holders)}" if holders else ""
    what = waiting.op.why or str(obj.name)
    return Blocked(ts.name, what, whose, _where(frame))


def _where(frame: FrameType | None) -> str:
    """The innermost place in the program's own code."""
    while frame is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _is_ours(file: str) -> bool:
    return is_ours(file) or file.startswith(_HERE)


def _is_taking(frame: FrameType) -> bool:
    """Does this frame's current instruction take a lock, as far as its names show?"""
    return not _is_ours(frame.f_code.co_filename) and _takes(frame.f_code, frame.f_lasti)


def _takes(code: CodeType, lasti: int) -> bool:
    """Is the instruction at `lasti` a call of something named `acquire`, or entering a `with`?"""
    named = ""
    for each in dis.get_instructions(code):
        if each.offset > lasti:
            break
        if each.offset == lasti:
            if each.opname.startswith("CALL"):
                return named == "acquire"
            return each.opname == "BEFORE_WITH"
        if each.opname in ("LOAD_METHOD", "LOAD_ATTR"):
            named = str(each.argval)
        elif each.opname == "LOAD_SPECIAL":  # of a `with` statement, from 3.14
            named = "acquire"
        elif each.opname.startswith("CALL"):
            named = ""
    return False
