"""Receive queues of devices, their leases and their users: net/core/netdev_rx_queue.c.

A virtual device (no parent device; only netkit can) may lease a receive queue of a physical one
(with a parent).  A lease is a pair of pointers, written with both instance locks held; it takes one
reference on the physical device and none on the virtual one, whose ndo_uninit ends all its leases.
Nothing here takes RTNL.  **Who needs both instance locks takes the virtual device's first.**

Users of a queue: an AF_XDP pool or a memory provider (io_uring zcrx, devmem) that is opened on a
leased queue is stored on the physical queue; the application's end holds the virtual device.  The
requests of user space stand in `netdev_genl`.

Left out: page pools, reconfiguration of a running queue, the DMA device.
"""

from __future__ import annotations

from errno import EBUSY, EINVAL, ENODEV
from typing import TYPE_CHECKING

from lockcheck import guarded

from .errors import KernelError
from .guards import Both, TheLock
from .netdevice import RegState

if TYPE_CHECKING:
    from lockcheck import Lock
    from lockcheck.sync import AtomicRef

    from .kernel import Kernel
    from .net_namespace import Net
    from .netdevice import NetDevice, RefTracker

__all__ = ["NetdevRxQueue", "NetdevRxQueues", "QueueUser"]


def _queue_lock(user: QueueUser) -> Lock | None:
    queue: NetdevRxQueue | None = vars(user).get("queue")
    return None if queue is None else queue.dev.instance_lock


def _lease_lock(queue: NetdevRxQueue) -> Lock | None:
    """The instance lock of the other end."""
    lease: NetdevRxQueue | None = vars(queue).get("lease")
    return queue.dev.instance_lock if lease is None else lease.dev.instance_lock


I_OF_QUEUE = TheLock(lambda queue: queue.dev.instance_lock, "I(dev)")


class QueueUser:
    """An application's end: a bound AF_XDP socket, or an open memory provider."""

    queue: guarded[NetdevRxQueue | None] = guarded(
        TheLock(_queue_lock, "I(the queue's dev)"), reads="once", default=None
    )
    """The physical queue that it sits on."""
    live: AtomicRef

    def __init__(
        self, kind: str, name: str, dev: NetDevice, tracker: RefTracker | None, live: AtomicRef
    ) -> None:
        self.kind = kind
        """"xsk" or "provider"."""
        self.name = name
        self.dev = dev
        """The device it was opened on; held while `live`."""
        self.tracker = tracker
        self.chk = dev.chk
        self.live = live
        """True while it holds dev.  The application, the device and the lease may each end it; the
        exchange decides who drops the reference (the kernel has the provider's own lock there)."""


class NetdevRxQueue:
    """struct netdev_rx_queue: one receive queue of a device."""

    lease: guarded[NetdevRxQueue | None] = guarded(
        Both(I_OF_QUEUE, TheLock(_lease_lock, "I(the other end)")), default=None
    )
    """The other end.
    invariant: a.lease is b iff b.lease is a, one of them physical, the other virtual."""
    lease_tracker: guarded[RefTracker | None] = guarded(I_OF_QUEUE, default=None)
    """On the physical end: the reference that keeps the physical device."""
    user = guarded[QueueUser | None](I_OF_QUEUE, reads="once", default=None)
    """On the physical end, or on a queue without lease."""

    def __init__(self, dev: NetDevice, index: int) -> None:
        self.dev = dev
        self.label = f"rx-queue {index} of {dev.label}"
        self.chk = dev.chk
        self.index = index

    def __repr__(self) -> str:
        return f"<rx {self.index} of {self.dev.name}>"


class NetdevRxQueues:
    """Queues, leases and users; `k.netdev_rx_queue`."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    # -- queues of a device --

    def rx_queue(self, dev: NetDevice, index: int) -> NetdevRxQueue:
        """__netif_get_rx_queue: made on first use."""
        queue: NetdevRxQueue | None = dev.rx_queues.get(index)
        if queue is None:
            queue = dev.rx_queues[index] = NetdevRxQueue(dev, index)
        return queue

    def netif_is_queue_leasee(self, dev: NetDevice) -> bool:
        """The direction rule: a device without a parent is virtual."""
        return not dev.parent

    def netif_get_rx_queue_lease(self, dev: NetDevice, index: int) -> NetdevRxQueue | None:
        """The other end of a lease of dev's queue.  Locks: I(dev)."""
        self.k.chk.assert_held(dev.lock)
        queue: NetdevRxQueue | None = dev.rx_queues.get(index)
        return None if queue is None else queue.lease

    # -- lease and unlease --

    def netdev_rx_queue_lease(self, phys: NetdevRxQueue, virt: NetdevRxQueue) -> None:
        """Tie two queues together; hold the physical device.  Locks: I(virt), I(phys)."""
        self.probe_lease("netdev_rx_queue_lease", phys, virt)
        self.k.chk.assert_held(virt.dev.lock)
        self.k.chk.assert_held(phys.dev.lock)
        for dev in (phys.dev, virt.dev):
            self.k.lifetime.assert_may_open(dev, f"a lease to {virt.dev.label}")
        phys.lease_tracker = self.k.dev.netdev_hold(phys.dev, f"rx-queue lease of {virt.dev.label}")
        phys.lease = virt
        virt.lease = phys

    def netdev_rx_queue_unlease(self, phys: NetdevRxQueue, virt: NetdevRxQueue) -> None:
        """Untie them; drop the reference on the physical device.  Locks: I(virt), I(phys).

        A user that came in through the lease is shut first: the physical queue outlives it.
        """
        self.probe_lease("netdev_rx_queue_unlease", phys, virt)
        self.k.chk.assert_held(virt.dev.lock)
        self.k.chk.assert_held(phys.dev.lock)
        self.netif_rxq_cleanup_unlease(phys)
        phys.lease = None
        virt.lease = None
        self.k.dev.netdev_put(phys.dev, phys.lease_tracker)
        phys.lease_tracker = None

    def netif_rxq_cleanup_unlease(self, phys: NetdevRxQueue) -> None:
        """Close what the lessee opened on the physical queue.  Locks: I(phys)."""
        user = phys.user
        if user is None:
            return
        phys.user = None
        user.queue = None
        self.end(user)

    def probe_lease(self, name: str, phys: NetdevRxQueue, virt: NetdevRxQueue) -> None:
        """The recordings' line: both ends."""
        probe = self.k.probe
        task = probe.current()
        probe.emit(
            {
                "pid": task.pid,
                "comm": task.comm,
                "fn": name,
                "virt": virt.dev.peek_name(),
                "virt_ns": virt.dev.peek_net().name,
                "virt_q": virt.index,
                "phys": phys.dev.peek_name(),
                "phys_ns": phys.dev.peek_net().name,
                "phys_q": phys.index,
                "stack": [name, *probe.stack()],
            }
        )

    def queue_unlease_all(self, virt: NetDevice) -> None:
        """End every lease of a virtual device.  Takes I(virt), then I(phys) per queue."""
        self.k.chk.assert_not_held(virt.lock)
        if virt.real_num_rx_queues <= 1:
            return
        with virt.lock:
            for index in range(1, virt.real_num_rx_queues):
                phys = self.netif_get_rx_queue_lease(virt, index)
                if phys is not None:
                    self.unlease_locked(phys, self.rx_queue(virt, index))

    def unlease_locked(self, phys: NetdevRxQueue, virt: NetdevRxQueue) -> None:
        """Under I(phys).  Locks: I(virt).

        XXX: the reference that goes with the lease may be the card's last one (G.26).
        """
        with phys.dev.lock:
            self.netdev_rx_queue_unlease(phys, virt)

    def netdev_queue_busy(self, queue: NetdevRxQueue) -> None:
        """Refuse a queue in use.  Locks: I(queue.dev).  Raises: KernelError(EBUSY)."""
        user = queue.user
        if user is not None and user.kind == "xsk":
            raise KernelError(EBUSY, "Device queue in use by AF_XDP")
        if queue.lease is not None:
            raise KernelError(EBUSY, "Device queue in use due to queue leasing")
        if user is not None:
            raise KernelError(EBUSY, "Device queue in use by memory provider")

    def in_use(self, dev: NetDevice, index: int) -> bool:
        """Is a queue leased or used?  Locks: I(dev)."""
        queue: NetdevRxQueue | None = dev.rx_queues.get(index)
        return queue is not None and (queue.lease is not None or queue.user is not None)

    # -- finding a device without RTNL --

    def netdev_get_by_index_lock(self, net: Net, ifindex: int) -> NetDevice | None:
        """Find a device of net and return it with I(dev) held, unless it goes or moves away."""
        dev, tracker = self.k.dev.netdev_get_by_index(net, ifindex, "netdev_get_by_index_lock")
        if dev is None:
            return None
        return dev if self.netdev_put_lock(dev, net, tracker) else None

    def netdev_put_lock(self, dev: NetDevice, net: Net, tracker: RefTracker | None) -> bool:
        """Trade a reference for the instance lock; False when dev is going, moving or elsewhere."""
        dev.lock.acquire()
        here = (
            dev.reg_state <= RegState.REGISTERED
            and not dev.moving_ns
            and self.k.dev.dev_net(dev) is net
        )
        if not here:
            dev.lock.release()
        self.k.dev.netdev_put(dev, tracker)
        return here

    # -- users of a queue --

    def open_user(self, net: Net, ifindex: int, index: int, kind: str, name: str) -> QueueUser:
        """Open an AF_XDP pool ("xsk") or a memory provider ("provider") on a queue.

        On a leased virtual queue it is stored on the physical one; a leased physical queue is busy.
        Context: no RTNL; takes I(dev), then I(phys).  Raises: KernelError.
        """
        dev = self.netdev_get_by_index_lock(net, ifindex)
        if dev is None:
            raise KernelError(ENODEV)
        try:
            if index >= dev.real_num_rx_queues:
                raise KernelError(EINVAL)
            phys = self.netif_get_rx_queue_lease(dev, index)
            if phys is None or not self.netif_is_queue_leasee(dev):
                queue = self.rx_queue(dev, index)
                self.netdev_queue_busy(queue)
                return self.install(queue, dev, kind, name)
            with phys.dev.lock:
                if phys.user is not None:
                    raise KernelError(EBUSY)
                return self.install(phys, dev, kind, name)
        finally:
            dev.lock.release()

    def install(self, queue: NetdevRxQueue, dev: NetDevice, kind: str, name: str) -> QueueUser:
        """Put the user on the queue; it holds the device it was opened on.  Locks: I(queue.dev)."""
        self.k.chk.assert_held(queue.dev.instance_lock)
        self.k.lifetime.assert_may_open(dev, f"{kind} {name}")
        tracker = self.k.dev.netdev_hold(dev, f"{kind} {name}")
        live = self.k.chk.AtomicRef(f"{kind}.live:{name}", True)
        user = QueueUser(kind, name, dev, tracker, live)
        user.queue = queue
        queue.user = user
        return user

    def close_user(self, user: QueueUser) -> None:
        """The application closes its end.  Takes I(dev), then I(phys); idempotent.

        Who wins the exchange has the reference that keeps the device, until it is put below.
        """
        if not user.live.xchg(False):
            return  # the device or the lease ended it
        dev = user.dev
        with dev.lock:
            queue = user.queue
            if queue is not None and queue.dev is not dev:
                with queue.dev.instance_lock:
                    self.detach(user)
            else:
                self.detach(user)
        self.k.dev.netdev_put(dev, user.tracker)

    def detach(self, user: QueueUser) -> None:
        """Take the user off its queue.  Locks: the queue's device."""
        queue = user.queue
        if queue is not None and queue.user is user:
            queue.user = None
        user.queue = None

    def end(self, user: QueueUser) -> None:
        """Drop the application's reference on its device, once."""
        if user.live.xchg(False):
            self.k.dev.netdev_put(user.dev, user.tracker)

    def dev_memory_provider_uninstall(self, dev: NetDevice) -> None:
        """Before a device's NETDEV_UNREGISTER: providers on its queues let go.  Locks: I(dev)."""
        self.k.netdev_ops_assert_locked(dev, "dev_memory_provider_uninstall")
        for index in sorted(dev.rx_queues):
            user = dev.rx_queues[index].user
            if user is not None and user.kind == "provider":
                self.detach(user)
                self.end(user)

    def xsk_notifier(self, dev: NetDevice) -> None:
        """NETDEV_UNREGISTER of a device: unbind the AF_XDP sockets that were opened on it.

        Takes I(dev), then the queue's device's.  Also for a netns move: reg_state is not looked at.
        """
        for queue in self.xsk_queues(dev):
            user = queue.user
            if user is not None:
                self.close_user(user)

    def xsk_queues(self, dev: NetDevice) -> list[NetdevRxQueue]:
        """Queues that carry a socket opened on dev."""
        with dev.lock:
            found = []
            for index in sorted(dev.rx_queues):
                queue: NetdevRxQueue = dev.rx_queues[index]
                carrier = (self.netif_is_queue_leasee(dev) and queue.lease) or queue
                user = carrier.user
                if user is not None and user.kind == "xsk" and user.dev is dev:
                    found.append(carrier)
            return found
