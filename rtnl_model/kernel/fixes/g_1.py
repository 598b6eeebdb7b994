"""G.1: nothing attaches to a lower that is going.

An ipvlan on an ipvlan attaches to the real lower, whose namespace rtnl_newlink did not lock.  In
7.3 it may come after that lower's NETDEV_UNREGISTER walked the port's list and before the last old
upper left the port; nobody walks again, and the lower waits for ever.  Here joining the port, and
later linking and listing, look at the lower's reg_state under the instance lock under which it
changes: an upper is on the list before the walk, or it is refused.
"""

from __future__ import annotations

from errno import ENODEV
from typing import TYPE_CHECKING

from ..errors import KernelError
from ..links.ipvlan import Ipvlan
from ..links.ipvlan_port import IpvlPriv
from ..netdevice import RegState
from ..overlay import Fix

if TYPE_CHECKING:
    from ..links.ipvlan_port import IpvlPort
    from ..netdevice import NetDevice
    from ..rtnetlink_request import NewlinkParams

__all__ = ["FIX"]


class NoLateAttach(Ipvlan):
    """A lower that is going takes no uppers."""

    def port_join(self, lower: NetDevice) -> IpvlPort:
        """Locks: I(lower).  Raises: KernelError(ENODEV) when the lower is going."""
        if lower.reg_state != RegState.REGISTERED:
            raise KernelError(ENODEV)
        port: IpvlPort = super().port_join(lower)
        return port

    def attach(self, dev: NetDevice, params: NewlinkParams) -> None:
        """Mode first; then, under I(lower), link and list together, or neither."""
        priv = dev.netdev_priv(IpvlPriv)
        port = priv.port
        lower = priv.phy_dev
        priv.dev_id = port.ida_alloc()
        try:
            self.set_port_flags(port, params.data)
            self.ipvlan_set_port_mode(port, str(params.data.get("mode", "l3")))
            with lower.lock:
                if lower.reg_state != RegState.REGISTERED:
                    raise KernelError(ENODEV)
                with port.pnodes_lock:
                    self.k.dev.netdev_upper_dev_link(lower, dev)
                    port.ipvlans.append(dev)
        except KernelError:
            port.ida.discard(priv.dev_id)
            raise


FIX = Fix(
    "G.1",
    "nothing attaches to a lower that is going",
    "A flattened ipvlan could join the port after the lower's unregistration walked it.",
    {"links.ipvlan": NoLateAttach},
)
