"""The other order of a race: what it may begin with, and names for what it touches.

For a race of the operations e and f the other order is "what went after e without depending on it,
then f", in the place of e.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lockcheck.conduct.task import full_name
from lockcheck.explore.conflict import Footprint, depends, footprint
from lockcheck.explore.node import Named, Node, Wish
from lockcheck.seam import Choice, Op

if TYPE_CHECKING:
    from lockcheck.conduct.controlled import ControlledConductor

__all__ = ["Event", "Initials", "Names", "Run", "extend"]


class Run(Protocol):
    """The finished run that shows the race."""

    def choice_of(self, event: Event) -> Choice:
        """The choice that made an event."""
        ...

    def foot_of(self, event: Event) -> Footprint:
        """What an event touched."""
        ...

    def stands_at(self, thread: int, number: int) -> Op | None:
        """The operation that `thread` stood before when event `number` went."""
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


class Names:
    """Names for objects that hold in every run through `node`.

    What existed there has the same name in all of them.  What was made later may have another
    one's: all of that goes by one name, as if it were one object.
    """

    def __init__(self, conductor: ControlledConductor, node: Node) -> None:
        self._conductor = conductor
        self._upto = node.event
        self._old: set[object] | None = None

    def of(self, touched: Footprint) -> Named:
        """Name what an operation touches."""
        if self._old is None:
            self._old = {
                obj
                for choice, op in self._conductor.events[: self._upto]
                if not choice.of_program
                for obj, _mode in footprint(choice, op)
            }
        return tuple((full_name(obj) if obj in self._old else "", mode) for obj, mode in touched)


def extend(order: list[Wish], thread: int, touched: Named) -> None:
    """Have a silent operation go along with what its thread did before."""
    for wish in reversed(order):
        if wish.thread == thread:
            wish.touches += touched
            return


class Initials:
    """Which choices are initials of `stays`, then the operation `last`; in the place of `event`."""

    def __init__(
        self, run: Run, event: Event, stays: list[Event], last: Choice, touched: Footprint
    ) -> None:
        self._run = run
        self._event = event
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

    def has_weakly(self, choice: Choice) -> bool:
        """Or does it not take part, and conflicts with nothing?"""
        thread = choice.thread
        if thread in (self._event.thread, self._last.thread) or thread in self._heads:
            return False
        op = self._run.stands_at(thread, self._event.number)
        if op is None:
            return False
        own = footprint(choice, op)
        return not depends(own, self._touched) and not self._conflicts(own)

    def _begins(self, head: Event) -> bool:
        """Does nothing of the others come before it in every order?"""
        return all(
            other is head or head.clock[other.thread] < other.seq for other in self._heads.values()
        )

    def _conflicts(self, touched: Footprint) -> bool:
        return any(depends(touched, self._run.foot_of(each)) for each in self._stays)
