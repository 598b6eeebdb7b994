"""How a controlled run ends, and what its conductor asks of a strategy."""

from __future__ import annotations

from typing import Final, Protocol

from lockcheck.seam import Choice

__all__ = [
    "DEADLOCK", "DIVERGED", "END", "HUNG", "INTERRUPTED", "POINTS", "REDUNDANT", "REFUSED",
    "Picker",
]  # fmt: skip

END: Final = -1
"""Everybody finished, or is an idle service."""
DEADLOCK: Final = -2
POINTS: Final = -3
"""The limit of points was reached."""
REDUNDANT: Final = -4
"""The strategy gave the run up: an equivalent one is known."""
DIVERGED: Final = -5
"""A recorded choice could not be made."""
INTERRUPTED: Final = -6
HUNG: Final = -7
"""A thread blocks outside the seam."""

REFUSED: Final = -8
"""The system gave no thread."""


class Picker(Protocol):
    """What the conductor asks of a strategy."""

    asks_always: bool
    """Call `pick` even when there is one choice only."""

    def pick(self, enabled: list[Choice], current: Choice | None) -> int:
        """Return one of `enabled`, or a negative verdict; `current` is the running thread's."""
        ...

    def choose(self, n: int) -> int:
        """Return one of `range(n)`."""
        ...
