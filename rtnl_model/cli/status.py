"""Exit statuses, and the one error that means "the call is wrong"."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CallError", "Status"]


class Status(IntEnum):
    """How the program ends."""

    CLEAN = 0
    FOUND = 1
    """A finding that counts, a failed command, a difference, a failure reproduced."""
    WRONG = 2
    """The call or the input is wrong, or the system refuses what the call needs."""
    INCOMPLETE = 3
    DIVERGED = 4
    DEFECT = 70
    """An error of ours."""
    INTERRUPTED = 130


class CallError(Exception):
    """The call cannot be served; the text is one line that says why and what to do."""
