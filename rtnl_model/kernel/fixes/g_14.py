"""G.14: a section entered by trylock from a sysctl handler does not drain.

The handler is counted as a user of its device's table; if its unlock drains that very device, the
teardown waits for the table's users, that is, for the handler itself.  The handler enters by
trylock exactly so that nothing may ever wait for it with RTNL held, so the drain is left to the
work, which was queued together with the device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..inet import Inet
from ..overlay import Fix

if TYPE_CHECKING:
    from ..inet import Table
    from ..net_namespace import Net

__all__ = ["FIX"]


class HandlerDoesNotDrain(Inet):
    """A trylock section leaves the drain to the work."""

    def handler(self, net: Net, table: Table, key: str, value: str | None) -> str | None:
        """As before, without a drain in its unlock."""
        with self.k.rtnl.leaving_drains():
            return super().handler(net, table, key, value)


FIX = Fix(
    "G.14",
    "a trylock section of a sysctl handler does not drain",
    "The drain waits for the users of the drained device's sysctl table, and the drainer is one.",
    {"inet": HandlerDoesNotDrain},
)
