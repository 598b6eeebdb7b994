"""The other order of a race: what it may begin with.

For a race of the operations e and f the other order is "what went after e without depending on it,
then f", in the place of e.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lockcheck.explore.conflict import Footprint, depends
from lockcheck.seam import Choice, Op

if TYPE_CHECKING:
    pass

__all__ = ["Event", "Initials", "Run"]


class Run(Protocol):
    """The finished run that shows the race."""

    def choice_of(self, event: Event) -> Choice:
        """The choice that made an event."""
        ...

    def foot_of(self, event: Event) -> Footprint:
        """What an event touched."""
        ...


class Event:
    """One operation that went, with its vector clock."""

    __slots__ = ("clock", "number", "op", "seq", "thread")

    def __init__(self, number: int, thread: int, seq: int, op: Op, clock: list[int]) -> None:
        self.number = number
        self.thread = thread
        self.seq = seq
        self.op = op
        self.clock = clock


class Initials:
    """Which choices are initials of `stays`, then the operation `last`."""

    def __init__(self, run: Run, stays: list[Event], last: Choice, touched: Footprint) -> None:
        self._run = run
        self._stays = stays
        self._last = last
        self._touched = touched
        self._heads: dict[int, Event] = {}
        """The first operation of each thread."""
        for each in stays:
            self._heads.setdefault(each.thread, each)

    def has(self, choice: Choice) -> bool:
        """Can the order begin with it?"""
        thread = choice.thread
        head = self._heads.get(thread)
        if head is not None:
            return self._run.choice_of(head) == choice and self._begins(head)
        return choice == self._last and not self._conflicts(self._touched)

    def _begins(self, head: Event) -> bool:
        """Does nothing of the others come before it in every order?"""
        return all(
            other is head or head.clock[other.thread] < other.seq for other in self._heads.values()
        )

    def _conflicts(self, touched: Footprint) -> bool:
        return any(depends(touched, self._run.foot_of(each)) for each in self._stays)
