"""Rounds of a timer that only repeats its wait, and which of them come to nothing.

The timer of such a wait (`Op.repeat`) fires, the thread looks around, and it stands before the same
wait again: that is a *round*.  A schedule may have any number of them, so it must be known which
ones need not be tried.

A round is *vain* when nothing that another thread can see is different for it: the thread took
locks and gave them back, waited, looked; whatever field or count it changed was put back before
anybody could look; and nobody tried, looked at, or gave up waiting for a lock while the round held
it.  Take such a round out of a schedule: every operation of the others is as possible as it was and
finds what it found, and the thread stands where it stood.  So the schedule without the round comes
to the same final state, the same deadlock, the same failure.

Hence the rule: after a vain round the timer does not fire early in this wait again.  Every schedule
with a vain round and a later one is matched by the one without the former, so nothing is lost.
Whether a round was vain is decided by operations that come before its end in every equivalent
order, so the rule is like a branch of the thread's own, and a reduction may rely on it.  A round
that changed something spends the bound on early timers, counted for each wait by itself.

What the caller promises with `repeat`: after a round it stands at the same wait, in the same place
and with the same name of its timer, and goes on from there as it would have before.

Left out: what a `WAKE`, a `SPAWN` or a granted wait that takes something away has changed may have
been put back; such a round counts as one that changed something.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Final

from lockcheck.seam import AT_POINTS, Choice, Kind, Op
from lockcheck.sync.guards import FREE
from lockcheck.sync.lock import Lock

if TYPE_CHECKING:
    from lockcheck.conduct.task import Task

__all__ = ["BOUND", "FRESH", "VAIN", "Round", "Rounds"]

FRESH: Final = 0
"""The timer may fire early."""
VAIN: Final = 1
"""Its last round came to nothing: there is no need."""
BOUND: Final = 2
"""As many rounds as the bound allows have changed something."""

_TAKES: Final = (Kind.ACQUIRE, Kind.READ_ACQUIRE)
_TRIES: Final = (Kind.TRY_ACQUIRE, Kind.TRY_READ_ACQUIRE)
_GIVES: Final = (Kind.RELEASE, Kind.READ_RELEASE)
_LOOKS: Final = (Kind.PROBE, *_TRIES)
_HARMLESS: Final = (
    Kind.READ, Kind.PROBE, Kind.REF_READ, Kind.BEGIN, Kind.WAIT_REFS,
)  # fmt: skip
_NOTED: Final = (Kind.WRITE, Kind.RMW, Kind.REF_INC, Kind.REF_DEC)
"""Changes whose primitive notes what was there before (`Rounds.wrote`)."""

Place = tuple[tuple[CodeType, int], ...]
Events = Sequence[tuple[Choice, Op]]


_UNKNOWN: Final = object()


@dataclass(slots=True)
class _Written:
    """A change in a round: what was there before it."""

    at: int
    """Number of the next event."""
    before: object
    look: Callable[[], object]
    witness: object
    """The lock that keeps others from looking; `FREE`: nobody else can; `AT_POINTS`: each look is
    an operation; None: nothing does."""
    after: object = _UNKNOWN
    """What it wrote, where another thread has changed the cell since."""


@dataclass(slots=True)
class Round:
    """From the firing of a repeating timer to the same wait again."""

    op: Op
    place: Place
    begin: int
    """Number of the event at which the timer fired."""
    effective: int
    """How many rounds of this wait had."""


class Rounds:
    """The rounds of one run.

    Args:
        most: how many rounds of one wait may change something and be followed by another; None:
            any number.
    """

    any_number = 1 << 60
    """What None stands for; lower where programs of any kind are to be exhausted."""

    def __init__(self, most: int | None, events: Events) -> None:
        self._most = self.any_number if most is None else most
        self._events = events
        self._open: dict[int, list[Round]] = {}
        """By thread; a round may have waits, and rounds, within."""
        self._written: dict[int, dict[object, list[_Written]]] = {}
        """By thread that is in a round, and cell."""
        self._standing: dict[int, tuple[Place, int]] = {}
        """By thread: the place of the wait it is at, and how many of its rounds changed something.
        """
        self._vain: dict[int, list[range]] = {}
        """By thread: the events from where a vain round began to where it ended."""

    def began(self, task: Task) -> None:
        """The repeating timer of `task` has just fired."""
        place, effective = self._standing[task.index]
        begun = Round(task.op, place, len(self._events) - 1, effective)
        self._open.setdefault(task.index, []).append(begun)

    def arrived(self, task: Task, op: Op) -> None:
        """`task`, which runs, stands before a wait with a repeating timer."""
        place = _place()
        stack = self._open.get(task.index, [])
        effective = 0
        vain = False
        for depth in range(len(stack) - 1, -1, -1):
            done = stack[depth]
            if done.place == place and _is_same(done.op, op):
                vain = self._is_vain(done, task)
                effective = done.effective + (not vain)
                if vain:
                    events = range(done.begin, len(self._events))
                    self._vain.setdefault(task.index, []).append(events)
                del stack[depth:]
                break
        if not stack:
            self._written.pop(task.index, None)
        self._standing[task.index] = (place, effective)
        op.rounds = VAIN if vain else BOUND if effective >= self._most else FRESH

    def wrote(self, task: Task, cell: object, look: Callable[[], object], witness: object) -> None:
        """`task`, which runs, is about to change `cell`; `look` says what is there."""
        before = _copy(look())
        for thread, cells in self._written.items():
            if thread != task.index and cell in cells and cells[cell][-1].after is _UNKNOWN:
                cells[cell][-1].after = before
        if self._open.get(task.index):
            written = _Written(len(self._events), before, look, witness)
            self._written.setdefault(task.index, {}).setdefault(cell, []).append(written)

    def is_tired(self, task: Task) -> bool:
        """Has `task` gone round in vain since anything else than vain rounds happened?"""
        vain = self._vain.get(task.index)
        return vain is not None and vain[-1].start > self._last_move()

    def _last_move(self) -> int:
        """Number of the last event that is not part of a vain round; -1: there is none."""
        left = {thread: list(rounds) for thread, rounds in self._vain.items()}
        for number in range(len(self._events) - 1, -1, -1):
            choice, _op = self._events[number]
            rounds = left.get(choice.thread, [])
            while rounds and rounds[-1].start > number:
                rounds.pop()
            if not rounds or number not in rounds[-1]:
                return number
        return -1

    def _is_vain(self, done: Round, task: Task) -> bool:
        trip = _Trip(self._events, done.begin + 1, task)
        if not trip.harmless:
            return False
        written = {
            cell: [each for each in all_ if each.at > done.begin]
            for cell, all_ in self._written.get(task.index, {}).items()
        }
        return all(written.get(cell) for cell in trip.changed) and all(
            trip.is_hidden(cell, each) for cell, each in written.items()
        )


class _Trip:
    """The operations of a round, its thread's and those that others did meanwhile."""

    def __init__(self, events: Events, begin: int, task: Task) -> None:
        self._thread = task.index
        self.changed: set[object] = set()
        """What the thread changed by operations that note what was there."""
        self._given: list[tuple[int, object]] = []
        """Its releases: number, lock."""
        self._others: dict[object, list[int]] = {}
        """By object: numbers of what others did with it."""
        self._held: dict[object, int] = {}
        self._tried: dict[object, None] = {}
        self.harmless = self._walk(events, begin) and not any(self._held.values())
        if self.harmless:
            # A try that succeeded was given back, unless its lock is held still.
            self.harmless = not any(_holds(task, lock) for lock in self._tried)

    def _walk(self, events: Events, begin: int) -> bool:
        """Go through the events; False as soon as one has changed something for good."""
        last = self._thread
        for number in range(begin, len(events)):
            choice, op = events[number]
            if not choice.of_program:
                last = choice.thread
            if last != self._thread:
                if not self._allows(number, choice, op):
                    return False
            elif choice.of_program or not self._step(number, choice, op):
                return False
        return True

    def _allows(self, number: int, choice: Choice, op: Op) -> bool:
        """Another thread's operation; False: it has seen a lock that the round holds."""
        if choice.of_program:
            return True
        obj = op.obj
        self._others.setdefault(obj, []).append(number)
        if op.kind not in _LOOKS and not choice.fires:
            return True
        return not self._held.get(obj) and obj not in self._tried

    def _step(self, number: int, choice: Choice, op: Op) -> bool:
        """An operation of the thread's own; False: it has changed something for good."""
        kind, obj = op.kind, op.obj
        if kind in _TAKES:
            if not choice.fires:
                self._held[obj] = self._held.get(obj, 0) + 1
        elif kind in _TRIES:
            self._tried[obj] = None
        elif kind in _GIVES:
            self._given.append((number, obj))
            if self._held.get(obj):
                self._held[obj] -= 1
            elif self._tried.pop(obj, self) is self:
                return False  # it was held before the round
            return not op.foreign
        elif kind in _NOTED:
            self.changed.add(obj)
        else:
            return kind in _HARMLESS or (kind is Kind.WAIT and not op.takes)
        return True

    def is_hidden(self, cell: object, written: list[_Written]) -> bool:
        """Was a cell put back, each time, before anybody could see that it was changed?"""
        at_first: object = _UNKNOWN  # what is to be put back
        for number, one in enumerate(written):
            if at_first is _UNKNOWN:
                at_first = one.before
            following = written[number + 1] if number + 1 < len(written) else None
            after = one.after
            if after is _UNKNOWN:
                after = _copy(one.look()) if following is None else following.before
            if _is_equal(at_first, after):
                at_first = _UNKNOWN
            elif (
                following is None
                or one.after is not _UNKNOWN
                or not self._is_unseen(cell, one, following.at)
            ):
                return False
        return True

    def _is_unseen(self, cell: object, one: _Written, until: int) -> bool:
        """Could nobody look at what `one` wrote, until event `until`?"""
        if any(one.at <= number < until for number in self._others.get(cell, ())):
            return False
        witness = one.witness
        if witness is FREE or witness is AT_POINTS:
            return True
        return not any(
            one.at <= number < until and (lock is witness or not isinstance(witness, Lock))
            for number, lock in self._given
        )


def _holds(task: Task, lock: object) -> bool:
    holders = getattr(lock, "holders", tuple)  # every primitive has it; the least object has not
    return any(ts.ident == task.ident for ts in holders())


def _place() -> Place:
    """Where the caller's thread is, by lines: a loop's condition is compiled twice."""
    frame: FrameType | None = sys._getframe(2)
    found = []
    while frame is not None:
        found.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return tuple(found)


def _is_same(one: Op, other: Op) -> bool:
    """Do two operations wait for the same thing?"""
    if one.kind is not other.kind or one.obj is not other.obj or one.timer != other.timer:
        return False
    if one.kind is not Kind.WAIT_REFS:
        return True
    refs, value = one.aux
    refs2, value2 = other.aux
    return value == value2 and len(refs) == len(refs2) and all(map(_is, refs, refs2))


def _is(one: object, other: object) -> bool:
    return one is other


_PLAIN: Final = (int, str, bytes, float, bool, type(None))


def _copy(value: object) -> object:
    """What a value is now; a container's, with what it contains."""
    if isinstance(value, list):
        return tuple(list.__iter__(value))
    if isinstance(value, dict):
        return tuple(dict.items(value))
    if isinstance(value, set):
        return frozenset(set.__iter__(value))
    return value


def _is_equal(one: object, other: object) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_is_equal, one, other))
    if isinstance(one, frozenset):
        return one == other
    return isinstance(one, _PLAIN) and one == other
