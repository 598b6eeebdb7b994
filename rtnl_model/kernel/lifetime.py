"""What must be true of a thing when its memory is given back, and that nobody uses it afterwards.

Python keeps what is still referenced, so nothing breaks by itself when a device, a namespace, a
port or a module is freed too early.  Here is what KASAN, DEBUG_LIST, DEBUG_OBJECTS and lockdep's
check of freed memory would notice: a lock of the thing is held by somebody, it is on a list, it has
references, or somebody comes back to it later.

Context: whoever frees.  Locks and lists are looked at without scheduling points.
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING

from lockcheck import looking

from .guards import Bookkeeping
from .netdevice import RegState
from .rcu import TORN_DOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lockcheck import Lock

    from .kernel import Kernel
    from .links import LinkDriver
    from .net_namespace import Net
    from .netdevice import NetDevice
    from .notifier import NotifierBlock

__all__ = ["Lifetime"]


class Lifetime:
    """`k.lifetime`."""

    devices: Bookkeeping[dict[str, NetDevice]]
    """Devices between alloc_netdev and free_netdev, by label.  Covered by gate."""
    nets: Bookkeeping[list[Net]]
    """Namespaces that were made and not freed.  Covered by gate."""

    def __init__(self, k: Kernel) -> None:
        self.k = k
        self.devices = {}
        self.nets = []

    # -- devices --

    def device_made(self, dev: NetDevice) -> None:
        """alloc_netdev."""
        with self.k.gate:
            self.devices[dev.label] = dev

    def last_put(self, dev: NetDevice) -> None:
        """The last reference was dropped: from here whoever waits for it may free the device.

        So this thread must not have to unlock it afterwards, whether or not that one is faster.
        """
        if self.k.rtnl.owns(dev.instance_lock):
            self.k.file(
                "freed-held",
                f"the last reference on {dev.name} is dropped with its instance lock held:"
                " it may be freed before the unlock",
                "put-held",
                dev,
            )

    def device_freed(self, dev: NetDevice) -> None:
        """free_netdev, the moment before the memory goes."""
        with looking(self.k.chk):
            self._device_freed(dev)

    def _device_freed(self, dev: NetDevice) -> None:
        with self.k.gate:
            self.devices.pop(dev.label, None)
        self.report_held(f"device {dev.name}", (dev.instance_lock,), dev)
        self.report_standing(dev)
        self.k.rcu.assert_flushed(dev, "free_netdev")
        self.k.rcu.assert_elapsed(dev, TORN_DOWN, "free_netdev")
        self.k.rcu.assert_callbacks_done(dev, "free_netdev")
        for where in self.places_of(dev):
            self.k.report_invariant(
                f"{dev.name} is freed and still {where}", rule="freed-on-list", dev=dev
            )

    def report_standing(self, lower: NetDevice) -> None:
        """Nobody stands on it who would use it until its own end."""
        with self.k.gate:
            alive = list(self.devices.values())
        for dev in alive:
            ops = dev.netdev_ops
            state = dev.peek_state()
            if ops is None or not RegState.REGISTERED <= state <= RegState.UNREGISTERED:
                continue
            if ops.must_outlive(dev) is lower:
                self.k.report_invariant(
                    f"{lower.name} is freed while {dev.name}, which is {state.name}, stands on it",
                    rule="freed-below",
                    dev=lower,
                )

    def places_of(self, dev: NetDevice) -> Iterator[str]:
        """Where the kernel still has it."""
        if dev.listed:
            yield "listed in its namespace"
        if dev.unreg_list is not None:
            yield "on a list of devices to unregister"
        if dev.unreg_list_net is not None:
            yield f"pending in namespace {dev.unreg_list_net.label}"
        for word, links in (("below", dev.upper), ("above", dev.lower)):
            for each in links:
                yield f"{word} {each.dev.name}"
        if dev.rx_handler is not None:
            yield f"with the rx handler of {dev.rx_handler}"
        for index, queue in dev.rx_queues.items():
            if queue.lease is not None or queue.user is not None:
                yield f"in use at queue {index}"

    def used_after_free(self, dev: NetDevice, what: str) -> None:
        """Somebody came back to a freed device."""
        self.k.report_invariant(
            f"use after free: {what} of {dev.name} is used", rule="used-after-free", dev=dev
        )

    # -- namespaces --

    def net_made(self, net: Net) -> None:
        """net_alloc."""
        with self.k.gate:
            self.nets.append(net)

    def peek_nets(self) -> list[Net]:
        """What is not freed."""
        with self.k.gate:
            return list(self.nets)

    def net_freed(self, net: Net) -> None:
        """net_complete_free: struct net goes."""
        with looking(self.k.chk):
            self._net_freed(net)

    def _net_freed(self, net: Net) -> None:
        with self.k.gate:
            if net in self.nets:
                self.nets.remove(net)
        self.report_held(
            f"namespace {net.label}", (net.rtnl_mutex, net.dev_unreg_lock, net.nsid_lock), None
        )
        places = [f"the namespace of {dev.name}" for dev in net.devs]
        places += [f"with {dev.name} pending" for dev in net.dev_unreg_head]
        if net.listed:
            places.append("listed")
        for where in places:
            self.k.report_invariant(
                f"namespace {net.label} is freed and still {where}", rule="freed-on-list"
            )

    def assert_net_alive(self, net: Net, what: str) -> None:
        """A lock of a freed namespace is taken, or something is put on its lists."""
        if not net.freed:
            return
        rebroadcast = "netdev_wait_allrefs_any" in self.k.probe.current().stack
        self.k.report_invariant(
            f"use after free: {what} of freed namespace {net.label}",
            rule="used-after-free",
            known="G.19" if rebroadcast else "",
        )

    # -- drivers --

    def port_freed(
        self, name: str, locks: Sequence[Lock], uppers: Sequence[NetDevice], lower: NetDevice
    ) -> None:
        """A driver's port of a lower goes."""
        with looking(self.k.chk):
            self._port_freed(name, locks, uppers, lower)

    def _port_freed(
        self, name: str, locks: Sequence[Lock], uppers: Sequence[NetDevice], lower: NetDevice
    ) -> None:
        self.report_held(name, locks, lower)
        if uppers:
            names = ", ".join(dev.name for dev in uppers)
            self.k.report_invariant(
                f"{name} is freed with {names} on its list", rule="port-in-use", dev=lower
            )

    def module_gone(self, driver: LinkDriver, block: NotifierBlock | None) -> None:
        """The end of module_exit: code and data of the driver are unmapped."""
        with looking(self.k.chk):
            self._module_gone(driver, block)

    def _module_gone(self, driver: LinkDriver, block: NotifierBlock | None) -> None:
        name = driver.kind or driver.module
        with self.k.gate:
            alive = list(self.devices.values())
        for dev in alive:
            if driver in (dev.netdev_ops, dev.rtnl_link_ops):
                self.k.report_invariant(
                    f"module {name} is unloaded while {dev.name} is {dev.peek_state().name}",
                    rule="module-in-use",
                    dev=dev,
                )
        for mark in list(self.k.netdev_work.work_list.marks):
            if isinstance(mark.work, MethodType) and mark.work.__self__ is driver:
                self.k.report_invariant(
                    f"module {name} is unloaded with a work on {mark.dev.name} left",
                    rule="module-in-use",
                    dev=mark.dev,
                )
        if block is not None:
            block.gone = True

    def assert_may_tell(self, dev: NetDevice, event: str) -> None:
        """What was torn down repeats NETDEV_UNREGISTER while it is waited for, and nothing else.

        That something attaches to it is judged where it does so.
        """
        if dev.torn_down and event not in ("UNREGISTER", "PRECHANGEUPPER", "CHANGEUPPER"):
            self.k.report_invariant(
                f"NETDEV_{event} of {dev.name} is sent after its NETDEV_UNREGISTER",
                rule="event-after-unregister",
                dev=dev,
            )

    def assert_may_open(self, dev: NetDevice, user: str) -> None:
        """Those who use its queues were shut by its NETDEV_UNREGISTER; nobody shuts a new one."""
        if dev.torn_down:
            self.k.report_invariant(
                f"{user} is opened on {dev.name} after its NETDEV_UNREGISTER",
                rule="opened-after-unregister",
                dev=dev,
            )

    def assert_loaded(self, block: NotifierBlock) -> None:
        """A notifier is about to be called."""
        if block.gone:
            self.k.report_invariant(
                f"use after free: {block.name} hears an event after its module was unloaded",
                rule="used-after-free",
            )

    # -- locks --

    def report_held(self, what: str, locks: Sequence[Lock], dev: NetDevice | None) -> None:
        """Nobody holds a lock that goes with its memory."""
        for lock in locks:
            for ts in lock.holders():
                self.k.file(
                    "freed-held",
                    f"{what} is freed while {ts.name} holds its {lock.class_name}",
                    "freed-held",
                    dev,
                )
