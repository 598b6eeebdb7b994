"""When two keys are the same lock, and which locks keep two threads apart."""

from __future__ import annotations

from lockcheck.core.classes import WRITE, Key

__all__ = ["excludes", "gate", "same_lock", "surely_same"]


def same_lock(one: Key, other: Key) -> bool:
    """Can two keys be the same lock, whatever the subclass?"""
    if one.base is other.base:
        return True
    return (one.many or other.many) and one.base.cls is other.base.cls


def surely_same(one: Key, other: Key) -> bool:
    """Are two keys certainly the same lock?"""
    return one.base is other.base and not one.many


def gate(one: tuple[Key, ...], other: tuple[Key, ...]) -> Key | None:
    """A lock in both held sets that not both hold as readers: they exclude each other."""
    for a in one:
        for b in other:
            if surely_same(a, b) and excludes(a, b):
                return a
    return None


def excludes(a: Key, b: Key) -> bool:
    """Do a holder by `a` and one by `b` of the same lock keep each other away?"""
    return a.permits == 1 and (a.mode == WRITE or b.mode == WRITE)
