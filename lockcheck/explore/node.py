"""A choice on the path that DPOR is on: what was tried there, what sleeps, what must be tried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lockcheck.seam import Choice

__all__ = ["Node", "Wish"]


@dataclass(frozen=True, slots=True)
class Wish:
    """An order that must be tried: how it goes on after its first choice."""

    rest: tuple[Choice, ...] = ()
    initials: frozenset[Choice] = frozenset()
    """Choices of the node that could begin this order as well."""


class Node:
    """One choice on the current path."""

    __slots__ = (
        "chosen", "done", "elsewhere", "enabled", "event", "real", "sleep", "wishes",
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
        self.done: set[Choice] = set()
        """Choices tried before the present one, here or by another part of the search."""
        self.elsewhere: set[Choice] = set()
        """Choices that other parts try, and that do not sleep here."""
        self.wishes: dict[Choice, Wish] = {}
        """By first choice, what must be tried; what was tried stays here."""

    def is_asked(self, choice: Choice) -> bool:
        """Was `choice` tried, or will it be, by anybody?"""
        return (
            choice in self.sleep
            or choice in self.done
            or choice in self.wishes
            or choice in self.elsewhere
        )

    def after(self) -> list[Choice]:
        """How the order goes on that the present choice begins."""
        wish = self.wishes.get(self.chosen)
        return [] if wish is None else list(wish.rest)

    # -- as a node of a divided search (`frontier.TreeNode`) --

    def copy(self) -> Node:
        """An equal node that shares nothing that changes."""
        twin = Node(self.event, self.enabled, self.chosen, self.sleep, self.real)
        twin.done = set(self.done)
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
        self.chosen = choice
        self.done = given

    def taken(self) -> set[Choice]:
        """Choices that were tried, and the present one."""
        return self.done | {self.chosen}
