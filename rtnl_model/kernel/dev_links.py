"""Upper and lower devices, masters, rx handlers, carrier and operational state.

Mirrors netdev_upper_dev_link, netdev_upper_dev_unlink, netdev_rx_handler_register and
netif_stacked_transfer_operstate of net/core/dev.c.  The two ends of a link may be in two
namespaces; the lists are covered by RTNL, in `pernet` by the leaf mutex netdev_adjacent_lock, held
only while they change.

Left out: neighbour levels beyond direct ones (but the loop check walks them), lower state events.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .errors import KernelError
from .netdevice import Adjacent, NetDevice, RegState
from .rcu import RX_DATA

__all__ = ["DevLinks"]

if TYPE_CHECKING:
    from collections.abc import Callable

    from .documents import Fields
    from .kernel import Kernel

MAX_NEST_DEV = 8


class DevLinks:
    """`k.dev_links`."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    # -- links --

    def netdev_upper_dev_link(
        self,
        lower: NetDevice,
        upper: NetDevice,
        *,
        master: bool = False,
        private: object = None,
        upper_info: object = None,
    ) -> None:
        """Link upper above lower, with a reference each way.

        Locks: RTNL (7.3 asserts nothing more).  Raises: KernelError from the loop and depth checks
        or a notifier.
        """
        k = self.k
        with k.probe.frame("netdev_upper_dev_link"):
            k.ASSERT_RTNL()
            self.check_attach(lower, upper)
            if lower is upper or self.has_upper(upper, lower):
                raise KernelError(errno.EBUSY)
            if self.depth(lower) + self.height(upper) > MAX_NEST_DEV:
                raise KernelError(errno.EMLINK)
            if upper in self.uppers(lower):
                raise KernelError(errno.EEXIST)
            if master and self.netdev_master_upper_dev_get(lower) is not None:
                raise KernelError(errno.EBUSY)
            info: Fields = {
                "upper": upper,
                "linking": True,
                "master": master,
                "upper_info": upper_info,
            }
            k.notifier.call_checked("PRECHANGEUPPER", lower, **info)
            self.adjacent_insert(lower, upper, master=master, private=private)
            try:
                k.notifier.call_checked("CHANGEUPPER", lower, **info)
            except KernelError:
                self.adjacent_remove(lower, upper)
                raise

    def check_attach(self, lower: NetDevice, upper: NetDevice) -> None:
        """invariant: nothing attaches to a lower that is going (7.3 lets a nested ipvlan, G.1)."""
        if not self.k.rtnl.is_net_held(lower.peek_net()):
            self.k.assert_instance_covers(lower, f"attaching {upper.name}: reg_state")
        if not self.k.dev.dev_is_registered(lower):
            state = lower.peek_state().name
            self.k.report_invariant(
                f"{upper.name} attaches to {lower.name}, which is {state}",
                rule="late-attach",
                dev=lower,
                known="G.1",
            )

    def netdev_upper_dev_unlink(self, lower: NetDevice, upper: NetDevice) -> None:
        """Undo netdev_upper_dev_link.  Locks: RTNL."""
        k = self.k
        with k.probe.frame("netdev_upper_dev_unlink"):
            k.ASSERT_RTNL()
            with k.netdev_adjacent():
                entry = next((entry for entry in lower.upper if entry.dev is upper), None)
            if entry is None:
                k.warn(f"{upper.name} is not an upper device of {lower.name}", dev=lower)
                return
            info: Fields = {"upper": upper, "linking": False, "master": entry.master}
            k.notifier.call_netdevice_notifiers("PRECHANGEUPPER", lower, **info)
            self.adjacent_remove(lower, upper)
            k.notifier.call_netdevice_notifiers("CHANGEUPPER", lower, **info)

    def adjacent_insert(
        self, lower: NetDevice, upper: NetDevice, *, master: bool, private: object
    ) -> None:
        """Both list entries, each with its reference."""
        down = self.k.dev.netdev_hold(lower, f"adjacency of {upper.label}")
        up = self.k.dev.netdev_hold(upper, f"adjacency of {lower.label}")
        assert down is not None
        assert up is not None
        with self.k.netdev_adjacent():
            upper.lower.append(Adjacent(lower, master, down, private))
            lower.upper.append(Adjacent(upper, master, up, private))

    def adjacent_remove(self, lower: NetDevice, upper: NetDevice) -> None:
        """Both list entries go, then their references."""
        with self.k.netdev_adjacent():
            down = self._take(upper.lower, lower)
            up = self._take(lower.upper, upper)
        if up is not None:
            self.k.dev.netdev_put(upper, up.tracker)
        if down is not None:
            self.k.dev.netdev_put(lower, down.tracker)

    def _take(self, entries: list[Adjacent], dev: NetDevice) -> Adjacent | None:
        for entry in entries:
            if entry.dev is dev:
                entries.remove(entry)
                return entry
        return None

    def has_upper(self, dev: NetDevice, wanted: NetDevice) -> bool:
        """Is wanted above dev, at any distance?"""
        return wanted in self._reach(dev, lambda at: at.upper)

    def lowers(self, dev: NetDevice) -> list[NetDevice]:
        """Direct lowers."""
        with self.k.netdev_adjacent():
            return [entry.dev for entry in dev.lower]

    def uppers(self, dev: NetDevice) -> list[NetDevice]:
        """Direct uppers."""
        with self.k.netdev_adjacent():
            return [entry.dev for entry in dev.upper]

    def height(self, dev: NetDevice) -> int:
        """Levels above dev, itself included."""
        return self._levels(dev, self.uppers)

    def depth(self, dev: NetDevice) -> int:
        """Levels below dev, itself included."""
        return self._levels(dev, self.lowers)

    def _levels(self, dev: NetDevice, step: Callable[[NetDevice], list[NetDevice]]) -> int:
        level, front = 1, step(dev)
        while front and level <= MAX_NEST_DEV:
            level += 1
            front = [further for at in front for further in step(at)]
        return level

    def _reach(
        self, dev: NetDevice, step: Callable[[NetDevice], list[Adjacent]]
    ) -> list[NetDevice]:
        seen: list[NetDevice] = []
        with self.k.netdev_adjacent():
            front = [entry.dev for entry in step(dev)]
            while front:
                at = front.pop()
                if at not in seen:
                    seen.append(at)
                    front.extend(entry.dev for entry in step(at))
        return seen

    def netdev_master_upper_dev_get(self, dev: NetDevice) -> NetDevice | None:
        """The master, or None.  Locks: RTNL."""
        self.k.ASSERT_RTNL()
        with self.k.netdev_adjacent():
            return dev.master

    # -- rx handlers --

    def netdev_rx_handler_register(self, dev: NetDevice, owner: str, data: object) -> None:
        """One handler a device.  Raises: KernelError(EBUSY, EINVAL)."""
        if dev.rx_handler is not None:
            raise KernelError(errno.EBUSY)
        if dev.no_rx_handler:
            raise KernelError(errno.EINVAL)
        dev.rx_handler = owner
        dev.rx_handler_data = data

    def netdev_rx_handler_unregister(self, dev: NetDevice) -> None:
        """Take it off, with a grace period between handler and data."""
        self.k.ASSERT_RTNL()
        dev.rx_handler = None
        self.k.rcu.retire(dev, RX_DATA)
        self.k.rcu.synchronize_net()
        self.k.rcu.assert_elapsed(dev, RX_DATA, "the end of rx_handler_data")
        dev.rx_handler_data = None

    # -- carrier --

    def netif_carrier_on(self, dev: NetDevice) -> None:
        """The link is up; linkwatch hears of it."""
        if not dev.carrier:
            dev.carrier = True
            self._linkwatch(dev)

    def netif_carrier_off(self, dev: NetDevice) -> None:
        """The link is down; linkwatch hears of it."""
        if dev.carrier:
            dev.carrier = False
            self._linkwatch(dev)

    def _linkwatch(self, dev: NetDevice) -> None:
        if dev.peek_state() is not RegState.UNINITIALIZED:
            self.k.linkwatch.linkwatch_fire_event(dev)

    def netif_stacked_transfer_operstate(self, root: NetDevice, dev: NetDevice) -> None:
        """An upper takes its lower's dormant and carrier state."""
        dev.dormant = root.operstate == "DORMANT"
        if root.carrier:
            self.netif_carrier_on(dev)
        else:
            self.netif_carrier_off(dev)
