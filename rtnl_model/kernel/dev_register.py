"""Allocation, registration and release of devices.

Mirrors alloc_netdev, register_netdevice, register_netdev and free_netdev of net/core/dev.c, in the
kernel's order of steps.

Left out: queues, features, ethtool, uevents (sysfs costs one figure of the timing table).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import KernelError
from .events import ALL, notifier_to_errno
from .netdevice import NetDevice, RegState

if TYPE_CHECKING:
    from .kernel import Kernel
    from .links import LinkDriver
    from .net_namespace import Net

__all__ = ["DevRegister"]


class DevRegister:
    """`k.dev_register`: the beginning and the end of a device."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    def alloc_netdev(self, net: Net, name: str, driver: LinkDriver) -> NetDevice:
        """A device that nobody knows yet; `name` may be a pattern such as `dummy%d`."""
        k = self.k
        dev = NetDevice(k.chk, name, net, k.label(f"{net.name}/{name}"))
        dev.netdev_ops = driver
        dev.rtnl_link_ops = driver if driver.kind else None
        dev.ops_locked = driver.ops_locked
        dev.instance_lock = k.make_dev_lock(dev, driver.lockdep_class)
        dev.refcnt = k.chk.Refcount(f"refs of {dev.label}", 1, dev)
        dev.used_after_free = k.lifetime.used_after_free
        k.lifetime.device_made(dev)
        driver.setup(dev)
        return dev

    def free_netdev(self, dev: NetDevice) -> None:
        """Release it; while it is UNREGISTERING netdev_run_todo will."""
        k = self.k
        with k.probe.fn("free_netdev", dev):
            state = dev.reg_state
            if state is RegState.UNREGISTERING:
                k.ASSERT_RTNL()
                dev.needs_free_netdev = True
                return
            if state is RegState.UNINITIALIZED:
                k.lifetime.device_freed(dev)
                dev.freed = True
                return
            if state is not RegState.UNREGISTERED:
                k.bug(f"free_netdev of {dev.name} in state {state.name}", dev=dev)
            if dev.refcnt.value != 1:
                k.report_invariant(
                    f"{dev.name} is freed with {dev.refcnt.value} references",
                    rule="free-with-references",
                    dev=dev,
                )
            k.lifetime.device_freed(dev)
            dev.reg_state = RegState.RELEASED
            dev.freed = True
            k.count("freed", dev)

    # -- registration --

    def register_netdev(self, dev: NetDevice) -> None:
        """register_netdevice with the lock of its netns around it (drains it).

        Raises: KernelError.
        """
        k = self.k
        net = self.k.dev.dev_net(dev)
        k.rtnl.rtnl_net_lock_killable(net)
        try:
            self.register_netdevice(dev)
        finally:
            k.rtnl.rtnl_net_unlock(net)

    def register_netdevice(self, dev: NetDevice) -> None:
        """Make a device known.  Locks: RTNL.  Raises: KernelError, dev then not registered."""
        k = self.k
        net = self.k.dev.dev_net(dev)
        ops = dev.netdev_ops
        assert ops is not None
        with k.probe.fn("register_netdevice", dev):
            k.ASSERT_RTNL()
            if dev.reg_state is not RegState.UNINITIALIZED:
                k.bug(f"register_netdevice of {dev.name} in state {dev.reg_state.name}", dev=dev)
            self.k.dev_names.dev_get_valid_name(net, dev)
            ops.ndo_init(dev)
            try:
                dev.ifindex = self.k.dev_names.dev_index_reserve(net, dev)
                k.notifier.call_checked("POST_INIT", dev)
            except KernelError:
                ops.ndo_uninit(dev)
                ops.priv_destructor(dev)
                raise
            k.cpu(k.timing.register, "register")
            self.netdev_register(net, dev)

    def set_registered(self, dev: NetDevice) -> None:
        """WRITE_ONCE(dev->reg_state).  Locks: I(dev)."""
        self.k.netdev_assert_locked(dev, "reg_state")
        dev.reg_state = RegState.REGISTERED

    def netdev_register(self, net: Net, dev: NetDevice) -> None:
        """From REGISTERED on: list it and notify everybody.  Raises: KernelError."""
        k = self.k
        with dev.lock:
            self.set_registered(dev)
        tracker = self.k.dev.netdev_hold(dev, "registered")
        assert tracker is not None
        dev.registered_tracker = tracker
        self.k.dev_names.list_netdevice(net, dev)
        if not dev.perm_addr:
            dev.perm_addr = dev.address
        with k.netdev_lock_ops(dev):
            ret = k.notifier.call_netdevice_notifiers("REGISTER", dev)
        if notifier_to_errno(ret):
            dev.needs_free_netdev = False  # the caller frees it
            k.dev.unregister_netdevice_queue(dev, None)
            raise KernelError(notifier_to_errno(ret))
        k.count("registered", dev)
        if not dev.rtnl_link_initializing:
            k.events.rtmsg_ifinfo("NEWLINK", dev, ALL)
