"""G.15: the flush waits for drains in progress anywhere, not only for works.

7.3's work function looks at the pending list without a lock and returns when it is empty, also when
another thread has just taken the list away and is still unregistering from it.  A namespace's exit
that flushed then goes on while a device elsewhere still uses its backend.  Taking the lock without
looking first makes the work wait for that thread, and so the flush for the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..overlay import Fix

if TYPE_CHECKING:
    from ..net_namespace import Net
    from ..rtnl_work import RtnlWork

__all__ = ["FIX"]


def _work(base: type[RtnlWork]) -> type[RtnlWork]:
    class LocksBeforeLooking(base):  # type: ignore[valid-type,misc]
        def work_has_something(self, net: Net) -> bool:
            """Always: take the lock, a drain in progress holds it."""
            return True

    return LocksBeforeLooking


FIX = Fix(
    "G.15",
    "the work takes the lock without looking at the list first",
    "An empty list does not mean that nobody is unregistering what was on it.",
    {"rtnl_work": _work},
)
