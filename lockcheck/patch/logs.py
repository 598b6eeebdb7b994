"""Logging's locks: made before anybody can install, and half of the best-known lock inversion.

The module lock and those of the handlers that exist are exchanged for checked ones, when nobody
holds them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lockcheck.checker import Checker

__all__ = ["cover", "guarded", "uncover"]


class _Covered:
    def __init__(self) -> None:
        self.places: list[tuple[Any, str, Any, Any]] = []  # (owner, name, old, new)
        """(owner, attribute, original, checked)."""


_now = _Covered()


def cover(chk: Checker) -> None:
    """Exchange the locks of logging for checked ones."""
    _exchange(logging, "_lock", chk.RLock("logging._lock"))
    for ref in list(logging._handlerList):  # type: ignore[attr-defined]  # private
        handler = ref()
        if handler is not None and handler.lock is not None:
            name = f"{type(handler).__name__}.lock"
            _exchange(handler, "lock", chk.RLock(f"logging.{name}"))


def uncover() -> None:
    """Put the original locks back where the checked ones are still in place and free."""
    for owner, attribute, original, checked in reversed(_now.places):
        mine = getattr(owner, attribute, None) is checked  # private, or a handler without
        if mine and checked.acquire(blocking=False):
            setattr(owner, attribute, original)
            checked.release()
    _now.places.clear()


def guarded() -> list[object]:
    """Locks that logging itself takes before a fork, or makes again in the child."""
    handlers = list(
        getattr(logging, "_at_fork_reinit_lock_weakset", ())
    )  # private, or a handler without
    locks = [
        getattr(logging, "_lock", None),
        *(getattr(h, "lock", None) for h in handlers),
    ]  # private, or a handler without
    return [
        getattr(lock, "lock", lock) for lock in locks if lock is not None
    ]  # private, or a handler without


def _exchange(owner: object, attribute: str, checked: object) -> None:
    original: Any = getattr(owner, attribute, None)  # a private function
    if original is None:
        return
    free: bool = original.acquire(blocking=False)
    if not free:
        return
    setattr(owner, attribute, checked)
    original.release()
    _now.places.append((owner, attribute, original, checked))
