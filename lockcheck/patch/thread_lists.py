"""The interpreter's own lists of threads, under `install()` without ours.

`threading` has never heard of the watchdog's thread (`sync.plain`), but the interpreter has: it is
in `sys._current_frames()`, `sys._current_exceptions()` and `_thread._count()`.  A program that
prints every thread's stack, or counts threads to see whether it has left one behind, means its own.

Left out: `faulthandler`, which walks that list below Python; the moments in which such a thread
begins and ends.
"""

from __future__ import annotations

import _thread
import sys
from collections.abc import Callable
from types import FrameType
from typing import Final, TypeVar

from lockcheck.sync.plain import hidden

__all__ = ["hide_threads", "show_threads"]

_COUNT: Final = "_count"
_plain_frames = sys._current_frames
_plain_exceptions: Callable[[], dict[int, object]] = vars(sys)["_current_exceptions"]
_plain_count: Callable[[], int] = vars(_thread)[_COUNT]

Listed = TypeVar("Listed")


def _without_ours(found: dict[int, Listed]) -> dict[int, Listed]:
    for ident in hidden():
        found.pop(ident, None)
    return found


def _current_frames() -> dict[int, FrameType]:
    return _without_ours(_plain_frames())


def _current_exceptions() -> dict[int, object]:
    return _without_ours(_plain_exceptions())


def _count() -> int:
    return _plain_count() - len(hidden())


for _ours, _plain in (
    (_current_frames, _plain_frames),
    (_current_exceptions, _plain_exceptions),
    (_count, _plain_count),
):
    _ours.__doc__ = _plain.__doc__
    _ours.__module__ = _plain.__module__


def hide_threads() -> None:
    """Show the program its own threads."""
    sys._current_frames = _current_frames
    vars(sys)["_current_exceptions"] = _current_exceptions
    vars(_thread)[_COUNT] = _count


def show_threads() -> None:
    """Show all of them again."""
    sys._current_frames = _plain_frames
    vars(sys)["_current_exceptions"] = _plain_exceptions
    vars(_thread)[_COUNT] = _plain_count
