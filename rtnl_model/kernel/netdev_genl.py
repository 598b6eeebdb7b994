"""The queue commands of the netdev netlink family: net/core/netdev-genl.c, and ethtool's channels.

queue-create leases a physical queue to a virtual device.  It takes neither RTNL nor a netns lock:
what decides between it and an unregistration is the instance lock, under which reg_state becomes
UNREGISTERING before NETDEV_UNREGISTER is sent and before ndo_uninit runs.  So a lease is complete
before (then the notifier's scan, or uninit, finds it) or it is refused with ENODEV.

Left out: transmit queues, NAPI, page-pool commands, the attribute offsets of an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from errno import EINVAL, ENODEV, EOPNOTSUPP, ERANGE
from typing import TYPE_CHECKING

from .errors import KernelError

if TYPE_CHECKING:
    from .kernel import Kernel
    from .net_namespace import Net
    from .netdevice import NetDevice

__all__ = ["NetdevGenl", "QueueCreateRequest", "QueueListing"]

ENONET = 64


@dataclass(slots=True)
class QueueCreateRequest:
    """One NETDEV_CMD_QUEUE_CREATE message."""

    sock_net: Net
    ifindex: int
    """The virtual device, in the requester's namespace."""
    lease_ifindex: int | None
    lease_queue: int | None
    lease_net: Net | None = None
    """Where the physical device is; None: no netns-id attribute, the requester's namespace."""
    unknown_nsid: bool = False
    """A netns-id that names nothing in the requester's namespace."""
    queue_type: str = "rx"
    lease_queue_type: str = "rx"
    has_lease: bool = True


@dataclass(slots=True)
class QueueListing:
    """One line of a queue-get dump."""

    index: int
    lease_ifindex: int | None = None
    lease_queue: int | None = None
    lease_nsid: int | None = None


class NetdevGenl:
    """The netdev netlink family's queue commands, and the leases."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    # -- queue-create --

    def netdev_nl_queue_create_doit(self, req: QueueCreateRequest) -> int:
        """Lease a physical queue to a new queue of a virtual device; returns the new queue's id.

        Context: no RTNL, no netns lock.  Takes I(virt), then I(phys).  Raises: KernelError.
        """
        with self.k.probe.fn("netdev_nl_queue_create_doit"):
            self.k.chk.assert_not_held(self.k.rtnl.rtnl_mutex)
            self.k.chk.assert_not_held(req.sock_net.rtnl_mutex)
            if req.queue_type != "rx" or not req.has_lease:
                raise KernelError(EINVAL)
            if req.lease_ifindex is None or req.lease_queue is None:
                raise KernelError(EINVAL)
            if req.lease_queue_type != "rx":
                raise KernelError(EINVAL)
            virt = self.k.netdev_rx_queue.netdev_get_by_index_lock(req.sock_net, req.ifindex)
            if virt is None:
                raise KernelError(ENODEV)
            try:
                self.check_virt(virt)
                return self.create_from(virt, req)
            finally:
                virt.lock.release()

    def check_virt(self, virt: NetDevice) -> None:
        """May this device lease at all?  Locks: I(virt).  Raises: KernelError."""
        if not self.k.netdev_rx_queue.netif_is_queue_leasee(virt):
            raise KernelError(EINVAL, "Device is not a virtual device")
        ops = virt.netdev_ops
        if ops is None or not ops.creates_queues:
            raise KernelError(EINVAL, "Device does not support queue creation")
        if virt.real_num_rx_queues < 1 or virt.real_num_tx_queues < 1:
            raise KernelError(EINVAL, "Device must have at least one real queue")

    def create_from(self, virt: NetDevice, req: QueueCreateRequest) -> int:
        """Find and lock the physical device, test, create, tie.  Locks: I(virt).

        Raises: KernelError.
        """
        if req.unknown_nsid:
            raise KernelError(ENONET)
        net = req.lease_net or req.sock_net
        phys, tracker = self.k.dev.netdev_get_by_index(net, req.lease_ifindex or 0, "queue-create")
        if phys is None:
            raise KernelError(ENODEV)
        try:
            self.check_phys(phys)
        except KernelError:
            self.k.dev.netdev_put(phys, tracker)
            raise
        if not self.k.netdev_rx_queue.netdev_put_lock(phys, net, tracker):
            raise KernelError(ENODEV)
        try:
            return self.lease_locked(virt, phys, req.lease_queue or 0)
        finally:
            phys.lock.release()

    def check_phys(self, phys: NetDevice) -> None:
        """May this device be leased from?  No lock of it is held.  Raises: KernelError."""
        if self.k.netdev_rx_queue.netif_is_queue_leasee(phys):
            raise KernelError(EINVAL, "Lease device is a virtual device")
        ops = phys.netdev_ops
        if ops is None or not ops.queue_mgmt:
            raise KernelError(EINVAL, "Lease device does not support queue management operations")

    def lease_locked(self, virt: NetDevice, phys: NetDevice, index: int) -> int:
        """Range, busy, same device; then ndo_queue_create and the lease.

        Locks: I(virt), I(phys).  Raises: KernelError.
        """
        if index >= phys.real_num_rx_queues:
            raise KernelError(ERANGE)
        queue = self.k.netdev_rx_queue.rx_queue(phys, index)
        self.k.netdev_rx_queue.netdev_queue_busy(queue)
        last = self.k.netdev_rx_queue.netif_get_rx_queue_lease(virt, virt.real_num_rx_queues - 1)
        if last is not None and last.dev is not phys:
            raise KernelError(EOPNOTSUPP, "Leasing queues from different devices not supported")
        assert virt.netdev_ops is not None
        created = virt.netdev_ops.ndo_queue_create(virt)
        self.k.netdev_rx_queue.netdev_rx_queue_lease(
            queue, self.k.netdev_rx_queue.rx_queue(virt, created)
        )
        return created

    # -- queue-get --

    def queue_get_dump(self, net: Net, ifindex: int) -> list[QueueListing]:
        """What `queue-get` shows of a device: leases only on the physical side.

        Raises: KernelError.
        """
        dev = self.k.netdev_rx_queue.netdev_get_by_index_lock(net, ifindex)
        if dev is None:
            raise KernelError(ENODEV)
        try:
            if not dev.up:
                return []
            return [self.queue_line(dev, index) for index in range(dev.real_num_rx_queues)]
        finally:
            dev.lock.release()

    def queue_line(self, dev: NetDevice, index: int) -> QueueListing:
        """One queue.  Allocates the nsid of a lessee elsewhere.  Locks: I(dev)."""
        line = QueueListing(index)
        virt = self.k.netdev_rx_queue.netif_get_rx_queue_lease(dev, index)
        if virt is None or self.k.netdev_rx_queue.netif_is_queue_leasee(dev):
            return line
        line.lease_ifindex = virt.dev.ifindex
        line.lease_queue = virt.index
        here, there = (
            self.k.dev.dev_net(dev),
            self.k.dev.dev_net(virt.dev),
        )  # the lessee may be moving
        if there is not here:
            line.lease_nsid = self.k.net_namespace.peernet2id_alloc(here, there)
        return line

    # -- ethtool channels --

    def ethnl_set_channels(self, net: Net, ifindex: int, count: int) -> tuple[int, int]:
        """Change the number of combined channels; (old, new).  Takes RTNL and I(dev).

        Raises: KernelError(EINVAL) when a queue that would go is in use.
        """
        self.k.rtnl.rtnl_net_lock(net)
        try:
            dev = self.k.dev.dev_get_by_index(net, ifindex)
            if dev is None:
                raise KernelError(ENODEV)
            with dev.lock:
                old = dev.real_num_rx_queues
                if count < 1 or count > dev.num_rx_queues:
                    raise KernelError(EINVAL)
                if any(self.k.netdev_rx_queue.in_use(dev, index) for index in range(count, old)):
                    raise KernelError(EINVAL)
                dev.real_num_rx_queues = count
                return old, count
        finally:
            self.k.rtnl.rtnl_net_unlock(net)
