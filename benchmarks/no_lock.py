"""The no-lock bound: the same waits and the same work with no RTNL at all.

A regime of the benchmark's own, and no switch in the kernel: nobody waits for anybody, every device
is unregistered on the spot, whoever asks hears that the lock is held.  It is what a perfect
replacement of RTNL could reach, and no more than that: on work that shares anything it would be
wrong, so it runs independent work only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtnl_model.kernel.regime import GlobalRegime
from rtnl_model.kernel.rtnl import Rtnl

if TYPE_CHECKING:
    from lockcheck.sync import Lock
    from rtnl_model.kernel.net_namespace import Net

__all__ = ["NoLockRegime", "NoRtnl"]


class NoLockRegime(GlobalRegime):
    """`global` without its mutex: sections that hold nothing, each with a todo list of its own."""

    name = "no-lock"
    has_rtnl = False


class NoRtnl(Rtnl):
    """Whoever asks holds the lock."""

    def is_rtnl_held(self) -> bool:
        """Everybody may do everything."""
        return True

    def is_net_held(self, net: Net) -> bool:
        """Everybody may do everything."""
        return True

    def owns(self, lock: Lock) -> bool:
        """Everybody may do everything."""
        return True
