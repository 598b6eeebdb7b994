"""Operations of a thread that wait for their last operand: what they are about, until it is there.

The container and the key of an assignment are evaluated after its value, the arguments of a call
after its method; the access is announced when all of them are there.  An exception in between
leaves an entry behind, which the next one that is taken throws away.
"""

from __future__ import annotations

import threading
from typing import Any, Final

__all__ = ["keep", "take"]


class _Kept(threading.local):
    """The calling thread's operations that wait for their last operand."""

    def __init__(self) -> None:
        self.stack: list[tuple[int, object, object]] = []


_kept = _Kept()
_KEPT_MAX: Final = 64
"""Entries left behind by exceptions, at most."""


def keep(site: int, owner: object, what: object) -> None:
    stack = _kept.stack
    if len(stack) >= _KEPT_MAX:
        del stack[: _KEPT_MAX // 2]
    stack.append((site, owner, what))


def take(site: int) -> tuple[int, Any, Any] | None:  # a callable and its arguments
    stack = _kept.stack
    while stack:
        entry = stack.pop()
        if entry[0] == site:
            return entry
    return None
