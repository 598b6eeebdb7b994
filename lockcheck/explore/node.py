"""A choice on the path that DPOR is on: what was tried there, what sleeps, what must be tried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lockcheck.explore.conflict import conflicts
from lockcheck.seam import Choice

__all__ = ["Named", "Node", "Wish", "insert"]

Named = tuple[tuple[str, int], ...]
"""What an operation touches, and how, by names that hold in every run through one node."""


@dataclass(slots=True)
class Wish:
    """A choice that must be made, and the orders that must be tried after it: a wakeup tree."""

    choice: Choice
    thread: int
    touches: Named = ()
    then: dict[Choice, Wish] = field(default_factory=dict)
    """By their first choice; none: from here on any order will do."""
    initials: frozenset[Choice] = frozenset()
    """Choices of the node that could begin this order as well."""


class Node:
    """One choice on the current path."""

    __slots__ = (
        "chosen", "closed", "done", "elsewhere", "enabled", "event", "real", "shared", "sleep",
        "trusted", "wishes",
    )  # fmt: skip

    def __init__(
        self, event: int, enabled: list[Choice], chosen: Choice, sleep: set[Choice], real: int
    ) -> None:
        self.event = event
        """Number of the event that the choice makes."""
        self.enabled = enabled
        self.chosen = chosen
        self.real = real
        """How many choices before this one had more than one possibility."""
        self.sleep = sleep
        self.trusted: set[Choice] = set()
        """Those of `sleep` whose races had all been seen, and those of whoever slept beside them,
        when this node was made: what they ask for is in the wishes that led here."""
        self.done: set[Choice] = set()
        """Choices tried before the present one, here or by another part of the search."""
        self.closed: set[Choice] = set()
        """Those of `done` whose races have all been seen: what they ask for is in `wishes`."""
        self.elsewhere: set[Choice] = set()
        """Choices that other parts try, and that do not sleep here."""
        self.wishes: dict[Choice, Wish] = {}
        """By first choice, what must be tried; what was tried stays here."""
        self.shared = False
        """Other parts of the search have this node too."""

    def is_asked(self, choice: Choice) -> bool:
        """Was `choice` tried, or will it be, by anybody?"""
        return (
            choice in self.sleep
            or choice in self.done
            or choice in self.wishes
            or choice in self.elsewhere
        )

    def then(self) -> dict[Choice, Wish]:
        """What must be tried after the present choice."""
        wish = self.wishes.get(self.chosen)
        return {} if wish is None else wish.then

    # -- as a node of a divided search (`frontier.TreeNode`) --

    def copy(self) -> Node:
        """An equal node that shares nothing that changes."""
        twin = Node(self.event, self.enabled, self.chosen, self.sleep, self.real)
        twin.trusted = self.trusted
        twin.done = set(self.done)
        twin.closed = set(self.closed)
        twin.elsewhere = set(self.elsewhere)
        twin.wishes = dict(self.wishes)
        return twin

    def untried(self) -> list[Choice]:
        """Choices that are still to be tried here, in order."""
        asked: Iterable[Choice] = self.enabled if self.chosen.of_program else self.wishes
        return [
            choice
            for choice in asked
            if choice != self.chosen and choice not in self.done and choice not in self.sleep
        ]

    def give(self, choice: Choice, given: set[Choice], wish: Wish | None = None) -> None:
        """Try `choice`; those in `given` are tried by others and sleep."""
        if wish is not None:
            self.wishes[choice] = wish
        # Others are at it still: not all that they will ask for is in this wish.
        self.closed = set()
        self.trusted = set()
        self.chosen = choice
        self.done = given

    def taken(self) -> set[Choice]:
        """Choices that were tried, and the present one."""
        return self.done | {self.chosen}


def insert(
    wishes: dict[Choice, Wish],
    among: Iterable[Wish],
    order: Sequence[Wish],
    event: Named = (),
    *,
    woken: bool = False,
) -> None:
    """Have `order` tried after one of `among`, or else as a new one of `wishes`.

    A wish leads to `order` when it begins it in some sequence of what does not conflict, or
    conflicts with nothing in it.  The first that does is followed.  Where it ends, any order is
    tried, this one among them, if only `event`, in whose place `order` goes, does not sleep on
    there (`woken`); else the rest of `order` is asked for.
    """
    for wish in among:
        rest = _after(wish, order)
        if rest is None:
            continue
        woken = woken or _surely_conflict(wish.touches, event)
        if rest and wish.then:
            insert(wish.then, wish.then.values(), rest, event, woken=woken)
        elif rest and not woken:
            _append(wish.then, rest)
        return
    _append(wishes, order)


def _append(wishes: dict[Choice, Wish], order: Sequence[Wish]) -> None:
    for each in order:
        wishes[each.choice] = each
        wishes = each.then


def _after(wish: Wish, order: Sequence[Wish]) -> Sequence[Wish] | None:
    """What is left of `order` after `wish`; None when `wish` does not lead there."""
    for number, each in enumerate(order):
        if each.thread == wish.thread:
            if each.choice != wish.choice or any(
                _may_conflict(each.touches, before.touches) for before in order[:number]
            ):
                return None
            return [*order[:number], *order[number + 1 :]]
        if _may_conflict(wish.touches, each.touches):
            return None
    return order


def _may_conflict(one: Named, other: Named) -> bool:
    return any(
        name == name2 and conflicts(mode, mode2) for name, mode in one for name2, mode2 in other
    )


def _surely_conflict(one: Named, other: Named) -> bool:
    return any(
        name and name == name2 and conflicts(mode, mode2)
        for name, mode in one
        for name2, mode2 in other
    )
