"""Which function shows a race of a free run again, under control and with a token.

A free run has no schedule that could be repeated.  The order that breaks the program is found by
exploring a function that starts and joins both threads; where one of the program's own needs no
arguments, its name is known.
"""

from __future__ import annotations

import inspect
import os
import shlex
from collections.abc import Iterator
from types import CodeType
from typing import TYPE_CHECKING, Final

from lockcheck.patch.data.code import seen

if TYPE_CHECKING:
    from lockcheck.patch.data.harm import Access

__all__ = ["how_to_explore"]

_TAKES_MORE: Final = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS


def how_to_explore(old: Access, now: Access, packages: tuple[str, ...] = ()) -> str:
    """Say what prints the order of this race, and its token."""
    widened = f" --data {','.join(packages)}" if packages else ""
    later = set(_starters(now))
    common = [code for code in _starters(old) if code in later]
    for code in common:
        if _takes_nothing(code):
            path = _short(code.co_filename)
            where = shlex.quote(f"{path}::{code.co_name}")
            return f"to see the order that breaks it: lockcheck explore {where}{widened}"
    for code in common:
        if code.co_name.startswith("test"):
            return (
                "to see the order that breaks it: mark the test "
                f"{code.co_name} with @pytest.mark.lockcheck(explore=True)"
            )
    return (
        "to see the order that breaks it: put the start and the join of these threads into a "
        f"function without arguments, then lockcheck explore FILE::FUNCTION{widened}"
    )


def _starters(access: Access) -> Iterator[CodeType]:
    """The program's functions that ran when the thread was started, or at the access itself.

    Innermost first.
    """
    stack = access.origin if access.origin else access.stack
    for code, _lasti in stack.raw:
        if code.co_filename in seen:
            yield code


def _takes_nothing(code: CodeType) -> bool:
    """Is it a function of a module's own that can be called without arguments?"""
    named = code.co_name == code.co_qualname and not code.co_name.startswith("<")
    takes = code.co_argcount + code.co_kwonlyargcount
    return named and takes == 0 and not code.co_flags & _TAKES_MORE


def _short(path: str) -> str:
    """A path as somebody here would type it."""
    near = os.path.relpath(path)
    return path if near.startswith("..") else near
