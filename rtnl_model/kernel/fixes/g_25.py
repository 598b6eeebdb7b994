"""G.25: an ipvlan in another namespace is changed under its own namespace's lock.

What happens to a lower (its mtu, its address), and a change of mode through one upper, reaches all
uppers of the port at once, wherever they live: Linux 7.3 writes their flags, mtu and address, and
calls notifiers for them, with nothing of their namespaces held but the global RTNL.  Without it two
threads write one device's flags.  Here an upper whose namespace the thread does not hold is left a
work (netdev_work), which runs under that namespace's lock and takes the port's or the lower's state
as it is then, so that the last change wins in whatever order works run.  Whether its address may be
changed is asked there, too: the answer comes too late for the lower, so that only the upper keeps
its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events import NOTIFY_DONE, notifier_to_errno
from ..links.ipvlan import Ipvlan
from ..links.ipvlan_port import IpvlPriv
from ..netdev_work import NetdevWork
from ..overlay import Fix

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..links.ipvlan_port import IpvlPort
    from ..marks import Mark
    from ..netdevice import NetDevice
    from ..rtnetlink_request import AttrValue

__all__ = ["FIX"]


class UppersFollowLater(Ipvlan):
    """The upper's own namespace changes it."""

    def set_noarp(self, dev: NetDevice, noarp: bool) -> None:
        """Now, or by a work that looks at the port's mode again.  Locks: pnodes_lock."""
        if self.is_ours(dev):
            super().set_noarp(dev, noarp)
        else:
            self.later(dev, self.follow_mode)

    def follow_mode(self, dev: NetDevice) -> None:
        """Takes pnodes_lock, so that a change of mode that is not over is waited for."""
        port = dev.netdev_priv(IpvlPriv).port
        with port.pnodes_lock:
            mode = port.mode
        super().set_noarp(dev, mode != "l2")

    def ipvlan_adjust_mtu(self, upper: NetDevice, lower: NetDevice) -> None:
        """Now, or by a work that looks at the lower again."""
        if self.is_ours(upper):
            super().ipvlan_adjust_mtu(upper, lower)
        else:
            self.later(upper, self.follow_mtu)

    def follow_mtu(self, dev: NetDevice) -> None:
        """The port holds the lower as long as this upper is registered."""
        super().ipvlan_adjust_mtu(dev, dev.netdev_priv(IpvlPriv).phy_dev)

    def follow_address(self, upper: NetDevice, lower: NetDevice) -> None:
        """Now, or by a work that looks at the lower again."""
        if self.is_ours(upper):
            super().follow_address(upper, lower)
        else:
            self.later(upper, self.copy_address)

    def ask_upper(self, upper: NetDevice, address: str) -> int:
        """Now, or when it follows: who lives elsewhere cannot refuse for the lower."""
        if self.is_ours(upper):
            return super().ask_upper(upper, address)
        return NOTIFY_DONE

    def copy_address(self, dev: NetDevice) -> None:
        """As follow_mtu; an upper that is refused the address keeps its own."""
        lower = dev.netdev_priv(IpvlPriv).phy_dev
        if not notifier_to_errno(super().ask_upper(dev, lower.address)):
            super().follow_address(dev, lower)

    def set_port_flags(self, port: IpvlPort, data: dict[str, AttrValue]) -> None:
        """Takes pnodes_lock: uppers of two namespaces may be changed at once."""
        with port.pnodes_lock:
            super().set_port_flags(port, data)

    def is_ours(self, dev: NetDevice) -> bool:
        """Does this thread hold the lock of the device's namespace?"""
        return self.k.rtnl.is_net_held(dev.peek_net())

    def later(self, dev: NetDevice, work: Callable[[NetDevice], None]) -> None:
        """The mark holds the upper, which is dropped from the list with its registration."""
        self.k.netdev_work.netdev_work_sched(dev, work)


class LocksEachNamespace(NetdevWork):
    """A work is run under the lock of its device's namespace, below RTNL too."""

    def run(self, mark: Mark) -> None:
        """A device that is not registered any more may have lost its namespace, and is let go."""
        k = self.k
        if not k.regime.has_rtnl or not k.dev.dev_is_registered(mark.dev):
            super().run(mark)
            return
        net = k.dev.dev_net(mark.dev)
        k.rtnl.rtnl_net_lock_nested(net)
        try:
            super().run(mark)
        finally:
            k.rtnl.rtnl_net_unlock_nested(net)


FIX = Fix(
    "G.25",
    "an ipvlan elsewhere follows its lower and its port by a work of its own namespace",
    "Flags, mtu and address of an upper are written without its namespace's lock.",
    {"links.ipvlan": UppersFollowLater, "netdev_work": LocksEachNamespace},
)
