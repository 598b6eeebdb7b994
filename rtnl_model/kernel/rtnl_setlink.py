"""Changing links: do_setlink, masters, groups, and what newlink shares with it.

Mirrors net/core/rtnetlink.c's do_setlink, rtnl_changelink, rtnl_group_changelink, do_set_master,
rtnl_create_link and rtnl_configure_link in the kernel's order of attributes.

Left out: VFs, bridge port attributes, XDP, GSO limits, aliases.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .errors import KernelError
from .netdevice import IFF_ALLMULTI, IFF_NOARP, IFF_PROMISC, IFF_UP, NetDevice
from .rcu import OLD_NET
from .rtnetlink_request import LinkRequest

if TYPE_CHECKING:
    from .kernel import Kernel
    from .links import LinkDriver
    from .net_namespace import Net
    from .rtnetlink_request import PeerRequest

__all__ = ["RtnlSetlink"]


class RtnlSetlink:
    """Change requests; the lowest part of `k.rtnetlink`."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    # -- shared with newlink --

    def rtnl_create_link(
        self,
        net: Net,
        ops: LinkDriver,
        asked: LinkRequest | PeerRequest | None,
        ifname: str | None = None,
    ) -> NetDevice:
        """Allocate a device of that kind from a request's general attributes.

        Raises: KernelError(EINVAL) for an MTU out of range.
        """
        k = self.k
        ops.alloc(asked)
        name = ifname or (asked.ifname if asked is not None else None) or f"{ops.kind}%d"
        dev = k.dev.alloc_netdev(net, name, ops)
        dev.rtnl_link_initializing = True
        if asked is None:
            return dev
        if asked.ifindex:
            dev.ifindex = asked.ifindex
        if asked.address is not None and len(asked.address.split(":")) < dev.addr_len:
            dev.net = k.init_net  # it is given its namespace only after this check
            k.dev.free_netdev(dev)
            raise KernelError(errno.EINVAL)
        if asked.mtu is not None:
            try:
                k.dev.dev_validate_mtu(dev, asked.mtu)
            except KernelError:
                k.dev.free_netdev(dev)
                raise
            dev.mtu = asked.mtu
        if asked.address is not None:
            dev.address = asked.address
        if asked.group is not None:
            dev.group = asked.group
        if isinstance(asked, LinkRequest):
            if asked.num_rx_queues is not None:
                dev.num_rx_queues = asked.num_rx_queues
            if asked.num_tx_queues is not None:
                dev.num_tx_queues = asked.num_tx_queues
            if asked.txqlen is not None:
                dev.txqlen = asked.txqlen
        return dev

    def rtnl_configure_link(self, dev: NetDevice, asked: LinkRequest | PeerRequest | None) -> None:
        """Set the flags asked for; the NEWLINK of a new device is sent here.

        Locks: RTNL; instance lock of an ops-locked device.  Raises: KernelError from ndo_open.
        """
        k = self.k
        old = dev.flags
        if asked is not None:
            flags = self.requested_flags(dev, asked)
            if flags != dev.flags:
                k.dev.raw_dev_change_flags(dev, flags)
        changes = old ^ dev.flags
        if dev.rtnl_link_initializing:
            dev.rtnl_link_initializing = False
            changes = 0xFFFFFFFF
        k.dev.dev_notify_flags(dev, old, changes)

    def requested_flags(self, dev: NetDevice, asked: LinkRequest | PeerRequest) -> int:
        """dev.flags with what the request sets or clears."""
        flags = dev.flags
        bits = [(asked.up, IFF_UP)]
        if isinstance(asked, LinkRequest):
            bits += [(asked.noarp, IFF_NOARP), (asked.promisc, IFF_PROMISC)]
            bits.append((asked.allmulticast, IFF_ALLMULTI))
        for wanted, bit in bits:
            if wanted is not None:
                flags = flags | bit if wanted else flags & ~bit
        return flags

    # -- existing devices --

    def rtnl_changelink(self, req: LinkRequest, dev: NetDevice, tgt_net: Net | None) -> None:
        """RTM_NEWLINK on a device that exists.  Raises: KernelError."""
        k = self.k
        if req.excl:
            raise KernelError(errno.EEXIST)
        if req.kind is not None:
            ops = dev.rtnl_link_ops
            if ops is None or ops.kind != req.kind:
                raise KernelError(errno.EOPNOTSUPP)
            with k.probe.frame("changelink"):
                ops.changelink(dev, req.data)
            k.dev.netdev_state_change(dev)
        self.do_setlink(req, dev, tgt_net)

    def do_setlink(self, req: LinkRequest, dev: NetDevice, tgt_net: Net | None) -> None:
        """Apply the attributes in the kernel's order.

        Locks: RTNL of dev's netns and of tgt_net.  Raises: KernelError, what was done stays done.
        """
        k = self.k
        with k.probe.frame("do_setlink"):
            if tgt_net is not None and tgt_net is not k.dev.dev_net(dev):
                k.dev.dev_change_net_namespace(dev, tgt_net, req.ifname, req.new_ifindex)
                k.rcu.assert_elapsed(dev, OLD_NET, "the end of the move")
            with k.netdev_lock_ops(dev):
                self.set_attributes(req, dev)
            if req.master is not None:
                self.do_set_master(dev, req.master)  # a master may open and close its slave
            if req.group is not None:
                with k.netdev_lock_ops(dev):
                    k.dev.netdev_state_change(dev)  # DO_SETLINK_NOTIFY

    def set_attributes(self, req: LinkRequest, dev: NetDevice) -> None:
        """Everything but the move and the master."""
        k = self.k
        if req.address is not None:
            k.dev.dev_set_mac_address(dev, req.address)
        if req.mtu is not None:
            k.dev.dev_set_mtu(dev, req.mtu)
        if req.group is not None:
            dev.group = req.group
        if req.ifindex and req.ifname:
            k.dev.dev_change_name(dev, req.ifname)
        flags = self.requested_flags(dev, req)
        if flags != dev.flags or req.up is not None:
            k.dev.netif_change_flags(dev, flags)
        if req.txqlen is not None:
            dev.txqlen = req.txqlen

    def do_set_master(self, dev: NetDevice, ifindex: int) -> None:
        """Leave the old master, join the new one (0: none).  Raises: KernelError."""
        k = self.k
        old = k.dev.netdev_master_upper_dev_get(dev)
        if old is not None:
            if old.ifindex == ifindex:
                return
            if not self.is_master(old):
                raise KernelError(errno.EOPNOTSUPP)
            assert old.netdev_ops is not None
            with k.probe.frame("ndo_del_slave"):
                old.netdev_ops.ndo_del_slave(old, dev)
        if ifindex:
            master = k.dev.dev_get_by_index(k.dev.dev_net(dev), ifindex)
            if master is None:
                raise KernelError(errno.EINVAL)
            if not self.is_master(master):
                raise KernelError(errno.EOPNOTSUPP)
            assert master.netdev_ops is not None
            with k.probe.frame("ndo_add_slave"):
                master.netdev_ops.ndo_add_slave(master, dev)

    def is_master(self, dev: NetDevice) -> bool:
        """Does it have ndo_add_slave?"""
        return dev.netdev_ops is not None and dev.netdev_ops.is_master

    def rtnl_group_changelink(self, req: LinkRequest, net: Net, tgt_net: Net | None) -> None:
        """Change every device of a group.  Raises: KernelError(ENODEV) when there is none."""
        found = False
        for dev in net.dev_list():
            if dev.group == req.group:
                found = True
                self.do_setlink(req, dev, tgt_net)
        if not found:
            raise KernelError(errno.ENODEV)
