"""G.14: a section entered by trylock from a sysctl handler does not drain.

The handler is counted as a user of its device's table; if its unlock drains that very device, the
teardown waits for the table's users, that is, for the handler itself.  The handler enters by
trylock exactly so that nothing may ever wait for it with RTNL held, so the drain is left to the
work, which was queued together with the device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..overlay import Fix

if TYPE_CHECKING:
    from ..inet import Inet
    from ..net_namespace import Net

__all__ = ["FIX"]


def _inet(base: type[Inet]) -> type[Inet]:
    class HandlerDoesNotDrain(base):  # type: ignore[valid-type,misc]
        def enter_rtnl(self, net: Net) -> bool:
            """As before; the section is marked."""
            entered: bool = super().enter_rtnl(net)
            section = self.k.rtnl.section()
            if entered and section is not None:
                section.drain = False
            return entered

    return HandlerDoesNotDrain


FIX = Fix(
    "G.14",
    "a trylock section of a sysctl handler does not drain",
    "The drain waits for the users of the drained device's sysctl table, and the drainer is one.",
    {"inet": _inet},
)
