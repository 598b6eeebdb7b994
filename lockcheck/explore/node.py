"""A choice on the path that DPOR is on: what was tried there, what sleeps, what must be tried."""

from __future__ import annotations

from lockcheck.seam import Choice

__all__ = ["Node"]


class Node:
    """One choice on the current path."""

    __slots__ = ("backtrack", "chosen", "counts", "done", "enabled", "event", "real", "sleep")

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
        self.backtrack: set[int] = set()
        """Threads to try; -1 for a choice of the program's own, whose values are all tried."""
        self.counts: dict[str, int] = {}
        """Values of the counts that somebody waits on, by name."""

    # -- as a node of a divided search (`frontier.TreeNode`) --

    def copy(self) -> Node:
        """An equal node that shares nothing that changes."""
        twin = Node(self.event, self.enabled, self.chosen, self.sleep, self.real)
        twin.done = set(self.done)
        twin.backtrack = set(self.backtrack)
        twin.counts = self.counts
        return twin

    def untried(self) -> list[Choice]:
        """Choices that are still to be tried here, in order."""
        return [
            choice
            for choice in self.enabled
            if choice.thread in self.backtrack
            and choice != self.chosen
            and choice not in self.done
            and choice not in self.sleep
        ]

    def asked(self, thread: int) -> list[Choice]:
        """The thread's choices that do not sleep."""
        return [c for c in self.enabled if c.thread == thread and c not in self.sleep]

    def give(self, choice: Choice, given: set[Choice]) -> None:
        """Try `choice`; those in `given` are tried by others and sleep."""
        self.chosen = choice
        self.done = given

    def taken(self) -> set[Choice]:
        """Choices that were tried, and the present one."""
        return self.done | {self.chosen}
