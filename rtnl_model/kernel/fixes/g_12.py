"""G.12: the rebroadcast leaves nothing on a list that it does not run itself.

In 7.3 a thread that waits for references re-sends NETDEV_UNREGISTER under the device's netns lock,
whose unlock drains; __rtnl_unlock then leaves the drained devices on the todo list for whoever
comes next.  Without a global list nobody would: the list is the section's.  So the waiting thread
takes over what its rebroadcast drained and finishes it together with what it waits for.  That is
also what makes a chain which comes back to the waiting worker's own namespace (@T14) end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dev_todo import DevTodo
from ..overlay import Fix

if TYPE_CHECKING:
    from ..netdevice import NetDevice

__all__ = ["FIX"]


class RebroadcastFinishes(DevTodo):
    """The waiting thread finishes what its rebroadcast drained."""

    def rebroadcast_unregister(self, devs: list[NetDevice]) -> list[NetDevice]:
        """As before, and take over everything that this section unregistered."""
        super().rebroadcast_unregister(devs)
        taken: list[NetDevice] = self.splice_todo()
        return taken

    def netdev_rebroadcast(self, devs: list[NetDevice]) -> list[NetDevice]:
        """As before; what was taken becomes UNREGISTERED and is waited for too."""
        adopted: list[NetDevice] = super().netdev_rebroadcast(devs)
        return self.mark_unregistered(adopted) if adopted else []


FIX = Fix(
    "G.12",
    "the rebroadcast finishes what it drained",
    "A waiting thread's rebroadcast drains its device's netns and leaves the result to nobody.",
    {"dev_todo": RebroadcastFinishes},
)
