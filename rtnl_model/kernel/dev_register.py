"""Allocation, registration, release and references of devices.

Mirrors alloc_netdev, register_netdevice, register_netdev, free_netdev, netdev_hold, netdev_put and
the name and ifindex allocation of net/core/dev.c, in the kernel's order of steps.

Left out: queues, features, ethtool, uevents (sysfs costs one figure of the timing table).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .errors import KernelError
from .events import ALL, notifier_to_errno
from .netdevice import NetDevice, RefTracker, RegState

if TYPE_CHECKING:
    from .kernel import Kernel
    from .links import LinkDriver
    from .net_namespace import Net

__all__ = ["DevRegister"]

IFNAMSIZ = 16


class DevRegister:
    """The upper half of a device's life, and its end."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    # -- allocation and release --

    def alloc_netdev(self, net: Net, name: str, driver: LinkDriver) -> NetDevice:
        """A device that nobody knows yet; `name` may be a pattern such as `dummy%d`."""
        k = self.k
        dev = NetDevice(k.chk, name, net, k.label(f"{net.name}/{name}"))
        dev.netdev_ops = driver
        dev.rtnl_link_ops = driver if driver.kind else None
        dev.ops_locked = driver.ops_locked
        dev.lock = k.make_dev_lock(dev, driver.lockdep_class)
        dev.refcnt = k.chk.Refcount(f"refs of {dev.label}", 1, dev)
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
            dev.reg_state = RegState.RELEASED
            dev.freed = True
            k.count("freed", dev)

    # -- references --

    def dev_net(self, dev: NetDevice) -> Net:
        """The namespace a device is in now.

        Who holds that namespace's RTNL reads plainly: nobody can move the device meanwhile.
        """
        here = dev.peek_net()
        if self.k.regime.is_net_held(here):
            return here
        net: Net = dev.net
        return net

    def netdev_hold(self, dev: NetDevice | None, what: str) -> RefTracker | None:
        """Take a tracked reference; None is a no-op."""
        if dev is None:
            return None
        if dev.freed:
            self.k.report_invariant(
                f"reference taken on freed device {dev.name} ({what})",
                rule="use-after-free",
                dev=dev,
            )
        dev.refcnt.inc()
        tracker = RefTracker(dev, what)
        dev.trackers.append(tracker)
        return tracker

    def netdev_put(self, dev: NetDevice | None, tracker: RefTracker | None) -> None:
        """Drop it again; None is a no-op."""
        if dev is None:
            return
        if tracker is None or not tracker.live or tracker.dev is not dev:
            self.k.report_invariant(
                f"reference on {dev.name} dropped without a live tracker",
                rule="ref-tracker",
                dev=dev,
            )
        else:
            tracker.live = False
            dev.trackers.remove(tracker)
        if dev.refcnt.dec() < 1:
            self.k.report_invariant(
                f"reference count of {dev.name} fell below its own", rule="ref-underflow", dev=dev
            )

    # -- registration --

    def register_netdev(self, dev: NetDevice) -> None:
        """register_netdevice with the lock of its netns around it (drains it).

        Raises: KernelError.
        """
        k = self.k
        net = self.dev_net(dev)
        k.rtnetlink.rtnl_net_lock_killable(net)
        try:
            self.register_netdevice(dev)
        finally:
            k.rtnetlink.rtnl_net_unlock(net)

    def register_netdevice(self, dev: NetDevice) -> None:
        """Make a device known.  Locks: RTNL.  Raises: KernelError, dev then not registered."""
        k = self.k
        net = self.dev_net(dev)
        ops = dev.netdev_ops
        assert ops is not None
        with k.probe.fn("register_netdevice", dev):
            k.ASSERT_RTNL()
            if dev.reg_state is not RegState.UNINITIALIZED:
                k.bug(f"register_netdevice of {dev.name} in state {dev.reg_state.name}", dev=dev)
            self.dev_get_valid_name(net, dev)
            ops.ndo_init(dev)
            try:
                dev.ifindex = self.dev_index_reserve(net, dev)
                k.notifier.call_checked("POST_INIT", dev)
            except KernelError:
                ops.ndo_uninit(dev)
                ops.priv_destructor(dev)
                raise
            k.cpu(k.timing.register, "register")
            self.netdev_register(net, dev)

    def netdev_register(self, net: Net, dev: NetDevice) -> None:
        """From REGISTERED on: list it and tell everybody.  Raises: KernelError."""
        k = self.k
        with dev.lock:
            dev.reg_state = RegState.REGISTERED
        tracker = self.netdev_hold(dev, "registered")
        assert tracker is not None
        dev.registered_tracker = tracker
        self.list_netdevice(net, dev)
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

    def list_netdevice(self, net: Net, dev: NetDevice) -> None:
        """Onto the netns' list and into its tables.  Locks: RTNL of net."""
        net.tables.set(dev)
        net.devs.append(dev)
        net.names[dev.name] = dev
        net.indexes[dev.ifindex] = dev
        dev.listed = True

    def unlist_netdevice(self, dev: NetDevice) -> None:
        """Off the list and out of the name and index tables.  Locks: RTNL of its netns."""
        net = self.dev_net(dev)
        net.tables.set(dev)
        if net.devs[-1] is dev:  # a dying namespace goes newest first: no search
            net.devs.pop()
        else:
            net.devs.remove(dev)
        net.indexes.pop(dev.ifindex, None)
        if net.names.get(dev.name) is dev:
            del net.names[dev.name]
        dev.listed = False

    # -- names and indexes --

    def dev_valid_name(self, name: str) -> bool:
        """Not empty, not `.` or `..`, short, no slash, colon or blank."""
        return (
            bool(name)
            and len(name.encode()) < IFNAMSIZ
            and name not in (".", "..")
            and "/" not in name
            and ":" not in name
            and name.split() == [name]
        )

    def dev_get_valid_name(self, net: Net, dev: NetDevice) -> None:
        """Give dev its name, which may be a pattern.  Raises: KernelError.

        The netns' RTNL keeps it free until list_netdevice.
        """
        dev.name = self.dev_prep_valid_name(net, dev.name, errno.EEXIST)

    def dev_prep_valid_name(self, net: Net, name: str, dup_errno: int) -> str:
        """The name to use in net for a wanted name or pattern.  Raises: KernelError."""
        if not self.dev_valid_name(name):
            raise KernelError(errno.EINVAL)
        if "%" in name:
            return self.dev_alloc_name(net, name)
        if name in net.names:
            raise KernelError(dup_errno)
        return name

    def dev_alloc_name(self, net: Net, pattern: str) -> str:
        """The lowest free number of `NAME%d`.  Raises: KernelError(EINVAL, ENFILE)."""
        at = pattern.find("%")
        if pattern[at : at + 2] != "%d" or "%" in pattern[at + 2 :]:
            raise KernelError(errno.EINVAL)
        for n in range(32768):
            name = f"{pattern[:at]}{n}{pattern[at + 2 :]}"
            if name not in net.names:
                if not self.dev_valid_name(name):
                    raise KernelError(errno.EINVAL)
                return name
        raise KernelError(errno.ENFILE)

    def dev_index_reserve(self, net: Net, dev: NetDevice) -> int:
        """Keep the ifindex asked for, or take the next one.  Raises: KernelError(EBUSY)."""
        if dev.ifindex:
            if dev.ifindex in net.indexes:
                raise KernelError(errno.EBUSY)
            return dev.ifindex
        return self.dev_new_index(net)

    def dev_new_index(self, net: Net) -> int:
        """The next free ifindex, cyclic."""
        while net.next_ifindex in net.indexes:
            net.next_ifindex += 1
        ifindex = net.next_ifindex
        net.next_ifindex += 1
        return ifindex
