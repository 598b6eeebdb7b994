"""G.15: a namespace's exit waits for whoever still uses it from elsewhere, not only for works.

7.3's work function looks at the pending list without a lock and returns when it is empty, also when
another thread has just taken the list away and is still unregistering from it.  A namespace's exit
that flushed then goes on while a device elsewhere still uses its backend.  Taking the lock without
looking first makes the work wait for that thread, and so the flush for the work.

That is not all once RTNL is gone: a user who deletes the device in its own namespace takes it off
the backend's list and unregisters it; no work is queued, and the backend's exit, which finds its
list empty, would pass while the device is still being closed.  So a device counts as a user of its
backend from ndo_init to the end of ndo_uninit, and the exit waits for the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..links.backend import BackendDriver
from ..overlay import Fix
from ..rtnl_work import RtnlWork

if TYPE_CHECKING:
    from ..links.backend import BackendNet
    from ..net_namespace import Net
    from ..netdevice import NetDevice

__all__ = ["FIX"]


class LocksBeforeLooking(RtnlWork):
    """The work waits for a drain in progress, and so the flush does."""

    def work_has_something(self, net: Net) -> bool:
        """Always: take the lock, a drain in progress holds it."""
        return True


class ExitWaitsForUsers(BackendDriver):
    """A device counts as a user of its backend from ndo_init to the end of ndo_uninit."""

    def init_net(self, net: Net) -> None:
        """A count of users, 1 with none."""
        super().init_net(net)
        data: BackendNet = self.net_generic(net)
        data.users = self.k.chk.Refcount(f"{self.kind} users of {net.label}", 1)

    def ndo_init(self, dev: NetDevice) -> None:
        """One more, while the backend's RTNL is held."""
        super().ndo_init(dev)
        self.backend(dev).users.inc()

    def ndo_uninit(self, dev: NetDevice) -> None:
        """Its socket is released: one less."""
        super().ndo_uninit(dev)
        self.backend(dev).users.dec()

    def exit_net(self, net: Net) -> None:
        """Locks: none but pernet_ops_rwsem for read."""
        data: BackendNet = self.net_generic(net)
        self.k.chk.wait_refs([data.users], 1)
        super().exit_net(net)


FIX = Fix(
    "G.15",
    "a namespace's exit waits for drains in progress and for the devices that use it",
    "An empty list does not mean that nobody is unregistering what was on it.",
    {
        "rtnl_work": LocksBeforeLooking,
        "links.bareudp": ExitWaitsForUsers,
        "links.geneve": ExitWaitsForUsers,
        "links.pfcp": ExitWaitsForUsers,
        "links.vxlan": ExitWaitsForUsers,
    },
)
