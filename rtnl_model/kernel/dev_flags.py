"""Up and down, name, MTU, address, group, promiscuity of a device.

Mirrors dev_open, netif_close_many, dev_change_flags, __dev_notify_flags, dev_change_name,
dev_set_mtu, dev_set_mac_address and netdev_state_change.  Events UP, DOWN, GOING_DOWN and CHANGE
are sent with the instance lock of an ops-locked device held, as lock_debug's table demands.

Left out: address lists, queues starting and stopping, features.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .errors import KernelError
from .netdevice import IFF_ALLMULTI, IFF_NOARP, IFF_PROMISC, IFF_RUNNING, IFF_UP, NetDevice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .kernel import Kernel

__all__ = ["DevFlags"]


class DevFlags:
    """`k.dev_flags`: what `ip link set` changes on a device that stays where it is."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    # -- up and down --

    def dev_open(self, dev: NetDevice) -> None:
        """Bring it up, by a driver (a bond its slave).  Raises: KernelError."""
        k = self.k
        if dev.flags & IFF_UP:
            return
        with k.netdev_lock_ops(dev):
            self.raw_dev_open(dev)
            k.events.rtmsg_ifinfo("NEWLINK", dev, IFF_UP | IFF_RUNNING)
            k.notifier.call_netdevice_notifiers("UP", dev)

    def raw_dev_open(self, dev: NetDevice) -> None:
        """__dev_open: no events but PRE_UP.  Raises: KernelError."""
        k = self.k
        k.ASSERT_RTNL()
        k.netdev_ops_assert_locked(dev, "__dev_open")
        assert dev.netdev_ops is not None
        k.notifier.call_checked("PRE_UP", dev)
        if dev.netdev_ops.validates_addr and not dev.netdev_ops.is_valid_ether_addr(dev.address):
            raise KernelError(errno.EADDRNOTAVAIL)
        dev.netdev_ops.ndo_open(dev)
        dev.flags |= IFF_UP

    def dev_close(self, dev: NetDevice) -> None:
        """Bring it down."""
        self.netif_close_many([dev])

    def netif_close_many(self, devs: Sequence[NetDevice]) -> None:
        """Close what is up: ops-locked devices first, all locked together, then the others."""
        running = [dev for dev in devs if dev.flags & IFF_UP]
        locked = [dev for dev in running if dev.ops_locked]
        if self.k.regime.has_rtnl and locked:
            self.close_locked_together(locked)
        else:
            self.close_locked_singly(locked)
        self.close_many([dev for dev in running if not dev.ops_locked], why="netif_close_many")

    def close_locked_together(self, devs: Sequence[NetDevice]) -> None:
        """Close with every instance lock held; the order among them is the list's."""
        taken: list[NetDevice] = []
        try:
            for dev in devs:
                dev.lock.acquire()
                taken.append(dev)
            self.close_many(devs, why="netif_close_many")
        finally:
            for dev in reversed(taken):
                dev.lock.release()

    def close_locked_singly(self, devs: Sequence[NetDevice]) -> None:
        """Without RTNL no two instance locks may be held at once (kernel/README.md)."""
        for dev in devs:
            with dev.lock:
                self.close_many([dev], why="netif_close_many")

    def close_many(self, devs: Sequence[NetDevice], *, why: str) -> None:
        """__dev_close_many and the notifications after it."""
        k = self.k
        with k.probe.frame(why):
            self.raw_dev_close_many(devs)
            for dev in devs:
                k.events.rtmsg_ifinfo("NEWLINK", dev, IFF_UP | IFF_RUNNING)
                k.notifier.call_netdevice_notifiers("DOWN", dev)

    def raw_dev_close_many(self, devs: Sequence[NetDevice]) -> None:
        """__dev_close_many: GOING_DOWN for all, then ndo_stop for all."""
        k = self.k
        for dev in devs:
            k.notifier.call_netdevice_notifiers("GOING_DOWN", dev)
        for dev in devs:
            assert dev.netdev_ops is not None
            k.netdev_ops_assert_locked(dev, "__dev_close_many")
            dev.netdev_ops.ndo_stop(dev)
            dev.flags &= ~IFF_UP

    def dev_change_flags(self, dev: NetDevice, flags: int) -> None:
        """Set IFF_UP, IFF_NOARP, IFF_PROMISC, IFF_ALLMULTI as in flags.  Raises: KernelError."""
        with self.k.netdev_lock_ops(dev):
            self.netif_change_flags(dev, flags)

    def netif_change_flags(self, dev: NetDevice, flags: int) -> None:
        """As dev_change_flags, the instance lock held where the device wants it."""
        self.k.netdev_ops_assert_locked(dev, "netif_change_flags")
        old = dev.flags
        self.raw_dev_change_flags(dev, flags)
        self.dev_notify_flags(dev, old, old ^ dev.flags)

    def raw_dev_change_flags(self, dev: NetDevice, flags: int) -> None:
        """__dev_change_flags: no notification.  Raises: KernelError."""
        self.k.ASSERT_RTNL()
        settable = IFF_NOARP | IFF_PROMISC | IFF_ALLMULTI
        dev.flags = (dev.flags & ~settable) | (flags & settable)
        if (dev.flags ^ flags) & IFF_UP:
            if flags & IFF_UP:
                self.raw_dev_open(dev)
            else:
                self.raw_dev_close_many([dev])

    def dev_notify_flags(self, dev: NetDevice, old: int, changes: int, portid: int = 0) -> None:
        """__dev_notify_flags."""
        k = self.k
        if changes:
            k.events.rtmsg_ifinfo("NEWLINK", dev, changes & 0xFFFFFFFF, portid=portid)
        if (old ^ dev.flags) & IFF_UP:
            k.notifier.call_netdevice_notifiers("UP" if dev.flags & IFF_UP else "DOWN", dev)
        quiet = IFF_UP | IFF_PROMISC | IFF_ALLMULTI
        if dev.flags & IFF_UP and (old ^ dev.flags) & ~quiet:
            k.notifier.call_netdevice_notifiers("CHANGE", dev, flags_changed=(old ^ dev.flags))

    def dev_set_promiscuity(self, dev: NetDevice, n: int) -> None:
        """Count up or down; the flag follows, with a notification."""
        old = dev.flags
        dev.promiscuity += n
        dev.flags = dev.flags | IFF_PROMISC if dev.promiscuity else dev.flags & ~IFF_PROMISC
        if old != dev.flags:
            if dev.netdev_ops is not None:
                dev.netdev_ops.ndo_change_rx_flags(dev, 1 if dev.flags & IFF_PROMISC else -1)
            self.dev_notify_flags(dev, old, IFF_PROMISC)

    def dev_set_allmulti(self, dev: NetDevice, n: int) -> None:
        """Count up or down; the flag follows, with a notification."""
        old = dev.flags
        dev.allmulti += n
        dev.flags = dev.flags | IFF_ALLMULTI if dev.allmulti else dev.flags & ~IFF_ALLMULTI
        if old != dev.flags:
            self.dev_notify_flags(dev, old, IFF_ALLMULTI)

    def netdev_state_change(self, dev: NetDevice) -> None:
        """Announce a change of a running device: CHANGE, and a NEWLINK without flags."""
        if dev.flags & IFF_UP:
            self.k.notifier.call_netdevice_notifiers("CHANGE", dev)
            self.k.events.rtmsg_ifinfo("NEWLINK", dev, 0)

    def dev_disable_lro(self, dev: NetDevice) -> None:
        """Large receive offload off, where it was on: its features changed.  Locks: RTNL."""
        if dev.lro:
            dev.lro = False
            self.k.notifier.call_netdevice_notifiers("FEAT_CHANGE", dev)

    # -- name, mtu, address, group --

    def dev_set_mtu(self, dev: NetDevice, mtu: int) -> None:
        """Change the MTU and notify everybody.  Raises: KernelError."""
        with self.k.netdev_lock_ops(dev):
            self.netif_set_mtu(dev, mtu)

    def netif_set_mtu(self, dev: NetDevice, mtu: int) -> None:
        """As dev_set_mtu, the instance lock held where the device wants it."""
        k = self.k
        if mtu == dev.mtu:
            return
        k.netdev_ops_assert_locked(dev, "netif_set_mtu")
        self.dev_validate_mtu(dev, mtu)
        assert dev.netdev_ops is not None
        k.notifier.call_checked("PRECHANGEMTU", dev, mtu=mtu)
        dev.netdev_ops.ndo_change_mtu(dev, mtu)
        k.notifier.call_netdevice_notifiers("CHANGEMTU", dev, mtu=mtu)

    def dev_validate_mtu(self, dev: NetDevice, mtu: int) -> None:
        """Raises: KernelError(EINVAL) outside the device's range."""
        if mtu < 0 or mtu < dev.min_mtu:
            raise KernelError(errno.EINVAL, "mtu less than device minimum")
        if dev.max_mtu and mtu > dev.max_mtu:
            raise KernelError(errno.EINVAL, "mtu greater than device maximum")

    def dev_set_mac_address(self, dev: NetDevice, address: str) -> None:
        """Change the address: PRE_CHANGEADDR may refuse.  Raises: KernelError."""
        with self.k.netdev_lock_ops(dev):
            self.netif_set_mac_address(dev, address)

    def netif_set_mac_address(self, dev: NetDevice, address: str) -> None:
        """As dev_set_mac_address, the instance lock held where the device wants it."""
        k = self.k
        k.netdev_ops_assert_locked(dev, "netif_set_mac_address")
        assert dev.netdev_ops is not None
        if not dev.netdev_ops.sets_mac_address:
            raise KernelError(errno.EOPNOTSUPP)
        self.dev_pre_changeaddr_notify(dev, address)
        if dev.address != address:
            dev.netdev_ops.ndo_set_mac_address(dev, address)
        k.notifier.call_netdevice_notifiers("CHANGEADDR", dev, address=address)

    def dev_pre_changeaddr_notify(self, dev: NetDevice, address: str) -> None:
        """Ask everybody.  Raises: KernelError."""
        self.k.notifier.call_checked("PRE_CHANGEADDR", dev, address=address)
