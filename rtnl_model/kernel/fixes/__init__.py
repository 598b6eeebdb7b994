"""The fixes that `pernet` contains: Linux 7.3 plus what its masked defects need without RTNL.

One small file each, an overlay with its reasoning (README.md has the list). `pernet`
has all that are not taken out again with `--bug G.n`, `small` those asked for with `--fix G.n`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import g_1, g_2, g_3, g_8, g_12, g_13, g_14, g_15, g_16, g_20, g_24, g_25, g_26, g_27

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..overlay import Fix

__all__ = ["FIXES", "fixes_of"]

FIXES: tuple[Fix, ...] = (
    g_1.FIX,
    g_2.FIX,
    g_3.FIX,
    g_8.FIX,
    g_12.FIX,
    g_13.FIX,
    g_14.FIX,
    g_15.FIX,
    g_16.FIX,
    g_20.FIX,
    g_24.FIX,
    g_25.FIX,
    g_26.FIX,
    g_27.FIX,
)
"""In order of application."""


def fixes_of(regime: str, asked: Collection[str], without: Collection[str]) -> tuple[Fix, ...]:
    """The fixes that a kernel gets: in `pernet` all but `without`, elsewhere those asked for."""
    if regime == "pernet":
        return tuple(fix for fix in FIXES if fix.id not in without)
    return tuple(fix for fix in FIXES if fix.id in asked)
