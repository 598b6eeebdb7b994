"""RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK: the handlers, with their locks.

Mirrors rtnl_newlink, __rtnl_newlink, rtnl_newlink_create, rtnl_setlink, rtnl_dellink,
rtnl_group_dellink and rtnl_delete_link.  rtnl_newlink gathers up to four namespaces (peer, target,
link, requester: patch 5ecbbb179e0c) and holds them all; rtnl_dellink holds the target's only, and
whatever lies outside is delegated by converted drivers.

The kind is pinned by its SRCU from the lookup past the unlock, that is, past drain and todo.
Left out: permissions, IFLA_LINKINFO of slaves beyond its kind.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from .errors import KernelError
from .netdevice import NetDevice, UnregHead
from .rtnetlink_request import LinkRequest, NewlinkParams

if TYPE_CHECKING:
    from .kernel import Kernel
    from .links import LinkDriver
    from .net_namespace import Net

__all__ = ["RtnlNewlink"]


class RtnlNewlink:
    """`k.rtnl_newlink`: request handlers."""

    def __init__(self, k: Kernel) -> None:
        self.k = k

    # -- RTM_NEWLINK --

    def rtnl_newlink(self, req: LinkRequest) -> None:
        """Make a device, or change one.  Raises: KernelError."""
        k = self.k
        with k.probe.frames("rtnetlink_rcv", "rtnetlink_rcv_msg"):
            with k.probe.fn("rtnl_newlink"):
                self.check_names(req)
                found = k.rtnl_link_ops.rtnl_link_ops_get(req.kind)
                if found is None:
                    self.rtnl_newlink_pinned(req, None)
                    return
                ops, section = found
                with section:
                    self.rtnl_newlink_pinned(req, ops)

    def check_names(self, req: LinkRequest) -> None:
        """Netlink policy.  Raises: KernelError(ERANGE, EINVAL)."""
        if req.ifname is not None and len(req.ifname.encode("utf-8", "surrogatepass")) >= 16:
            raise KernelError(errno.ERANGE, "Attribute failed policy validation")

    def rtnl_newlink_pinned(self, req: LinkRequest, ops: LinkDriver | None) -> None:
        """Gather the namespaces, lock them, do it."""
        k = self.k
        if ops is not None:
            ops.validate(req)
        peer_net = self.peer_net(req, ops)
        tgt_net = req.tgt_net or req.sock_net
        nets = k.rtnl.new_nets()
        for net in self.nets_of(req, tgt_net, peer_net):
            k.rtnl.rtnl_nets_add(nets, net)
        try:
            k.rtnl.rtnl_nets_lock(nets)
            try:
                self.rtnl_newlink_locked(req, ops, tgt_net, peer_net)
            finally:
                k.rtnl.rtnl_nets_unlock(nets)
        finally:
            k.rtnl.rtnl_nets_destroy(nets)

    def nets_of(self, req: LinkRequest, tgt_net: Net, peer_net: Net | None) -> list[Net]:
        """Whose locks the request needs; the requester's is one (patch 1, 5ecbbb179e0c)."""
        nets = (peer_net, tgt_net, req.link_net, req.sock_net)
        return [net for net in nets if net is not None]

    def peer_net(self, req: LinkRequest, ops: LinkDriver | None) -> Net | None:
        """rtnl_get_peer_net: known before locking because the kind says where its peer stands."""
        if ops is None or not ops.peer_type or req.peer is None:
            return None
        return req.peer.net

    def rtnl_newlink_locked(
        self, req: LinkRequest, ops: LinkDriver | None, tgt_net: Net, peer_net: Net | None
    ) -> None:
        """__rtnl_newlink.  Locks: RTNL of every namespace of the request."""
        net = tgt_net if req.create and req.excl else req.sock_net
        dev = self.rtnl_dev_get(net, req)
        if dev is not None:
            self.k.rtnl_setlink.rtnl_changelink(req, dev, req.tgt_net)
            return
        if not req.create:
            if not req.ifindex and not req.ifname and req.group is not None:
                self.k.rtnl_setlink.rtnl_group_changelink(req, net, req.tgt_net)
                return
            raise KernelError(errno.ENODEV)
        if ops is None:
            raise KernelError(errno.EOPNOTSUPP, "Unknown device type")
        self.rtnl_newlink_create(req, ops, tgt_net, peer_net)

    def rtnl_dev_get(self, net: Net, req: LinkRequest) -> NetDevice | None:
        """By index, else by name.  Locks: RTNL of net."""
        k = self.k
        if req.ifindex > 0:
            return k.dev.dev_get_by_index(net, req.ifindex)
        if req.ifname:
            return k.dev.dev_get_by_name(net, req.ifname)
        return None

    def rtnl_newlink_create(
        self, req: LinkRequest, ops: LinkDriver, tgt_net: Net, peer_net: Net | None
    ) -> None:
        """Make, register and configure the device; undo through the driver's dellink."""
        k = self.k
        dev = self.k.rtnl_setlink.rtnl_create_link(tgt_net, ops, req)
        params = NewlinkParams(req, req.sock_net, req.link_net, peer_net)
        try:
            ops.newlink(dev, params)
        except KernelError:
            k.dev.free_netdev(dev)
            raise
        try:
            with k.netdev_lock_ops(dev):
                self.k.rtnl_setlink.rtnl_configure_link(dev, req)
            if req.master is not None:
                self.k.rtnl_setlink.do_set_master(dev, req.master)
        except KernelError:
            list_kill = UnregHead("list_kill")
            ops.dellink(dev, list_kill)
            k.dev.unregister_netdevice_many(list_kill)
            raise

    # -- RTM_SETLINK --

    def rtnl_setlink(self, req: LinkRequest) -> None:
        """Change a device: its own netns and the target are locked.  Raises: KernelError."""
        k = self.k
        with k.probe.frames("rtnetlink_rcv", "rtnetlink_rcv_msg"):
            with k.probe.fn("rtnl_setlink"):
                self.check_names(req)
                nets = k.rtnl.new_nets()
                k.rtnl.rtnl_nets_add(nets, req.sock_net)
                if req.tgt_net is not None:
                    k.rtnl.rtnl_nets_add(nets, req.tgt_net)
                try:
                    k.rtnl.rtnl_nets_lock(nets)
                    try:
                        dev = self.rtnl_dev_get(req.sock_net, req)
                        if dev is None:
                            raise KernelError(
                                errno.ENODEV if req.ifindex or req.ifname else errno.EINVAL
                            )
                        self.k.rtnl_setlink.do_setlink(req, dev, req.tgt_net)
                    finally:
                        k.rtnl.rtnl_nets_unlock(nets)
                finally:
                    k.rtnl.rtnl_nets_destroy(nets)

    # -- RTM_DELLINK --

    def rtnl_dellink(self, req: LinkRequest) -> None:
        """Delete a device or a group.  Raises: KernelError."""
        k = self.k
        with k.probe.frames("rtnetlink_rcv", "rtnetlink_rcv_msg"):
            with k.probe.fn("rtnl_dellink"):
                net = req.tgt_net or req.sock_net
                k.rtnl.rtnl_net_lock(net)
                try:
                    if req.ifindex > 0 or req.ifname:
                        dev = self.rtnl_dev_get(net, req)
                        if dev is None:
                            raise KernelError(errno.ENODEV)
                        self.rtnl_delete_link(dev, req.portid)
                    elif req.group is not None:
                        self.rtnl_group_dellink(net, req.group)
                    else:
                        raise KernelError(errno.EINVAL)
                finally:
                    k.rtnl.rtnl_net_unlock(net)

    def rtnl_delete_link(self, dev: NetDevice, portid: int = 0) -> None:
        """dellink onto a list of our own, then unregister it.  Raises: KernelError(EOPNOTSUPP)."""
        ops = dev.rtnl_link_ops
        if ops is None:
            raise KernelError(errno.EOPNOTSUPP)
        list_kill = UnregHead("list_kill")
        ops.dellink(dev, list_kill)
        self.k.dev.unregister_netdevice_many_notify(list_kill, portid)

    def rtnl_group_dellink(self, net: Net, group: int) -> None:
        """Every device of the group, or none.  Raises: KernelError(EPERM, ENODEV, EOPNOTSUPP)."""
        if not group:
            raise KernelError(errno.EPERM)
        found = [dev for dev in net.dev_list() if dev.group == group]
        if any(dev.rtnl_link_ops is None for dev in found):
            raise KernelError(errno.EOPNOTSUPP)
        if not found:
            raise KernelError(errno.ENODEV)
        list_kill = UnregHead("list_kill")
        for dev in found:
            assert dev.rtnl_link_ops is not None
            dev.rtnl_link_ops.dellink(dev, list_kill)
        self.k.dev.unregister_netdevice_many(list_kill)
