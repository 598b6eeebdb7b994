"""The fixes that `pernet` contains: Linux 7.3 plus what its masked defects need without RTNL.

One small file each, an overlay with its reasoning (pernet.md lists them).  `pernet_fixes` gives
those that are not taken out again with `--bug G.n`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import g_1, g_2, g_3, g_8, g_12, g_13, g_14, g_15, g_16, g_20

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..overlay import Fix

__all__ = ["FIXES", "pernet_fixes"]

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
)
"""In order of application."""


def pernet_fixes(without: Collection[str]) -> tuple[Fix, ...]:
    """The fixes of `pernet`, without those ids."""
    return tuple(fix for fix in FIXES if fix.id not in without)
